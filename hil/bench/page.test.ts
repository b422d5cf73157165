/** A market day that is watched: the page of a real run, in headless Chromium, beside what the ledger and the folder hold. */
import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import {
  findChromium,
  openBrowser,
  pictureFolder,
  WITHOUT_CHROMIUM,
} from '@fieldbid/dashboard/testing/browser';
import test, { type ExecutionContext } from 'ava';
import { CONTROL_FILE } from '../faults/fault-api.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { loadScenario } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const quiet = { update: () => {}, finish: () => {} };

async function watched(
  t: ExecutionContext,
  look: (url: string, record: RunRecord) => Promise<void>,
): Promise<void> {
  t.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-page-'));
  const file = join(folder, CONTROL_FILE);
  let looked = false;
  await runMarketDay({
    loaded: loadScenario(SCENARIO, { start: '2026-06-21T11:45Z', intervals: 2, dayAhead: false }),
    ...{ folder, dsoEnforced: true, log: silentLogger(), say: () => {}, progress: quiet },
    page: { host: '127.0.0.1', port: 0, tries: 0 },
    onEnd: async (record) => {
      t.is(statSync(file).mode & 0o777, 0o600);
      const { url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string };
      await look(url, record);
      looked = true;
    },
  });
  t.true(looked);
  t.false(existsSync(file), 'a token that nobody takes any more does not lie about');
}

const program = findChromium();
const title =
  'the page of a run: feeder, awards, verdicts, clearing, settlement; a record proved by its UID, and one that was changed';
if (program === undefined) test.skip(`${title}: ${WITHOUT_CHROMIUM}`, () => {});
else {
  test(title, (t) =>
    watched(t, async (url, record) => {
      const { open, close, complaints } = await openBrowser(program);
      try {
        const tab = await open(url);
        const says = (selector: string, text: string | RegExp) =>
          tab.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 15_000 });
        const [first, second] = record.intervals;
        const bid = second?.bids[0];
        if (first === undefined || second === undefined || bid === undefined) return t.fail('no bids');
        await says('#trouble', 'All is well');
        await says('#ders-facts', '12');
        await says('#health-list', 'Agents: ');
        await says('#health-list', 'BC-GW: up');
        // The same figures as in the record of the run.
        await says('#clearing-of', '06-21 12:00');
        await says(
          '#clearing-facts',
          `${((second.clearing?.price_uUSD_per_MWh ?? 0) / 1e6).toFixed(2)} $/MWh`,
        );
        await says('#interval-bids', bid.derId);
        await tab.getByRole('button', { name: 'earlier interval' }).click();
        await says('#clearing-of', '06-21 11:45');
        const total_kW = first.bids.reduce((sum, { allocation_W }) => sum + allocation_W, 0) / 1000;
        const approved_kW = first.bids.reduce((sum, { approved_W }) => sum + approved_W, 0) / 1000;
        await says(
          '#clearing-facts',
          `approved ${approved_kW.toFixed(1)} → allocated ${total_kW.toFixed(1)} kW`,
        );
        await says('#settlement-facts', '2 intervals');
        await says('#settlement-table tr.total', '0.0000');
        await says('#ders-detail', 'Choose a DER');
        await tab.locator('#ders-table tbody tr').filter({ hasText: bid.derId }).click();
        await says('#ders-detail', 'verified:');
        await says('#ders-detail', `allocated ${(bid.allocation_W / 1000).toFixed(1)}`);

        await tab.locator('#uid').fill(bid.uid);
        await tab.keyboard.press('Enter');
        await says('#record', '✓ Equal');
        await says('#record', bid.checksum);
        await tab.locator('#verify').click();
        await says('#verified', 'all as it was written');
        const picture = join(pictureFolder(), 'page-of-a-run.png');
        await tab.screenshot({ path: picture, fullPage: true });
        t.log(`picture: ${picture}`);
        t.deepEqual(complaints, []);

        // A record that was changed on its way, though everybody on the way says that it fits.
        await tab.route('**/api/bids/*', async (route) => {
          const answer = await route.fetch();
          const shown = (await answer.json()) as { record: { raw: { bid: { price_uUSD_per_MWh: number } } } };
          shown.record.raw.bid.price_uUSD_per_MWh++;
          await route.fulfill({ response: answer, json: shown });
        });
        await tab.locator('#record-form button').click();
        await says('#record', '✕ NOT equal');
      } finally {
        await close();
      }
    }),
  );
}
