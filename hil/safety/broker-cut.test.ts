/**
 * The broker goes away for good: an agent holds the awards that it has, renewing them, and then does as the owner
 * said for the time without one. Nobody answers its bids meanwhile, and no device waits for that.
 */
import { WallClock } from '@fieldbid/core/time/wall-clock';
import test from 'ava';
import { CLASSES, openSubject, SUN_W } from './device-classes.ts';
import { SafetyLab, until } from './lab.ts';

/** Market seconds in a real one: an interval of 3 minutes takes 9 s. */
const SPEED = 20;
const AWARD_W = 3000;
const DEFAULT_W = 5000;
/** Shorter than the 10 real seconds that a message waits for a broker. */
const REVERT_S = 60;

test('a broker that is cut: awards are held to their end, then the owner decides', async (t) => {
  const shared = {
    speed: SPEED,
    origin_ms: Date.parse('2026-06-21T12:00:00Z'),
    realOrigin_ms: Date.now(),
  };
  const clock = new WallClock(shared);
  t.teardown(() => clock.close());
  const lab = new SafetyLab(shared.origin_ms, 3);
  t.teardown(() => lab.close());
  const [limited, , , , , , storage] = CLASSES;
  const wishes = {
    'then-zero': { given: limited!, config: ['withoutAward: zero'], then_W: 0 },
    'then-default': { given: limited!, config: [`defaultLimit_W: ${DEFAULT_W}`], then_W: DEFAULT_W },
    'then-free': { given: limited!, config: [], then_W: SUN_W },
    'battery-then-zero': { given: storage!, config: ['withoutAward: zero'], then_W: 0 },
  };
  for (const [name, { given, config }] of Object.entries(wishes)) {
    const options = { now: () => clock.now(), config };
    const hold = { revert_s: REVERT_S, hold_s: REVERT_S };
    lab.subjects.push(await openSubject({ ...given, ...hold, name }, lab.write, options));
  }
  await lab.openMarket(shared);
  await lab.startAgent();
  // The interval that begins next: its award is known before the cut.
  const now_ms = clock.now();
  const moment = lab.schedule.find(({ interval }) => interval.start_ms > now_ms + 10_000);
  if (moment === undefined) throw new RangeError('the market of this test is over');
  await lab.award(moment, AWARD_W);
  await lab.cutBroker();
  const { start_ms, end_ms } = moment.interval;
  await until(() => lab.subjects.every(({ power_W }) => Math.abs(power_W() - AWARD_W) < 1));
  t.true(clock.now() >= start_ms);
  const before = lab.subjects.map((subject) => subject.writeTransactions());
  const freed = new Set<string>();
  await until(
    () => clock.now() >= end_ms,
    () => {
      for (const { derId, power_W, heardAt_ms } of lab.subjects) {
        const heard_ms = heardAt_ms();
        const watts = power_W();
        const now_ms = clock.now();
        const runs = now_ms < heard_ms + REVERT_S * 1000 - 2000 && now_ms < end_ms - 2000;
        if (runs && watts > AWARD_W + 1) freed.add(derId);
      }
    },
  );
  t.deepEqual([...freed], []);
  for (const [i, subject] of lab.subjects.entries()) {
    t.true(subject.writeTransactions() - (before[i] ?? 0) >= 2, `${subject.derId} was renewed`);
  }
  await until(() =>
    Object.values(wishes).every(({ then_W }, i) => Math.abs(lab.subjects[i]!.power_W() - then_W) < 1),
  );
  t.pass();
});
