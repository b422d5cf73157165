/**
 * Step 13 · Two settlements of an interval: `pay = DA_q · DA_p + (RT_q − DA_q) · RT_p`; at true-up the metered energy
 * takes the place of RT_q, and what it deviates from the dispatched energy beyond a band is charged.
 * The ISO settles with each DERA, the DERA with its DERs, to the same µ$: a DERA's amount is rounded once and handed
 * on in whole µ$, so that what it receives is what it passes on. Only its fee stays with it.
 */
import { priceFromUsd } from '../money.ts';
import { exactNumber, ppmFromPercent, roundedQuotient, roundedTogether, WMIN_PER_MWH } from './arithmetic.ts';
import { ISO, owed, type Posting, type PostingKind } from './postings.ts';
import type { SettlementRules } from './rules.ts';

/** A DER's quantities of one interval. Injection is positive, consumption negative. */
export interface DerQuantities {
  readonly derId: string;
  readonly deraId: string;
  /** DA_q: sold a day ahead, W; that of its hour. */
  readonly dayAhead_W: number;
  /** RT_q: cleared in real time, W. */
  readonly realTime_W: number;
  /**
   * What it was told to deliver, W: RT_q, less what the DSO curtailed after clearing. Deviation is counted from here,
   * because a DER that obeys the DSO does not deviate.
   */
  readonly dispatched_W: number;
  /** Energy metered in the interval, Wh; null when nothing was. */
  readonly metered_Wh: number | null;
  /** What it would have metered anyway, Wh: delivered is what is metered less this. Absent: all of it is delivered. */
  readonly baseline_Wh?: number;
}

export interface IntervalToSettle {
  readonly intervalId: string;
  readonly interval_min: number;
  /** DA_p, of the hour. */
  readonly dayAhead_uUSD_per_MWh: number;
  /** RT_p. */
  readonly realTime_uUSD_per_MWh: number;
  readonly ders: readonly DerQuantities[];
}

/** What energy a DER's interval was settled at. */
export interface SettledEnergy {
  readonly derId: string;
  readonly deraId: string;
  readonly intervalId: string;
  /** W · min; 60 to a Wh. */
  readonly dispatched_Wmin: number;
  readonly settled_Wmin: number;
  /** Beyond the band, Wh rounded half away from zero; what the charge is for. */
  readonly excess_Wh: number;
  readonly unmetered: boolean;
}

export interface Settlement {
  readonly postings: readonly Posting[];
  readonly energies: readonly SettledEnergy[];
}

/** A share in millionths of a share in millionths of an amount: everything of a DER is exact in this denominator. */
const PPM = 1_000_000n;
const DENOMINATOR = WMIN_PER_MWH * PPM * PPM;

interface Claim {
  readonly energy: SettledEnergy;
  /** µ$ due to the DER, times `DENOMINATOR`. */
  readonly due: Readonly<Record<Exclude<PostingKind, 'fee'>, bigint>>;
}

/**
 * All postings of one interval, whatever the order of its DERs. The first two kinds do not depend on what is metered,
 * so that they may be posted before the meters are read.
 * @throws RangeError for quantities and prices that are no integers, or names that stand for two parties.
 */
export function settleInterval(interval: IntervalToSettle, rules: SettlementRules): Settlement {
  const deras = new Map<string, Claim[]>();
  const ids = new Set<string>([ISO]);
  for (const der of [...interval.ders].sort((a, b) => (a.derId < b.derId ? -1 : 1))) {
    if (ids.has(der.derId)) throw new RangeError(`${der.derId} stands for two parties`);
    ids.add(der.derId);
    const claims = deras.get(der.deraId) ?? [];
    claims.push(claimOf(der, interval, rules));
    deras.set(der.deraId, claims);
  }
  const postings: Posting[] = [];
  for (const deraId of [...deras.keys()].sort()) {
    if (ids.has(deraId)) throw new RangeError(`${deraId} stands for two parties`);
    postings.push(...postingsOf(deraId, deras.get(deraId) ?? [], interval.intervalId, rules));
  }
  return { postings, energies: [...deras.values()].flat().map(({ energy }) => energy) };
}

/** All intervals of a day or of any other period. */
export function settle(intervals: readonly IntervalToSettle[], rules: SettlementRules): Settlement {
  const parts = intervals.map((interval) => settleInterval(interval, rules));
  return {
    postings: parts.flatMap(({ postings }) => postings),
    energies: parts.flatMap(({ energies }) => energies),
  };
}

function claimOf(der: DerQuantities, interval: IntervalToSettle, rules: SettlementRules): Claim {
  const minutes = BigInt(interval.interval_min);
  const dayAheadPrice = BigInt(interval.dayAhead_uUSD_per_MWh);
  const price = BigInt(interval.realTime_uUSD_per_MWh);
  const dayAhead = BigInt(der.dayAhead_W) * minutes;
  const realTime = BigInt(der.realTime_W) * minutes;
  const dispatched = BigInt(der.dispatched_W) * minutes;
  const metered = der.metered_Wh === null ? undefined : deliveredEnergy(der.metered_Wh, der.baseline_Wh);
  const settled = metered ?? unmeteredEnergy(dispatched, price, rules);
  // Nothing is charged for a deviation that nobody measured.
  const excess = metered === undefined ? 0n : beyondBand(metered, dispatched, rules);
  return {
    energy: {
      derId: der.derId,
      deraId: der.deraId,
      intervalId: interval.intervalId,
      dispatched_Wmin: exactNumber(dispatched),
      settled_Wmin: exactNumber(settled),
      excess_Wh: exactNumber(roundedQuotient(excess, 60n * PPM)),
      unmetered: metered === undefined,
    },
    due: {
      'day-ahead': dayAhead * dayAheadPrice * PPM * PPM,
      'real-time': (realTime - dayAhead) * price * PPM * PPM,
      'true-up': (settled - realTime) * price * PPM * PPM,
      deviation: -excess * chargePerEnergy(price, rules),
    },
  };
}

/** W·min. Consuming less than the baseline is delivery as well: injection is positive. */
function deliveredEnergy(metered_Wh: number, baseline_Wh = 0): bigint {
  return (BigInt(metered_Wh) - BigInt(baseline_Wh)) * 60n;
}

/** Where delivering nothing would pay more than what was dispatched, silence must not be the way to it. */
function unmeteredEnergy(dispatched: bigint, price: bigint, rules: SettlementRules): bigint {
  return rules.unmetered === 'dispatched' || dispatched * price < 0n ? dispatched : 0n;
}

/** W·min in millionths. */
function beyondBand(metered: bigint, dispatched: bigint, rules: SettlementRules): bigint {
  const share = magnitude(dispatched) * ppmFromPercent(rules.deviationBand_pct);
  const least = BigInt(rules.deviationBandMin_Wh) * 60n * PPM;
  const excess = magnitude(metered - dispatched) * PPM - (share > least ? share : least);
  return excess > 0n ? excess : 0n;
}

/** µ$/MWh in millionths. */
function chargePerEnergy(price: bigint, rules: SettlementRules): bigint {
  const fixed_USD_per_MWh = rules.deviationCharge_USD_per_MWh;
  if (fixed_USD_per_MWh !== undefined) return BigInt(priceFromUsd(fixed_USD_per_MWh)) * PPM;
  return magnitude(price) * ppmFromPercent(rules.deviationCharge_pct);
}

function postingsOf(
  deraId: string,
  claims: readonly Claim[],
  intervalId: string,
  rules: SettlementRules,
): Posting[] {
  const postings: Posting[] = [];
  const earned_uUSD = claims.map(() => 0);
  for (const kind of ['day-ahead', 'real-time', 'true-up', 'deviation'] as const) {
    const amounts_uUSD = roundedTogether(
      claims.map(({ due }) => due[kind]),
      DENOMINATOR,
    );
    const all_uUSD = amounts_uUSD.reduce((sum, amount) => sum + amount, 0);
    postings.push(...owed(ISO, deraId, all_uUSD, { kind, intervalId }));
    for (const [i, amount_uUSD] of amounts_uUSD.entries()) {
      const { derId } = claims[i]!.energy;
      postings.push(...owed(deraId, derId, amount_uUSD, { kind, intervalId, derId }));
      if (kind !== 'deviation') earned_uUSD[i]! += amount_uUSD;
    }
  }
  for (const [i, earned] of earned_uUSD.entries()) {
    // A fee is a part of earnings: an interval that costs the DER costs it no fee as well.
    if (earned <= 0 || rules.fee_ppm === 0) continue;
    const { derId } = claims[i]!.energy;
    const fee_uUSD = exactNumber(roundedQuotient(BigInt(earned) * BigInt(rules.fee_ppm), PPM));
    postings.push(...owed(derId, deraId, fee_uUSD, { kind: 'fee', intervalId, derId }));
  }
  return postings;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
