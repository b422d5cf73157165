/**
 * What the embedded ledger's transactions said and wrote, in order, without what differs from run to run
 * (signatures, certificates, nonces, transaction ids, hashes): two runs with the same inputs give the same
 * lines.
 */
import { join } from 'node:path';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import type { Block } from './block.ts';
import { MIGRATIONS, WorldState } from './world-state.ts';

const PAGE_BLOCKS = 100;

/**
 * One line of canonical JSON per transaction: block, transaction, time, argument, writes and event.
 * @param dir folder of a ledger that nobody has open.
 */
export async function* ledgerPayloads(dir: string): AsyncGenerator<string, void> {
  const db = await SqliteDatabase.open(join(dir, 'ledger.sqlite'), MIGRATIONS, { durability: 'process' });
  try {
    const state = new WorldState(db);
    for (let next = 0; ; ) {
      const page = await state.blocksFrom(next, PAGE_BLOCKS);
      for (const { number, data } of page) {
        for (const { proposal, effects } of (JSON.parse(data) as Block).transactions) {
          const { transaction, payload, at_ms } = proposal;
          const { writes, event } = effects;
          yield canonicalJson({ block: number, transaction, at_ms, payload, writes, event });
        }
        next = number + 1;
      }
      if (page.length < PAGE_BLOCKS) return;
    }
  } finally {
    await db.close();
  }
}
