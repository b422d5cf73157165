import type { FaultMark } from '@fieldbid/core/lab/faults';
import { silentLogger } from '@fieldbid/core/logging';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import { BenchFaults } from './control.ts';
import { serviceFaults } from './service-faults.ts';
import { timelineOf } from './timeline.ts';

const START_MS = Date.parse('2026-06-21T11:00:00Z');
const minute = (at_ms: number | null): string => new Date(at_ms ?? 0).toISOString().slice(11, 19);

/** A broker and a BC-GW that note when they are killed, and a bus that is as dead as the broker. */
function bench() {
  const coordinator = new TimeCoordinator(START_MS);
  const done: string[] = [];
  const told: FaultMark[] = [];
  let isAlive = true;
  const note = (what: string): void => void done.push(`${minute(coordinator.now() + 1)} ${what}`);
  const faults = new BenchFaults({
    sources: [
      serviceFaults({
        broker: {
          kill: async () => {
            isAlive = false;
            note('broker killed');
          },
          startAgain: async () => {
            isAlive = true;
            note('broker started');
          },
        },
        gateway: { kill: async () => note('BC-GW killed'), startAgain: async () => note('BC-GW started') },
        dsoEnginePid: () => undefined,
      }),
    ],
    timeFor: (name) => coordinator.join(name),
    now: () => coordinator.now(),
    publish: (mark) => (isAlive ? Promise.resolve(void told.push(mark)) : new Promise<void>(() => {})),
    log: silentLogger(),
  });
  return { coordinator, faults, done, told };
}

test('a timeline is followed minute by minute; nothing waits for a broker that is dead, and all is told later', async (t) => {
  const { coordinator, faults, done, told } = bench();
  const timeline = timelineOf([
    { at: '2026-06-21T11:10Z', fault: 'broker-killed', duration_min: 5 },
    { at: '2026-06-21T11:12Z', fault: 'gateway-killed', duration_min: 3 },
    { at: '2026-06-21T11:15Z', fault: 'gateway-killed' },
    { at: '2026-06-21T11:20Z', fault: 'dso-engine-killed' },
  ]);
  await faults.follow(timeline, coordinator.join('faults'));
  t.deepEqual(done, [
    '11:10:00 broker killed',
    '11:12:00 BC-GW killed',
    '11:15:00 broker started',
    '11:15:00 BC-GW started',
    '11:15:00 BC-GW killed',
  ]);
  await faults.close(START_MS + 3_600_000);
  t.is(done.at(-1), '11:20:00 BC-GW started');
  t.deepEqual(
    faults
      .marks()
      .map(({ id, outcome, from_ms, until_ms }) => [id, outcome, minute(from_ms), minute(until_ms)]),
    [
      ['f1', 'ended', '11:10:00', '11:15:00'],
      ['f2', 'ended', '11:12:00', '11:15:00'],
      ['f3', 'ended', '11:15:00', '12:00:00'],
      ['f4', 'refused', '11:20:00', '11:20:00'],
    ],
  );
  t.regex(faults.marks().at(-1)!.note, /not running now/);
  // The broker's death while it could still carry the news; the rest when it was back.
  t.deepEqual([...new Set(told.map(({ id, outcome }) => `${id} ${outcome}`))].sort(), [
    ...['f1 ended', 'f1 injected', 'f2 ended', 'f2 injected', 'f3 ended', 'f3 injected', 'f4 refused'],
  ]);
  t.like(told[0], { id: 'f1', outcome: 'injected' });
});
