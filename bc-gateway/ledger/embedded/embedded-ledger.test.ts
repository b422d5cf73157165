import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ledgerConformance } from '../conformance.ts';
import { EmbeddedLedger } from './embedded-ledger.ts';

const NOW = Date.UTC(2026, 5, 21, 11, 55);

ledgerConformance(test, 'embedded', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
  const ledger = await EmbeddedLedger.open({ dir, now: () => NOW, durability: 'process' });
  return { ledger, close: () => ledger.close() };
});
