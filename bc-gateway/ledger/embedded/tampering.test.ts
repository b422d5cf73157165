/** M24 · Any single byte of the chain, the world state or the index, changed: `verify` names the place. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  batch,
  certificate,
  change,
  enrolment,
  INTERVAL,
  qualification,
  registration,
  signedClaim,
} from '@fieldbid/chaincode/testing/fixtures';
import { seededSigner } from '@fieldbid/core/signing-key';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import test from 'ava';
import fc from 'fast-check';
import { submit } from '../ledger.ts';
import type { Block, Genesis, StoredBlock } from './block.ts';
import { EmbeddedLedger } from './embedded-ledger.ts';
import { verifyChain } from './verify.ts';
import { MIGRATIONS, type StateEntry, WorldState } from './world-state.ts';

interface Copy {
  readonly blocks: StoredBlock[];
  readonly entries: StateEntry[];
  readonly index: { tx_id: string; block: number }[];
}
let original: Copy;
let genesis: Genesis;

test.before(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fieldbid-tampering-'));
  const ledger = await EmbeddedLedger.open({ dir, now: () => 1_782_043_000_000, durability: 'process' });
  const dera = await ledger.identity({ mspId: 'DeraMSP', role: 'dera', deraId: 'north' });
  const dso = await ledger.identity({ mspId: 'DsoMSP', role: 'dso' });
  const device = seededSigner(1, 'pv1');
  const changes = [change('pv1', 40_000, 1)];
  for (const [identity, name, payload] of [
    [dera, 'registerDer', registration('pv1')],
    [dso, 'qualifyDer', qualification('pv1')],
    [dera, 'enrolKey', await enrolment('pv1', device)],
    [dera, 'submitBids', batch([await signedClaim('pv1', device)])],
    [dso, 'decideInterval', { intervalId: INTERVAL, certificate: certificate(), changes }],
  ] as const) {
    const submitted = await submit(ledger, identity, name, JSON.stringify(payload));
    if (submitted.outcome !== 'committed') throw new RangeError(JSON.stringify(submitted));
  }
  await ledger.close();
  const db = await SqliteDatabase.open(join(dir, 'ledger.sqlite'), MIGRATIONS, { durability: 'process' });
  const state = new WorldState(db);
  const entries: StateEntry[] = [];
  for await (const entry of state.range('', '\u007f')) entries.push(entry);
  original = { blocks: await state.blocksFrom(0, 100), entries, index: await state.transactionIndex() };
  genesis = (JSON.parse(original.blocks[0]!.data) as Block).genesis!;
  await db.close();
});

/** Verifies a copy as it stands in memory. */
function verified({ blocks, entries, index }: Copy) {
  const state = {
    blocksFrom: async (number: number, limit: number) =>
      blocks.filter((block) => block.number >= number).slice(0, limit),
    transactionIndex: async () => index,
    async *range() {
      yield* entries;
    },
  };
  return verifyChain(state as unknown as WorldState, genesis);
}

/** One character replaced by another of its kind: the hardest to notice. */
function otherCharacter(text: string, at: number): string {
  const i = at % text.length;
  const code = text.charCodeAt(i);
  const next = /[0-8a-yA-Y]/.test(text[i] ?? '') ? code + 1 : code === 0x20 ? 0x5f : 0x20;
  return `${text.slice(0, i)}${String.fromCharCode(next)}${text.slice(i + 1)}`;
}

test('untouched it verifies', async (t) => {
  t.deepEqual((await verified(original)).findings, []);
});

test('any byte of any block', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.boolean(), async (which, at, ofHash) => {
      const blocks = [...original.blocks];
      const i = which % blocks.length;
      const block = blocks[i]!;
      blocks[i] = ofHash
        ? { ...block, hash: otherCharacter(block.hash, at) }
        : { ...block, data: otherCharacter(block.data, at) };
      const { findings } = await verified({ ...original, blocks });
      const named = findings.some(({ where }) => new RegExp(`^(block|transaction) ${i}\\b`).test(where));
      t.true(named, `block ${i}, at ${at}: ${JSON.stringify(findings)}`);
    }),
    { numRuns: 400 },
  );
});

test('any byte of the world state, and its versions', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.nat(),
      fc.constantFrom('key', 'value', 'version'),
      async (which, at, field) => {
        const entries = [...original.entries];
        const i = which % entries.length;
        const entry = entries[i]!;
        entries[i] = { ...entry, [field]: otherCharacter(entry[field as keyof StateEntry], at) };
        const { findings } = await verified({ ...original, entries });
        t.true(
          findings.some(({ where }) => where === `state ${entry.key}`),
          `${field} of ${entry.key}, at ${at}: ${JSON.stringify(findings)}`,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('order: two blocks, or two entries of the index, in each other’s place', async (t) => {
  const count = original.blocks.length;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: count - 1 }),
      fc.integer({ min: 1, max: count - 1 }),
      async (a, b) => {
        fc.pre(a !== b);
        const blocks = [...original.blocks];
        [blocks[a], blocks[b]] = [
          { ...blocks[b]!, number: a },
          { ...blocks[a]!, number: b },
        ];
        const { findings } = await verified({ ...original, blocks });
        for (const i of [a, b]) t.true(findings.some(({ where }) => where === `block ${i}`));
        const index = original.index.map(({ tx_id, block }) => ({
          tx_id,
          block: block === a ? b : block === b ? a : block,
        }));
        const moved = await verified({ ...original, index });
        t.true(moved.findings.filter(({ kind }) => kind === 'INDEX_BLOCK').length === 2);
      },
    ),
    { numRuns: 30 },
  );
});

test('a member of a block under another name', async (t) => {
  for (const member of [
    'transactions',
    'genesis',
    'number',
    'previousHash',
    'effects',
    'endorsements',
    'proposal',
  ]) {
    for (const i of [0, 1]) {
      const blocks = [...original.blocks];
      blocks[i] = { ...blocks[i]!, data: blocks[i]!.data.replace(`"${member}"`, `"${member}x"`) };
      if (blocks[i]!.data === original.blocks[i]!.data) continue;
      const { findings } = await verified({ ...original, blocks });
      t.true(
        findings.some(({ where }) => where === `block ${i}`),
        member,
      );
    }
  }
});
