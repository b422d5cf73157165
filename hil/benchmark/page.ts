/**
 * `npm run bench -- page`: the operator's page with a thousand DERs in headless Chromium. Every round all of them report and the
 * feeder is solved anew, four times a second: what an update costs the browser, by its own Performance API.
 */
import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { openPage } from '@fieldbid/dashboard/open-page';
import { findChromium, openBrowser, WITHOUT_CHROMIUM } from '@fieldbid/dashboard/testing/browser';
import {
  gridAt,
  measurementOf,
  START_MS,
  sayFirstMinute,
  smallLab,
  verdictOf,
} from '@fieldbid/dashboard/testing/small-lab';
import { spread } from '../report/statistics.ts';

type Row = [what: string, measured: string, beside: string];

const DERS = 1000;
const ROUNDS = 60;
const BETWEEN_ROUNDS_MS = 300;
/** Minutes of the day that are on the charts already. */
const MINUTES_BEFORE = 1440;
/** Issue: what is aimed at. */
const AIM_PAINT_MS = 1000;
const AIM_UPDATE_MS = 100;

interface Task {
  readonly name: string;
  readonly startTime: number;
  readonly duration: number;
}

export async function pageFigures(): Promise<Row[]> {
  const program = findChromium();
  if (program === undefined) return [['the operator’s page', 'not measured', WITHOUT_CHROMIUM]];
  console.error(`the operator’s page, ${DERS} DERs …`);
  const bus = new LocalExchange().connect();
  let minute = 1;
  const page = await openPage({
    ...{ bus, source: 'bench', now: () => START_MS + minute * 1000, speed: 1, log: silentLogger() },
    access: { host: '127.0.0.1', port: 0 },
  });
  const { browser, open, close, complaints } = await openBrowser(program);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  try {
    const lab = smallLab(DERS);
    await sayFirstMinute(bus, lab);
    for (minute = 2; minute <= MINUTES_BEFORE; minute++)
      await bus.publish(topics.gridStates, gridAt(lab, minute, 1.01));
    await pause(1000);
    // Once for the program's own start, which is not the page's.
    await (await open(page.url)).close();
    const tab = await open(page.url);
    await tab
      .locator('#ders-facts')
      .filter({ hasText: String(DERS) })
      .waitFor();
    const paint = (await tab.evaluate(
      `performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint').startTime`,
    )) as number;
    await pause(1000);
    const first = await tasks(tab);
    const session = await tab.context().newCDPSession(tab);
    await session.send('Performance.enable');
    const taskTime_s = async (): Promise<number> =>
      (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')
        ?.value ?? 0;
    await tab.evaluate('performance.clearMeasures()');
    const from_s = await taskTime_s();
    for (let round = 0; round < ROUNDS; round++) {
      minute++;
      for (const [i, { derId }] of lab.ders.entries()) {
        await bus.publish(
          topics.measurements(derId),
          measurementOf(derId, minute, 4000 + ((i * 7 + round * 13) % 4000)),
        );
        if (i % 10 === 0)
          await bus.publish(
            topics.verdicts(derId),
            verdictOf(derId, round % 2 === 0 ? 'verified' : 'unproven', minute),
          );
      }
      await bus.publish(topics.gridStates, gridAt(lab, minute, 1.01 + (round % 40) / 1000));
      await pause(BETWEEN_ROUNDS_MS);
    }
    const all_s = (await taskTime_s()) - from_s;
    const measured = await tasks(tab);
    const updates = measured.filter(({ name }) => name === 'fieldbid:apply');
    const draws = measured.filter(({ name }) => name === 'fieldbid:draw');
    const each = updates.map(({ startTime, duration }) => {
      const draw = draws.find((one) => one.startTime >= startTime);
      return duration + (draw?.duration ?? 0);
    });
    const found = spread(each);
    const heap = (await tab.evaluate('performance.memory.usedJSHeapSize')) as number;
    const ms = (value: number | undefined): string => `${(value ?? Number.NaN).toFixed(1)} ms`;
    return [
      [
        'first paint of the page, loopback',
        ms(paint),
        `aim < ${AIM_PAINT_MS} ms; Chromium ${browser.version()}`,
      ],
      [
        `first picture, ${DERS} DERs and ${MINUTES_BEFORE} minutes`,
        ms(
          first
            .filter(({ name }) => name.startsWith('fieldbid:'))
            .reduce((sum, { duration }) => sum + duration, 0),
        ),
        'taken over and drawn',
      ],
      [
        `an update, all ${DERS} DERs changed: taken over and drawn`,
        `p50 ${ms(found?.p50)}, p95 ${ms(found?.p95)}, most ${ms(found?.max)}`,
        `aim ≤ ${AIM_UPDATE_MS} ms; ${updates.length} updates`,
      ],
      [
        'the same with the browser’s own work (styles, layout, painting)',
        `mean ${ms((1000 * all_s) / Math.max(1, updates.length))}`,
        `main thread, of ${((ROUNDS * BETWEEN_ROUNDS_MS) / 1000).toFixed(0)} s; heap ${(heap / 2 ** 20).toFixed(0)} MiB; ${complaints.length} complaints`,
      ],
    ];
  } finally {
    await close();
    await page.close();
  }
}

async function tasks(tab: { evaluate(script: string): Promise<unknown> }): Promise<Task[]> {
  const script = `performance.getEntriesByType('measure').map(({ name, startTime, duration }) => ({ name, startTime, duration }))`;
  return (await tab.evaluate(script)) as Task[];
}
