/** The page in headless Chromium: content, updates, a fault injected and ended by hand, the keyboard, and nothing to complain of. */
import { join } from 'node:path';
import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import type { FaultControl, FaultMark, FaultOrder } from '@fieldbid/core/lab/faults';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { openPage } from '../open-page.ts';
import { findChromium, openBrowser, pictureFolder, WITHOUT_CHROMIUM } from '../testing/browser.ts';
import {
  agentOf,
  derName,
  gridAt,
  measurementOf,
  START_MS,
  sayFirstMinute,
  smallLab,
  verdictOf,
} from '../testing/small-lab.ts';

const TOKEN = 'a-token-of-a-test-run';

/** Keeps what was ordered, and says so. */
function recordedFaults(
  onMark: (mark: FaultMark) => Promise<void>,
): FaultControl & { readonly ordered: FaultOrder[] } {
  const ordered: FaultOrder[] = [];
  const marks: FaultMark[] = [];
  return {
    ordered,
    offers: () => [
      { fault: 'broker-killed', targets: [] },
      { fault: 'answers-late', targets: [derName(0), derName(1)] },
    ],
    marks: () => marks,
    inject: async (order, origin) => {
      ordered.push(order);
      const mark: FaultMark = {
        id: `f${ordered.length}`,
        order,
        origin,
        from_ms: START_MS,
        until_ms: null,
        outcome: 'injected',
        note: '',
      };
      marks.push(mark);
      await onMark(mark);
      return mark;
    },
    end: async (id) => {
      const at = marks.findIndex((mark) => mark.id === id && mark.outcome === 'injected');
      const mark = marks[at];
      if (mark === undefined) return undefined;
      const over: FaultMark = { ...mark, outcome: 'ended', until_ms: START_MS + 60_000 };
      marks[at] = over;
      await onMark(over);
      return over;
    },
  };
}

/** What this test brings about: a wrong token, a hostile drawing that is stopped, a server that goes away. */
const EXPECTED =
  /status of 401|inline event handler|ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED)/;

const program = findChromium();
const title =
  'the page shows what is said on the bus, follows it, and injects a fault once the token is given';
if (program === undefined) test.skip(`${title}: ${WITHOUT_CHROMIUM}`, () => {});
else {
  test(title, async (t) => {
    t.timeout(60_000);
    const bus = new LocalExchange().connect((fault) => t.fail(`${fault.topic}: ${fault.error}`));
    let now_ms = START_MS + 90_000;
    const faults = recordedFaults((mark) => bus.publish(topics.faultMarks, mark));
    const access = { host: '127.0.0.1', port: 0, token: TOKEN };
    const page = await openPage({
      bus,
      faults,
      access,
      source: 'test',
      now: () => now_ms,
      speed: null,
      log: silentLogger(),
    });
    const { open, close, complaints } = await openBrowser(program);
    try {
      const tab = await open(page.url);
      const says = (selector: string, text: string | RegExp) =>
        tab.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 10_000 });
      await says('#trouble', 'Waiting for the market');

      const lab = smallLab(300);
      await sayFirstMinute(bus, lab);
      await says('#trouble', 'All is well');
      await says('#now', '12:01:30');
      await says('#in-force', '12:00');
      await says('#price', '40.00');
      await says('#ders-facts', '300');
      await says('#feeder-facts', /1\.0100 pu/);
      await says('#clearing-facts', '40.00 $/MWh');
      t.is(await tab.locator('.one-line [data-bus]').count(), 40);
      t.is(await tab.title(), 'fieldbid · small-lab', 'nothing in the drawing has run');
      t.is(await tab.locator('.one-line script').count(), 0);
      t.true(
        (await tab.locator('#ders-table tbody tr').count()) < 60,
        'only what can be seen is in the document',
      );

      // What changes, changes.
      await bus.publish(topics.gridStates, gridAt(lab, 2, 1.01, 1.06));
      now_ms += 60_000;
      await says('#trouble', 'Voltage outside its limits at bus-0.A');
      await tab.locator('.one-line .bus.above').waitFor();
      await bus.publish(topics.verdicts(derName(7)), verdictOf(derName(7), 'unproven', 2));
      await bus.publish(topics.measurements(derName(7)), measurementOf(derName(7), 2, 7777));
      await bus.publish(topics.agents(derName(8)), agentOf(derName(8), false), { retain: true });
      await says('#trouble', `Command not proved: ${derName(7)} (unproven)`);
      await says('#health-list', `away: agent-${derName(8)}`);

      // Found, sorted, and read by keyboard.
      await tab.selectOption('#ders-show', 'unproved');
      await says('#ders-facts', '1 of 300');
      await says('#ders-table tbody', '7.8');
      await tab.locator('#ders-table').focus();
      await tab.keyboard.press('ArrowDown');
      await says('#ders-detail', 'unproven: was unproven');
      await tab.selectOption('#ders-show', 'all');
      await tab.getByRole('button', { name: 'Measured' }).click();
      await tab.getByRole('button', { name: 'Measured' }).click();
      await says('#ders-table tbody tr:not(.spacer)', derName(7));
      await tab.locator('.one-line svg').focus();
      await tab.keyboard.press('ArrowRight');
      await says('#bus-said', /Bus bus-0 · A 1\.0600.* above its upper limit/);

      // Read-only, until the token is given; a wrong one is none.
      await says('#fault-said', 'Read-only');
      t.true(await tab.locator('#fault-inject').isDisabled());
      const giveToken = async (token: string): Promise<void> => {
        if (await tab.locator('#token-form').isHidden()) await tab.locator('#operator').click();
        await tab.locator('#token').fill(token);
        await tab.keyboard.press('Enter');
      };
      await giveToken('not-the-token-at-all');
      await says('#token-said', 'not the token');
      await giveToken(TOKEN);
      await says('#operator', 'Operator ✓');
      await tab.selectOption('#fault-kind', 'answers-late');
      await tab.selectOption('#fault-target', derName(1));
      await tab.locator('#fault-minutes').fill('3');
      await tab.locator('#fault-inject').click();
      await says('#trouble', `Fault injected: answers-late at ${derName(1)}`);
      t.deepEqual(faults.ordered, [
        { fault: 'answers-late', target: derName(1), duration_min: 3, delay_ms: 2000 },
      ]);
      const pictures = pictureFolder();
      await tab.screenshot({ path: join(pictures, 'page-light-1440.png'), fullPage: true });
      await tab.getByRole('button', { name: 'End it' }).click();
      await says('#fault-marks', '✓ ended');
      t.false(tab.url().includes(TOKEN));

      // Dark, on a tablet.
      const tablet = await open(page.url, { width: 820, height: 1180, dark: true });
      await tablet.locator('#ders-facts').filter({ hasText: '300' }).waitFor();
      t.true(
        await tablet.evaluate('document.documentElement.scrollWidth <= 820'),
        'nothing is wider than the tablet',
      );
      t.is(await tablet.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(20, 24, 29)');
      await tablet.screenshot({ path: join(pictures, 'page-dark-820.png'), fullPage: true });
      t.log(`pictures: ${pictures}`);

      // A server that comes back is found again.
      await page.close();
      await says('#trouble', 'Not connected');
      const expected = complaints.filter((line) => !EXPECTED.test(line));
      t.deepEqual(expected, []);
    } finally {
      await close();
      await page.close();
    }
  });
}
