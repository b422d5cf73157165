/**
 * Whatever is awarded, to whatever device, through whatever faults: no register ever holds a limit above what was
 * asked, or the family's floor, or the rating; and while the device answers, its true power keeps to it.
 */
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test from 'ava';
import fc from 'fast-check';
import { ModbusRefusal } from '../devices/modbus-answers.ts';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { type Lab, runLab, type Script, scheduleOf } from '../testing/agent-lab.ts';

const RUNS = 25;
const INTERVALS = 2;
const CYCLE_S = 10;
/** Moments of the script lie beside all cycles of the agent, so that it is plain what it knew. */
const BESIDE_MS = 3777;
const REVERT_S = 300;
const DEVICE_BUSY = 6;

const FAMILY: fc.Arbitrary<FamilyName> = fc.constantFrom(
  ...([
    'generic-1xx',
    'generic-7xx',
    'generic-storage',
    'fronius-float',
    'kostal',
    'fimer',
    'enphase',
  ] as const),
  'solaredge' as const,
);
/** What goes wrong, and for how long after which second of the first interval. */
const FAULT = fc.record({
  kind: fc.constantFrom('offline', 'noise', 'busy', 'busyWrites'),
  from_s: fc.integer({ min: -60, max: 1700 }),
  duration_s: fc.integer({ min: 1, max: 500 }),
});
const AWARD = fc.record({
  interval: fc.integer({ min: 0, max: INTERVALS - 1 }),
  /** After its interval's start, s. */
  at_s: fc.integer({ min: -200, max: 800 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});
const CASE = fc.record({
  family: FAMILY,
  // Such as the device's register can say: 100 % means what stands there, in steps of 10 W for the large ones.
  rating_W: fc
    .integer({ min: 600, max: 250_000 })
    .map((watts) => (watts > 25_000 ? watts - (watts % 10) : watts)),
  sun: fc.double({ min: 0.3, max: 1, noNaN: true }),
  floor_pct: fc.constantFrom(0, 1, 5, 12.34),
  movingScales: fc.boolean(),
  defaultShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  withoutAward: fc.constantFrom('zero' as const, 'default' as const),
  awards: fc.array(AWARD, { minLength: 1, maxLength: 6 }),
  faults: fc.array(FAULT, { maxLength: 3 }),
});
type Case = typeof CASE extends fc.Arbitrary<infer T> ? T : never;

/** @returns what was seen that must not be; empty when all is well. */
async function broken(given: Case): Promise<string[]> {
  const { family, rating_W, movingScales, withoutAward } = given;
  const schedule = scheduleOf(INTERVALS);
  const [first, last] = [schedule[0]!.interval, schedule.at(-1)!.interval];
  const floor_W = (given.floor_pct / 100) * rating_W;
  const tolerance_W = (loadProfile(FAMILIES[family].profile).limit.tolerance_pct / 100) * rating_W;
  const settle_s = loadProfile(FAMILIES[family].profile).limit.settle_s;
  const defaultLimit_W = given.defaultShare === null ? null : Math.floor(given.defaultShare * rating_W);
  const awarded = new Map<string, number>();
  /** What the device must keep to now, W; infinity when it may do what it likes. */
  const asked_W = (t_ms: number): number => {
    const moment = schedule.find(({ interval }) => interval.start_ms <= t_ms && t_ms < interval.end_ms);
    const award_W = moment === undefined ? undefined : awarded.get(moment.interval.id);
    if (award_W !== undefined) return award_W;
    if (moment !== undefined && withoutAward === 'zero') return 0;
    return defaultLimit_W ?? Number.POSITIVE_INFINITY;
  };
  const wrong: string[] = [];
  const active = new Set<string>();
  /** Since when nothing has been wrong with the device, and nothing new has been asked. */
  let quietSince_ms = Number.NEGATIVE_INFINITY;
  let lastAsked_W = Number.NaN;
  const settle_ms = 1000 * (Math.max(4 * CYCLE_S, REVERT_S / 8 + CYCLE_S) + settle_s + 5);

  const look = (lab: Lab): void => {
    const now_ms = lab.now();
    const limit_W = asked_W(now_ms);
    if (active.size > 0 || limit_W !== lastAsked_W) quietSince_ms = now_ms;
    lastAsked_W = limit_W;
    const power_W = lab.power_W();
    const most_W = Math.max(limit_W, floor_W) + tolerance_W;
    if (now_ms - quietSince_ms > settle_ms && power_W > most_W) {
      wrong.push(`${(now_ms - first.start_ms) / 1000} s: delivers ${power_W} W, asked ${limit_W} W`);
    }
  };
  const watchRegisters = (lab: Lab): void => {
    const { registers } = lab.inverter;
    const { readRegisters, writeRegisters } = { ...registers };
    const busy = (kinds: readonly string[]): void => {
      if (kinds.some((kind) => active.has(kind))) throw new ModbusRefusal(DEVICE_BUSY, 'busy');
    };
    Object.assign(registers, {
      readRegisters: (...request: Parameters<typeof readRegisters>) => {
        busy(['busy']);
        return readRegisters(...request);
      },
      writeRegisters: (...request: Parameters<typeof writeRegisters>) => {
        busy(['busy', 'busyWrites']);
        const before = commandsTaken(lab);
        writeRegisters(...request);
        if (commandsTaken(lab) === before) return; // a sign of life
        const pct = lab.inverter.limitInForce_pct();
        const held_W = pct === null ? null : (pct / 100) * rating_W;
        const limit_W = Math.max(asked_W(lab.now()), floor_W);
        if (held_W !== null && held_W > Math.min(limit_W, rating_W) * (1 + 1e-6) + stepOf(given)) {
          wrong.push(`holds ${held_W} W of ${rating_W} W, asked ${limit_W} W`);
        }
      },
    });
  };

  const at = (t_s: number): number => first.start_ms + t_s * 1000 + BESIDE_MS;
  const script: Script = [];
  for (let t_s = -120; at(t_s) < last.end_ms; t_s += CYCLE_S) script.push([at(t_s), look]);
  for (const { interval, at_s, share } of given.awards) {
    const moment = schedule[interval]!;
    const allocation_W = Math.floor(share * rating_W);
    script.push([
      moment.interval.start_ms + at_s * 1000 - (at_s % CYCLE_S) * 1000 + BESIDE_MS + 1,
      async (lab) => {
        const { accepted } = await lab.award(moment, allocation_W);
        if (accepted) awarded.set(moment.interval.id, allocation_W);
      },
    ]);
  }
  for (const { kind, from_s, duration_s } of given.faults) {
    const turn = (on: boolean) => (lab: Lab) => {
      if (on) active.add(kind);
      else active.delete(kind);
      lab.inverter.faults.offline = active.has('offline');
      lab.inverter.faults.noise = active.has('noise');
      quietSince_ms = lab.now();
    };
    const from_ms = at(from_s - (from_s % CYCLE_S)) + 2;
    script.push([from_ms, turn(true)]);
    script.push([from_ms + Math.ceil(duration_s / CYCLE_S) * CYCLE_S * 1000 + 1, turn(false)]);
  }
  script.sort(([a], [b]) => a - b);
  const lab = await runLab(script, {
    ...{ family, rating_W, sun_W: given.sun * rating_W, intervals: INTERVALS, cycle_s: CYCLE_S },
    prepare: family === 'solaredge',
    quirks: { movingScales: movingScales && family === 'generic-1xx' },
    profile: (profile) => ({
      ...profile,
      limit: { ...profile.limit, floor_pct: given.floor_pct },
      wear: { ...profile.wear, writesPerDay: 10_000 },
    }),
    setup: { revert_s: REVERT_S, withoutAward, defaultLimit_W },
    onOpened: watchRegisters,
  });
  if (lab.measurements.length === 0) wrong.push('nothing was measured at all');
  return wrong;
}

/** Writes to the registers of the limit, signs of life not counted. */
function commandsTaken({ inverter }: Lab): number {
  const commands = [...inverter.writes].filter(([name]) => !name.endsWith('Hb'));
  return commands.reduce((sum, [, times]) => sum + times, 0);
}

/** A floor is raised to the register's next step, 0.1 % of the rating at the coarsest, a set point's 10 W. */
function stepOf({ rating_W, floor_pct }: Case): number {
  return floor_pct === 0 ? 0 : Math.max(10, rating_W / 1000);
}

test('limits hold', async (t) => {
  t.timeout(110_000);
  await fc.assert(
    fc.asyncProperty(CASE, async (given) => {
      const wrong = await broken(given);
      if (wrong.length > 0) throw new RangeError(wrong.slice(0, 5).join('\n'));
    }),
    {
      numRuns: RUNS,
      interruptAfterTimeLimit: 100_000,
      markInterruptAsFailure: false,
      endOnFailure: true,
      includeErrorInReport: true,
    },
  );
  t.pass();
});
