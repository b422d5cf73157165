/**
 * `fieldbid dso approve` · Step 7 over files, without any service: feeder, DERs and bids in, approved quantities and
 * certificate out. The same code as the DSO's service.
 */
import { readText } from '@fieldbid/core/config';
import { silentLogger } from '@fieldbid/core/logging';
import type { ClearingSafety } from '../feasibility/clearing-outcomes.ts';
import { IntervalCheck } from '../feasibility/interval-check.ts';
import { policyNamed } from '../feasibility/policies.ts';
import type { Request, Verdict } from '../feasibility/policy.ts';
import { bareFeeder, DEFAULT_LIMITS } from '../feeder/bare-feeder.ts';
import { Feeder, type FeederLimits } from '../feeder/feeder.ts';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { openPowerFlow, openSearchFlow } from '../feeder/open-feeder.ts';
import { objectsIn, phasesOf } from '../power-flow/gridlabd/glm.ts';
import type { Extremes } from '../power-flow/power-flow.ts';
import { readBids, readDers } from './case-files.ts';

export interface ApproveOptions {
  /** `.glm`: its loads as they stand, one case. `feeder.yaml`: an interval of its day. */
  readonly feeder: string;
  /** Without it the feeder file's own DERs. */
  readonly ders: string | undefined;
  readonly bids: string;
  readonly policy: string;
  /** Default: `merit-order` where the bids have prices or ranks, else `none`. */
  readonly safety: ClearingSafety | undefined;
  readonly low_pu: number | undefined;
  readonly high_pu: number | undefined;
  readonly export_W: number | undefined;
  /** Of a bare model: whether the nameplates of its transformers bind. */
  readonly ratings: boolean;
  /** Default: the feeder file's; 0 for a bare model. */
  readonly margin_pu: number | undefined;
  /** Minute of day at which the interval starts, and its length; of a feeder.yaml. */
  readonly startMinuteOfDay: number;
  readonly duration_min: number;
  /** False: GridLAB-D searches too. */
  readonly searchEngine: boolean;
}

export interface Approval {
  readonly feeder: Feeder;
  readonly requests: readonly Request[];
  readonly policy: string;
  readonly verdict: Verdict;
  readonly check: IntervalCheck;
  readonly remarks: readonly string[];
  readonly took_ms: number;
}

/** @throws InputError for what is wrong in a file; FieldbidError `FEEDER_REJECTED`, `ISLANDED_NODE`, `ENGINE_UNAVAILABLE`. */
export async function approve(options: ApproveOptions): Promise<Approval> {
  const feeder = feederOf(options);
  const ders = new Map(feeder.ders.map((der) => [der.derId, der]));
  const { requests, ranked } = readBids(options.bids, ders);
  const safety = options.safety ?? (ranked ? 'merit-order' : 'none');
  const policy = policyNamed(options.policy);
  const powerFlow = await openPowerFlow(feeder, silentLogger());
  const search = options.searchEngine ? await openSearchFlow(feeder, silentLogger()) : undefined;
  try {
    const check = new IntervalCheck({
      feeder,
      powerFlow,
      search,
      startMinuteOfDay: options.startMinuteOfDay,
      duration_min: isModel(options.feeder) ? 1 : options.duration_min,
      margin_pu: feeder.data.margin_pu,
      silentDerIds: [],
    });
    const from = performance.now();
    const verdict = await policy.decide(check, requests, safety);
    const took_ms = performance.now() - from;
    const remarks = [...powerFlow.description.remarks, ...overload(feeder, verdict.approved)];
    if (safety === 'none' && !ranked && options.safety === undefined) {
      remarks.push(
        'the bids have no prices: only all of them together is checked, not what a clearing may make of them',
      );
    }
    return { feeder, requests, policy: policy.name, verdict, check, remarks, took_ms };
  } finally {
    await search?.close();
    await powerFlow.close();
  }
}

function isModel(file: string): boolean {
  return file.toLowerCase().endsWith('.glm');
}

function feederOf(options: ApproveOptions): Feeder {
  const { low_pu, high_pu, export_W, margin_pu } = options;
  const given: Partial<FeederLimits> = {
    ...(low_pu === undefined ? {} : { low_pu }),
    ...(high_pu === undefined ? {} : { high_pu }),
    ...(export_W === undefined ? {} : { export_W }),
  };
  const base = isModel(options.feeder) ? modelAlone(options) : loadFeeder(options.feeder);
  const objects = new Map(objectsIn(readText(base.data.modelFile)).map((object) => [object.name, object]));
  const phasesOfBus = (bus: string) => {
    const properties = objects.get(bus)?.properties;
    return properties === undefined || properties.has('parent')
      ? undefined
      : phasesOf(properties.get('phases'));
  };
  return new Feeder({
    ...base.data,
    limits: { ...base.data.limits, ...given },
    margin_pu: margin_pu ?? base.data.margin_pu,
    ders: options.ders === undefined ? base.ders : readDers(options.ders, phasesOfBus),
  });
}

/**
 * A bare model says what its transformers are made for, because their impedance is given by it, not what their owner lets
 * them carry: unless asked for, these are told and do not bind. Ratings of lines are there to be kept.
 */
function modelAlone({ feeder, ratings }: ApproveOptions): Feeder {
  const { data } = bareFeeder(feeder, DEFAULT_LIMITS);
  if (ratings) return new Feeder(data);
  const lines = new Map([...data.ratings].filter(([, { kind }]) => kind === 'current'));
  if (lines.size > 0) return new Feeder({ ...data, ratings: lines });
  return new Feeder({ ...data, limits: { ...data.limits, ratings: 'watched' } });
}

function overload({ data }: Feeder, approved: Extremes | null): string[] {
  if (data.limits.ratings !== 'watched' || approved === null || approved.loading_pu <= 1) return [];
  const { loading_pu, loadingAt } = approved;
  return [
    `${loadingAt} carries ${(loading_pu * 100).toFixed(0)} % of its nameplate as approved, which does not bind (--ratings makes it)`,
  ];
}

/** The answer for machines. Powers in W, voltages in pu, factors as numbers in [0, 1]. */
export function approvalJson({
  feeder,
  requests,
  policy,
  verdict,
  check,
  remarks,
  took_ms,
}: Approval): unknown {
  const { envelope, binding } = verdict;
  return {
    outcome: verdict.outcome,
    policy,
    /** The paper's factor: the largest at which all bids together fit. */
    alpha: verdict.alpha_ppm / 1e6,
    bids: requests.map(({ uid, derId, quantity_W, rank }) => {
      const approved_W = verdict.quantities.get(uid) ?? 0;
      return {
        ...{ uid, derId, bid_W: quantity_W, approved_W, curtailed_W: quantity_W - approved_W },
        ...(rank === undefined ? {} : { rank }),
      };
    }),
    total_W: {
      bid: requests.reduce((sum, { quantity_W }) => sum + quantity_W, 0),
      approved: [...verdict.quantities.values()].reduce((sum, quantity) => sum + quantity, 0),
    },
    original: extremesJson(verdict.original),
    approved: extremesJson(verdict.approved),
    binding:
      binding === null ? null : { node: binding.node, value: binding.value, minute: binding.case.minute },
    envelope: {
      safety: envelope.safety,
      factor: envelope.factor_ppm / 1e6,
      outcomesChecked: envelope.outcomes,
      worstOutcome: envelope.worstOutcome,
      distance_pu: envelope.distance_pu,
    },
    limits: { ...feeder.data.limits, margin_pu: feeder.data.margin_pu },
    engine: check.engine,
    solves: { record: check.solves, search: check.searchSolves },
    engineGap_pu: check.gap?.pu ?? null,
    feeder: { id: feeder.id, sha256: feeder.sha256 },
    took_ms: Math.round(took_ms * 10) / 10,
    remarks,
    note: verdict.note,
  };
}

function extremesJson(extremes: Extremes | null): unknown {
  if (extremes === null) return null;
  const { max_pu, maxAt, min_pu, minAt, loading_pu, loadingAt, swing_W } = extremes;
  return {
    ...{ max_pu, maxAt, min_pu, minAt },
    ...(loadingAt === null ? {} : { loading_pu, loadingAt }),
    substation_W: Math.round(swing_W),
  };
}

/** The same for people. */
export function approvalText(approval: Approval): string {
  const { feeder, requests, policy, verdict, check, remarks, took_ms } = approval;
  const { envelope } = verdict;
  const approved = (uid: string): number => verdict.quantities.get(uid) ?? 0;
  const wide = Math.max(3, ...requests.map(({ uid }) => uid.length));
  const total_W = requests.reduce((sum, { quantity_W }) => sum + quantity_W, 0);
  const approved_W = requests.reduce((sum, { uid }) => sum + approved(uid), 0);
  const line = (name: string, rank: string, bid_W: number, given_W: number): string =>
    `  ${name.padEnd(wide)}  ${rank.padStart(4)}  ${kW(bid_W)}  ${kW(given_W)}  ${bar(given_W, bid_W)} ${share(given_W, bid_W)}`;
  return [
    `${verdict.outcome} by ${policy} on ${feeder.id}: ${verdict.note}`,
    `  all bids as they are   ${extremesText(verdict.original)}`,
    `  as approved            ${extremesText(verdict.approved)}`,
    envelope.outcomes === 0
      ? '  nothing can be approved'
      : envelope.safety === 'none'
        ? '  clearing: not considered, only all of the bids together'
        : `  clearing: ${envelope.outcomes} outcomes (${envelope.safety}) hold; nearest to a limit: ${envelope.worstOutcome ?? '–'}, ${distance(envelope.distance_pu)}`,
    '',
    `  ${'bid'.padEnd(wide)}  rank  ${'bid kW'.padStart(10)}  ${'approved'.padStart(10)}`,
    ...requests.map(({ uid, quantity_W, rank }) =>
      line(uid, rank === undefined ? '–' : String(rank), quantity_W, approved(uid)),
    ),
    line('all', '', total_W, approved_W),
    '',
    `  ${check.engine}; ${check.solves} + ${check.searchSolves} power flows in ${took_ms.toFixed(0)} ms; limits ${feeder.data.limits.low_pu} … ${feeder.data.limits.high_pu} pu, margin ${feeder.data.margin_pu} pu`,
    ...remarks.map((remark) => `  note: ${remark}`),
  ].join('\n');
}

function kW(power_W: number): string {
  return (power_W / 1000).toFixed(1).padStart(10);
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`;
}

function bar(part: number, whole: number): string {
  const filled = whole === 0 ? 0 : Math.round((20 * part) / whole);
  return '█'.repeat(filled) + '░'.repeat(20 - filled);
}

function distance(distance_pu: number | null): string {
  return distance_pu === null || !Number.isFinite(distance_pu) ? '–' : `${distance_pu.toFixed(6)} pu inside`;
}

function extremesText(extremes: Extremes | null): string {
  if (extremes === null) return 'no solution';
  const { max_pu, maxAt, min_pu, minAt, loading_pu, loadingAt } = extremes;
  const loaded =
    loadingAt === null ? '' : `, ${loadingAt} at ${(loading_pu * 100).toFixed(0)} % of its rating`;
  return `${min_pu.toFixed(4)} pu (${minAt}) … ${max_pu.toFixed(4)} pu (${maxAt})${loaded}`;
}
