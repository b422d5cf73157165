/**
 * Market time shared by separate processes: the bench publishes its clock once, retained, and every other
 * program of the market follows it. In the field there is no such message and market time is real time.
 */
import Type, { type Static } from 'typebox';
import type { Bus } from '../bus/bus.ts';
import { topics } from '../bus/topics.ts';
import { withDeadline } from '../errors.ts';
import { parse } from '../schema.ts';
import { WallClock } from './wall-clock.ts';

/** How a program's config names its clock. */
export const ClockConfig = Type.Object(
  {
    /** `real`: market time is real time. `bus`: follow the bench's clock (retained message on the bus). */
    source: Type.Enum(['real', 'bus'], { default: 'real' }),
  },
  { additionalProperties: false, default: {} },
);
export type ClockConfig = Static<typeof ClockConfig>;

export const SharedClock = Type.Object(
  {
    speed: Type.Number({ exclusiveMinimum: 0, maximum: 10_000 }),
    origin_ms: Type.Integer({ minimum: 0 }),
    realOrigin_ms: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type SharedClock = Static<typeof SharedClock>;

/** How long a program waits for the bench to appear, real ms. */
const BENCH_DEADLINE_MS = 120_000;

/** Tells everybody on the bus which market time it is. */
export async function shareClock(bus: Bus, clock: SharedClock): Promise<void> {
  await bus.publish(topics.clock, clock, { retain: true });
}

/**
 * A maker of this program's clocks (one TimeSource per participant, all the same time).
 * @throws DeadlineError when the clock is the bench's and no bench shows up.
 */
export async function clocksFor(config: ClockConfig, bus: Bus): Promise<() => WallClock> {
  if (config.source === 'real') return () => new WallClock();
  let found: (clock: SharedClock) => void = () => {};
  const arrived = new Promise<SharedClock>((resolve) => {
    found = resolve;
  });
  const subscription = await bus.subscribe(topics.clock, ({ topic, message }) =>
    found(parse(SharedClock, message, topic)),
  );
  try {
    const shared = await withDeadline(arrived, BENCH_DEADLINE_MS, "the bench's clock on the bus");
    return () => new WallClock(shared);
  } finally {
    await subscription.close();
  }
}
