/**
 * Hosting headroom: the largest power that one more generator at a bus could inject, balanced over the bus's
 * phases, before the feeder breaks a limit. It is a number per bus on its own: two buses cannot both use theirs.
 */
import type { PowerFlow } from '../power-flow/power-flow.ts';
import { linePairs } from '../power-flow/voltages.ts';
import { Feeder, type FeederDer } from './feeder.ts';
import { type BrokenLimit, brokenLimit } from './limits.ts';

export interface Headroom {
  readonly bus: string;
  readonly phases: string;
  /** Verified by a solve that keeps all limits, kW. */
  readonly headroom_kW: number;
  /** The limit that a little more would break; null when even `CAP_KW` breaks none. */
  readonly binding: BrokenLimit | null;
}

/** Where the doubling starts, kW; headroom below it is still found. */
const FIRST_KW = 64;
/** Beyond this a feeder's model has nothing to say. */
const CAP_KW = 65_536;
/** Halvings of the last interval: it is then within half a percent, or below 0.3 kW. */
const HALVINGS = 8;
const PROBE = 'headroom-';

/**
 * The same feeder with a generator to try at every bus but the swing bus, and no other DERs. On a three-wire
 * feeder a bus of one phase has no two lines to connect it to, and is left out.
 * @param description of the feeder's engine: which buses are live, on which phases.
 * @param named what the model's file gives a name: nothing can be connected to a bus without one.
 */
export function withProbes(
  feeder: Feeder,
  { nodes, swing }: PowerFlow['description'],
  named: { has(name: string): boolean },
): Feeder {
  const ders: FeederDer[] = nodes
    .filter(({ name }) => name !== swing && named.has(name))
    .filter(({ phases }) => feeder.data.voltages === 'line-to-neutral' || linePairs(phases).length > 0)
    .map(({ name, phases }) => ({ derId: PROBE + name, bus: name, phases, nameplate_W: 1, deviceIds: [] }));
  return new Feeder({ ...feeder.data, ders });
}

/**
 * Headroom of every probe, smallest first; by doubling and then halving, all buses in one exchange per step.
 * @param probed a feeder of `withProbes`. @param powerFlow an engine with it loaded.
 * @param minuteOfDay whose loads hold. @returns nothing when a limit is broken already without any injection.
 */
export async function hostingHeadroom(
  probed: Feeder,
  powerFlow: PowerFlow,
  minuteOfDay: number,
): Promise<Headroom[] | undefined> {
  const { limits } = probed.data;
  const test = async (tries: readonly { at: Search; kW: number }[]): Promise<void> => {
    const results = await powerFlow.solveMany(
      tries.map(({ at, kW }) => probed.caseAt({ minuteOfDay, derPower_W: { [at.der.derId]: kW * 1000 } })),
    );
    results.forEach((result, i) => {
      const { at, kW } = tries[i]!;
      const broken = brokenLimit(limits, result);
      if (broken === undefined) at.low_kW = kW;
      else Object.assign(at, { high_kW: kW, binding: broken });
    });
  };
  const [base] = await powerFlow.solveMany([probed.caseAt({ minuteOfDay, derPower_W: {} })]);
  if (base === undefined || brokenLimit(limits, base) !== undefined) return undefined;
  const searches = probed.ders.map((der): Search => ({ der, low_kW: 0, high_kW: undefined, binding: null }));
  for (let kW = FIRST_KW; kW <= CAP_KW; kW *= 2) {
    await test(searches.filter(({ high_kW }) => high_kW === undefined).map((at) => ({ at, kW })));
  }
  for (let i = 0; i < HALVINGS; i++) {
    await test(
      searches.flatMap((at) => (at.high_kW === undefined ? [] : [{ at, kW: (at.low_kW + at.high_kW) / 2 }])),
    );
  }
  return searches
    .map(({ der, low_kW, binding }) => ({
      bus: der.bus,
      phases: der.phases.join(''),
      headroom_kW: low_kW,
      binding,
    }))
    .sort((a, b) => a.headroom_kW - b.headroom_kW);
}

interface Search {
  readonly der: FeederDer;
  /** Keeps all limits. */
  low_kW: number;
  /** Breaks one; undefined until something does. */
  high_kW: number | undefined;
  binding: BrokenLimit | null;
}
