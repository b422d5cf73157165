/** The suite that every database behind a gateway passes: `storeConformance(test, 'name', open)`. */
import { createHash } from 'node:crypto';
import { codeOf } from '@fieldbid/core/errors';
import type { GridMeasurement } from '@fieldbid/core/gateway-api/schemas';
import type { ExecutionContext, TestFn } from 'ava';
import type { ReadingRow, VoltageRow } from './measurement-store.ts';
import type { RawRow } from './raw-store.ts';
import type { Stores } from './stores.ts';

/** A fresh database, opened again as often as is asked: each opening is a gateway of its own where several may be. */
export interface DatabaseUnderTest {
  open(): Promise<Stores>;
  remove(): Promise<void>;
}

const uidOf = (n: number): string => createHash('sha256').update(String(n)).digest('hex').slice(0, 32);

function row(n: number, txId: string, changes: Partial<RawRow> = {}): RawRow {
  return {
    ...{
      uid: uidOf(n),
      revision: 1,
      txId,
      derId: `pv${n}`,
      deraId: 'north',
      intervalId: '2026-06-21T12:00Z',
    },
    salt: 'ab'.repeat(16),
    // Whatever is in it comes back byte for byte: quotes, line breaks, other scripts, a backslash.
    record: `{"n":${n},"text":"\\"\\\\ \\n é µ 電 \u{1f50b}"}`,
    ...changes,
  };
}

const pending = (txId: string, since_ms = 1) => ({
  txId,
  since_ms,
  endorsed: Buffer.from([0, 255, 10, 39, 92]),
});

function reading(sequence: number, readAt_ms: number, derId = 'pv1'): ReadingRow {
  return { derId, sequence, readAt_ms, reading: `{"sequence":${sequence},"µ":"'"}` };
}

export function storeConformance(test: TestFn, name: string, make: () => Promise<DatabaseUnderTest>): void {
  const withStores = (
    title: string,
    run: (t: ExecutionContext, stores: Stores, database: DatabaseUnderTest) => Promise<void>,
  ): void =>
    test(`${name}: ${title}`, async (t) => {
      const database = await make();
      try {
        const stores = await database.open();
        try {
          await run(t, stores, database);
        } finally {
          await stores.close();
        }
      } finally {
        await database.remove();
      }
    });

  withStores(
    'what is pending is not read until it is committed, and then byte for byte',
    async (t, { records }) => {
      const [one, two] = [row(1, 'tx1'), row(2, 'tx1')];
      await records.addPending(pending('tx1'), [one, two]);
      t.deepEqual(await records.find([one, two]), []);
      t.deepEqual(await records.page(undefined, 10), []);
      const [open] = await records.pendingTransactions();
      t.deepEqual(
        { ...open, endorsed: [...(open?.endorsed ?? [])] },
        { ...pending('tx1'), endorsed: [0, 255, 10, 39, 92] },
      );
      await records.markCommitted('tx1');
      await records.markCommitted('tx1'); // again changes nothing
      t.deepEqual(await records.pendingTransactions(), []);
      const byUid = (a: RawRow, b: RawRow): number => (a.uid < b.uid ? -1 : 1);
      t.deepEqual((await records.find([one, two, row(3, '')])).sort(byUid), [one, two].sort(byUid));
    },
  );

  withStores('what is discarded is gone, and committed rows stay', async (t, { records }) => {
    await records.addPending(pending('tx1'), [row(1, 'tx1')]);
    await records.addPending(pending('tx2'), [row(1, 'tx2', { revision: 2 })]);
    await records.markCommitted('tx1');
    for (const txId of ['tx1', 'tx2', 'unknown']) await records.discard(txId);
    t.deepEqual(await records.pendingTransactions(), []);
    t.deepEqual(await records.page(undefined, 10), [row(1, 'tx1')]);
  });

  withStores(
    'two transactions may be pending for one revision; one of them is committed',
    async (t, { records }) => {
      await records.addPending(pending('tx1', 5), [row(1, 'tx1')]);
      await records.addPending(pending('tx2', 4), [row(1, 'tx2', { salt: 'cd'.repeat(16) })]);
      t.deepEqual(
        (await records.pendingTransactions()).map(({ txId }) => txId),
        ['tx2', 'tx1'],
        'oldest first',
      );
      await records.markCommitted('tx2');
      t.is(codeOf(await t.throwsAsync(records.markCommitted('tx1'))), 'STORE_FAILED');
      await records.discard('tx1');
      t.deepEqual(
        (await records.find([row(1, '')])).map(({ txId }) => txId),
        ['tx2'],
      );
    },
  );

  withStores('a batch that cannot be added whole is not added', async (t, { records }) => {
    const twice = [row(1, 'tx1'), row(2, 'tx1'), row(1, 'tx1')];
    t.is(codeOf(await t.throwsAsync(records.addPending(pending('tx1'), twice))), 'STORE_FAILED');
    t.deepEqual(await records.pendingTransactions(), []);
    await records.addPending(pending('tx1'), twice.slice(0, 2));
    t.is(codeOf(await t.throwsAsync(records.addPending(pending('tx1'), []))), 'STORE_FAILED');
  });

  withStores('a thousand rows at once, in pages, each once and in order', async (t, { records }) => {
    const rows = Array.from({ length: 1000 }, (_, n) => row(n, 'tx1', { revision: 1 + (n % 3) }));
    await records.addPending(pending('tx1'), rows);
    await records.markCommitted('tx1');
    const seen: RawRow[] = [];
    for (
      let page = await records.page(undefined, 333);
      page.length > 0;
      page = await records.page(seen.at(-1), 333)
    ) {
      seen.push(...page);
    }
    const key = ({ uid, revision }: RawRow): string => `${uid} ${revision}`;
    t.deepEqual(seen.map(key), rows.map(key).sort());
    t.is((await records.find(rows)).length, 1000);
  });

  withStores('changes at the same moment do not lose each other', async (t, { records }) => {
    const ids = Array.from({ length: 30 }, (_, i) => i);
    await Promise.all(ids.map((i) => records.addPending(pending(`tx${i}`), [row(i, `tx${i}`)])));
    await Promise.all(
      [...ids, ...ids].map((i) =>
        (i % 3 === 0 ? records.discard : records.markCommitted).call(records, `tx${i}`),
      ),
    );
    t.deepEqual(await records.pendingTransactions(), []);
    t.is((await records.page(undefined, 100)).length, 20);
  });

  withStores('it is there when it is opened again', async (t, stores, database) => {
    await stores.records.addPending(pending('tx1'), [row(1, 'tx1')]);
    await stores.measurements.addReadings([reading(1, 5)]);
    await stores.close();
    const again = await database.open();
    t.is((await again.records.pendingTransactions()).length, 1);
    t.is((await again.measurements.readings('pv1', { from_ms: 0, to_ms: 9 }, undefined, 9)).length, 1);
    await again.ping();
    await again.close();
    t.is(codeOf(await t.throwsAsync(again.ping())), 'STORE_FAILED');
    (stores as { close: () => Promise<void> }).close = async () => {};
  });

  withStores('readings are kept once, by number, and come by time in pages', async (t, { measurements }) => {
    const rows = [reading(1, 30), reading(2, 10), reading(3, 10), reading(4, 20), reading(1, 15, 'pv2')];
    t.is(await measurements.addReadings(rows), 5);
    t.is(await measurements.addReadings([reading(1, 99), reading(5, 40)]), 1, 'number 1 is there already');
    const range = { from_ms: 10, to_ms: 40 };
    const first = await measurements.readings('pv1', range, undefined, 2);
    const rest = await measurements.readings('pv1', range, first.at(-1), 9);
    t.deepEqual([...first, ...rest], [reading(2, 10), reading(3, 10), reading(4, 20), reading(1, 30)]);
  });

  withStores(
    'voltages are found by feeder, node and time; a later value takes the place of an earlier',
    async (t, { measurements }) => {
      const at = (
        at_ms: number,
        source: GridMeasurement['source'],
        ...voltages: [string, number][]
      ): GridMeasurement => ({
        ...{ feederId: 'ieee13', at_ms, source },
        voltages: voltages.map(([node, voltage_upu]) => ({ node, voltage_upu })),
      });
      t.is(
        await measurements.addVoltages([
          at(60, 'measured', ['l675.A', 1_009_000], ['l675.A', 1_010_000], ['l675.B', 1_020_000]),
        ]),
        2,
      );
      await measurements.addVoltages([
        at(60, 'power-flow', ['l675.A', 1_011_000]),
        at(120, 'measured', ['l675.A', 1_012_000]),
      ]);
      await measurements.addVoltages([{ ...at(60, 'measured', ['l675.A', 1]), feederId: 'ieee37' }]);
      await measurements.addVoltages([at(60, 'measured', ['l675.A', 1_013_000])]);
      const query = { feederId: 'ieee13', from_ms: 0, to_ms: 120 };
      const expected: VoltageRow[] = [
        { at_ms: 60, node: 'l675.A', source: 'measured', voltage_upu: 1_013_000 },
        { at_ms: 60, node: 'l675.A', source: 'power-flow', voltage_upu: 1_011_000 },
        { at_ms: 60, node: 'l675.B', source: 'measured', voltage_upu: 1_020_000 },
      ];
      const first = await measurements.voltages(query, undefined, 1);
      t.deepEqual([...first, ...(await measurements.voltages(query, first.at(-1), 9))], expected);
      t.deepEqual(await measurements.voltages({ ...query, node: 'l675.B' }, undefined, 9), expected.slice(2));
    },
  );

  withStores('what is old is forgotten, some at a time', async (t, { measurements }) => {
    await measurements.addReadings([reading(1, 10), reading(2, 20), reading(3, 30)]);
    const voltages = [{ node: 'a', voltage_upu: 1 }];
    for (const at_ms of [10, 20, 30]) {
      await measurements.addVoltages([{ feederId: 'f', at_ms, source: 'measured', voltages }]);
    }
    t.is(await measurements.forgetBefore(30, 1), 2);
    t.is(await measurements.forgetBefore(30, 100), 2);
    t.is(await measurements.forgetBefore(30, 100), 0);
    const all = { from_ms: 0, to_ms: 100 };
    t.deepEqual(await measurements.readings('pv1', all, undefined, 9), [reading(3, 30)]);
    t.is((await measurements.voltages({ feederId: 'f', ...all }, undefined, 9)).length, 1);
  });
}
