/**
 * Step 13 · What a DER delivered in an interval, from what its agent measured: the difference of its energy counter at
 * the interval's ends, or, where that is missing or cannot be, the integral of its power. Energies are whole Wh,
 * injection positive.
 */
import type { Interval } from '@fieldbid/core/interval';
import { MINUTE_MS } from '@fieldbid/core/interval';
import type { Measurement } from '@fieldbid/core/market/messages';
import { roundHalfAway } from '@fieldbid/core/market/money';
import type { MeteredBy } from '@fieldbid/core/market/settlement/report';

type Sample = Pick<Measurement, 'power_W' | 'energy_Wh'> & { readonly at_ms: number };

export interface MeteredEnergy {
  readonly metered_Wh: number | null;
  readonly meteredBy: MeteredBy;
}

/** A counter read so far from an interval's end is moved to it by the power measured then. */
const FROM_END_MS = 1.5 * MINUTE_MS;
/** Between two measurements of power so far apart nobody knows what was delivered. */
const LONGEST_GAP_MS = 5 * MINUTE_MS;
/** A counter that says more than this share of what the nameplate can deliver was reset, or is another's. */
const MOST_OF_NAMEPLATE = 1.2;
/** Below this, W, a DER consumes, which a counter of injected energy does not show. */
const CONSUMES_W = -0.5;
const HOUR_MS = 60 * MINUTE_MS;
const NOT_METERED: MeteredEnergy = { metered_Wh: null, meteredBy: 'none' };

export class Meters {
  readonly #samples = new Map<string, Sample[]>();
  readonly #signing = new Set<string>();

  /**
   * In any order: what was kept while a broker was away comes late. Signatures are checked by whoever hands a reading
   * over (telemetry.ts); where a DER signs, what is not signed is not its meter.
   */
  take({ derId, readAt_ms, power_W, energy_Wh, signature }: Measurement): void {
    if (signature !== undefined) this.#signing.add(derId);
    else if (this.#signing.has(derId)) return;
    const samples = this.#samples.get(derId) ?? [];
    this.#samples.set(derId, samples);
    let at = samples.length;
    while (at > 0 && samples[at - 1]!.at_ms > readAt_ms) at--;
    if (samples[at - 1]?.at_ms === readAt_ms) return;
    samples.splice(at, 0, { at_ms: readAt_ms, power_W, energy_Wh });
  }

  /** Forgets what is older. */
  forgetBefore(t_ms: number): void {
    for (const samples of this.#samples.values()) {
      const kept = samples.findIndex(({ at_ms }) => at_ms >= t_ms);
      samples.splice(0, kept === -1 ? samples.length : kept);
    }
  }

  energyOf(derId: string, { start_ms, end_ms }: Interval, nameplate_W: number): MeteredEnergy {
    const samples = this.#samples.get(derId) ?? [];
    const consumes = samples.some(
      ({ at_ms, power_W }) => start_ms <= at_ms && at_ms <= end_ms && power_W < CONSUMES_W,
    );
    const counted_Wh = consumes ? undefined : fromCounter(samples, start_ms, end_ms);
    const most_Wh = (MOST_OF_NAMEPLATE * nameplate_W * (end_ms - start_ms)) / HOUR_MS;
    // Counters are whole Wh: one more or less is their step.
    if (counted_Wh !== undefined && counted_Wh > -1.5 && counted_Wh <= most_Wh + 1) {
      return { metered_Wh: Math.max(0, roundHalfAway(counted_Wh)), meteredBy: 'energy-counter' };
    }
    const summed_Wh = fromPower(samples, start_ms, end_ms);
    if (summed_Wh === undefined) return NOT_METERED;
    return { metered_Wh: roundHalfAway(summed_Wh), meteredBy: 'power' };
  }
}

function fromCounter(samples: readonly Sample[], start_ms: number, end_ms: number): number | undefined {
  const reading = (t_ms: number): number | undefined => {
    let nearest: Sample | undefined;
    for (const sample of samples) {
      const distance_ms = Math.abs(sample.at_ms - t_ms);
      if (sample.energy_Wh === null || distance_ms > FROM_END_MS) continue;
      if (nearest === undefined || distance_ms < Math.abs(nearest.at_ms - t_ms)) nearest = sample;
    }
    if (nearest === undefined || nearest.energy_Wh === null) return undefined;
    return nearest.energy_Wh + (nearest.power_W * (t_ms - nearest.at_ms)) / HOUR_MS;
  };
  const [from, to] = [reading(start_ms), reading(end_ms)];
  return from === undefined || to === undefined ? undefined : to - from;
}

/** Power between two measurements lies on the line between them; at the ends it holds. */
function fromPower(samples: readonly Sample[], start_ms: number, end_ms: number): number | undefined {
  const near = samples.filter(
    ({ at_ms }) => at_ms >= start_ms - LONGEST_GAP_MS && at_ms <= end_ms + LONGEST_GAP_MS,
  );
  const [first, last] = [near[0], near.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const held = [
    ...(first.at_ms > start_ms ? [{ ...first, at_ms: start_ms }] : []),
    ...near,
    ...(last.at_ms < end_ms ? [{ ...last, at_ms: end_ms }] : []),
  ];
  let sum_Wms = 0;
  for (const [i, b] of held.entries()) {
    const a = held[i - 1];
    if (a === undefined) continue;
    const [from_ms, to_ms] = [Math.max(a.at_ms, start_ms), Math.min(b.at_ms, end_ms)];
    if (to_ms <= from_ms) continue;
    if (b.at_ms - a.at_ms > LONGEST_GAP_MS) return undefined;
    const at = (t_ms: number): number =>
      a.power_W + ((b.power_W - a.power_W) * (t_ms - a.at_ms)) / (b.at_ms - a.at_ms);
    sum_Wms += ((at(from_ms) + at(to_ms)) / 2) * (to_ms - from_ms);
  }
  return sum_Wms / HOUR_MS;
}
