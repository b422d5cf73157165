/**
 * What faults on demand did to a market day: which commands and intervals each explains. A fault of a service (broker,
 * BC-GW, Fabric, engine) may cost anybody's interval or command, a fault of a DER its own commands only. Voltages are
 * never explained: they hold, or the run is not well.
 */
import { instant, MINUTE_MS } from '@fieldbid/core/interval';
import type { FaultMark, FaultOrder } from '@fieldbid/core/lab/faults';
import { isCompleted, type RunRecord } from '../recorder/run-record.ts';
import { csv } from './csv.ts';
import { table } from './html-table.ts';

/** How long after a fault its end may still show: a command's proof, the settlement of an interval. */
const AFTERMATH_MS = 3 * MINUTE_MS;

export interface FaultEffect {
  readonly mark: FaultMark;
  /** Commands in its time that were not verified: `interval DER`. */
  readonly refused: readonly string[];
  readonly unproven: readonly string[];
  /** Ids of intervals that it may have cost. */
  readonly notCompleted: readonly string[];
  readonly notSettled: readonly string[];
}

export interface FaultSummary {
  injected: number;
  refused: number;
  /** By kind. */
  kinds: Record<string, number>;
  /** What lies in the time of a fault that can be its cause. */
  explained: { intervals: string[]; notSettled: string[]; refusedCommands: number; unprovenCommands: number };
}

/** In the order of their beginning; those that were refused did nothing. */
export function faultEffects(run: RunRecord): FaultEffect[] {
  const { bid_min, interval_min } = run.header;
  const settled = new Set(run.settlements.filter((one) => one.recorded).map(({ intervalId }) => intervalId));
  return run.faults.map((mark) => {
    if (mark.outcome === 'refused')
      return { mark, refused: [], unproven: [], notCompleted: [], notSettled: [] };
    const { target } = mark.order;
    const isOfDer = target !== undefined && run.derIds.includes(target);
    const end_ms = (mark.until_ms ?? Number.POSITIVE_INFINITY) + AFTERMATH_MS;
    const within = (intervalId: string, before_min: number): boolean => {
      const start_ms = Date.parse(intervalId.replace('Z', ':00Z'));
      const over_ms = start_ms + interval_min * MINUTE_MS + AFTERMATH_MS;
      return mark.from_ms < over_ms && end_ms > start_ms - before_min * MINUTE_MS;
    };
    const commands = (verdict: 'refused' | 'unproven'): string[] =>
      run.verdicts
        .filter((one) => one.verdict === verdict && within(one.intervalId, 0))
        .filter(({ derId }) => !isOfDer || derId === target)
        .map(({ intervalId, derId }) => `${intervalId} ${derId}`);
    const near = isOfDer ? [] : run.intervals.filter(({ intervalId }) => within(intervalId, bid_min));
    const hasSettlement = run.settlements.length > 0;
    return {
      mark,
      refused: commands('refused'),
      unproven: commands('unproven'),
      notCompleted: near.filter((one) => !isCompleted(one)).map(({ intervalId }) => intervalId),
      notSettled: hasSettlement
        ? near.filter(({ intervalId }) => !settled.has(intervalId)).map(({ intervalId }) => intervalId)
        : [],
    };
  });
}

export function faultSummary(run: RunRecord): FaultSummary {
  const effects = faultEffects(run);
  const kinds: Record<string, number> = {};
  for (const { outcome, order } of run.faults)
    if (outcome !== 'refused') kinds[order.fault] = (kinds[order.fault] ?? 0) + 1;
  const all = (pick: (effect: FaultEffect) => readonly string[]): string[] => [
    ...new Set(effects.flatMap((effect) => [...pick(effect)])),
  ];
  return {
    injected: run.faults.filter(({ outcome }) => outcome !== 'refused').length,
    refused: run.faults.filter(({ outcome }) => outcome === 'refused').length,
    kinds,
    explained: {
      intervals: all((effect) => effect.notCompleted),
      notSettled: all((effect) => effect.notSettled),
      refusedCommands: all((effect) => effect.refused).length,
      unprovenCommands: all((effect) => effect.unproven).length,
    },
  };
}

/** One line for people; empty without faults. */
export function faultsText({ injected, refused, kinds, explained }: FaultSummary): string {
  if (injected + refused === 0) return '';
  const names = Object.entries(kinds).map(([kind, count]) => (count === 1 ? kind : `${kind} × ${count}`));
  const costs = [
    [explained.intervals.length, 'intervals not completed'],
    [explained.notSettled.length, 'not settled on the ledger'],
    [explained.refusedCommands, 'commands refused'],
    [explained.unprovenCommands, 'unproven'],
  ] as const;
  const cost = costs.flatMap(([count, what]) => (count === 0 ? [] : [`${what}: ${count}`]));
  return [
    `${injected} on demand${names.length === 0 ? '' : `: ${names.join(', ')}`}`,
    ...(refused === 0 ? [] : [`${refused} not possible`]),
    `explained by them: ${cost.length === 0 ? 'nothing had to be' : cost.join(', ')}`,
  ].join('; ');
}

/** `faults.csv` */
export function faultsTable(run: RunRecord): string {
  return csv(
    [
      ...['id', 'fault', 'target', 'detail', 'origin', 'from', 'until', 'outcome', 'note'],
      ...['commands_refused', 'commands_unproven', 'intervals_not_completed'],
    ],
    faultEffects(run).map(({ mark, refused, unproven, notCompleted }) => [
      mark.id,
      mark.order.fault,
      mark.order.target ?? '',
      detailOf(mark.order),
      mark.origin,
      instant(mark.from_ms),
      mark.until_ms === null ? '' : instant(mark.until_ms),
      mark.outcome,
      mark.note,
      refused.join(' | '),
      unproven.join(' | '),
      notCompleted.join(' '),
    ]),
  );
}

/** Of the report's page; empty without faults. */
export function faultsSection(run: RunRecord): string {
  if (run.faults.length === 0) return '';
  const minute = (t_ms: number | null): string => (t_ms === null ? '–' : instant(t_ms).slice(11, 16));
  const rows = faultEffects(run).map(({ mark, refused, unproven, notCompleted }) => [
    mark.id,
    `${minute(mark.from_ms)} – ${minute(mark.until_ms)}`,
    [mark.order.fault, detailOf(mark.order)].filter((part) => part !== '').join(', '),
    mark.order.target ?? '–',
    mark.origin,
    mark.outcome === 'refused' ? `not possible: ${mark.note}` : mark.note,
    refused.length,
    unproven.length,
    notCompleted.map((id) => id.slice(11)).join(' ') || '–',
  ]);
  return `
<h2>Faults on demand</h2>
<p class="quiet">Shaded in the figures above. What lies in a fault’s time and can be its doing is counted with it; voltages
are held to their limits all the same.</p>
${table(['', 'when', 'fault', 'target', 'from', 'what was done', 'refused', 'unproven', 'intervals not completed'], rows, [1, 2, 3, 4, 5, 8])}`;
}

/** For the figures: seconds since the epoch, and what it was. */
export function faultsPageData(run: RunRecord): { from_s: number; until_s: number; what: string }[] {
  const end_s = (run.minutes.at(-1)?.at_ms ?? 0) / 1000;
  return run.faults.flatMap(({ order, outcome, from_ms, until_ms, id }) =>
    outcome === 'refused'
      ? []
      : [
          {
            from_s: from_ms / 1000,
            until_s: until_ms === null ? end_s : until_ms / 1000,
            what: [id, order.fault, order.target].filter((part) => part !== undefined).join(' '),
          },
        ],
  );
}

function detailOf({ delay_ms, step_s }: FaultOrder): string {
  if (delay_ms !== undefined) return `${delay_ms} ms`;
  return step_s === undefined ? '' : `${step_s} s`;
}
