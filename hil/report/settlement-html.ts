/** The report's section on the two markets' money: positions against awards and meters, prices, statements. */
import { priceInUsd } from '@fieldbid/core/market/money';
import { POSTING_KINDS } from '@fieldbid/core/market/settlement/postings';
import type { Statement } from '@fieldbid/core/market/settlement/statements';
import type { IntervalRecord, RunRecord } from '../recorder/run-record.ts';
import { table } from './html-table.ts';
import { inUsd, statementsOf } from './settlement.ts';
import type { RunSummary } from './summary.ts';

/** Empty when nothing was settled. */
export function settlementSection(run: RunRecord, { dayAhead, settlement }: RunSummary): string {
  if (settlement === null) return '';
  const { ders_uUSD: ders } = settlement;
  const sold =
    dayAhead === null
      ? 'There was no day-ahead market.'
      : `${(dayAhead.cleared_kWh / 1000).toFixed(2)} MWh were sold a day ahead in ${dayAhead.hours} hours.`;
  const { opened, broken } = settlement.baselines;
  const baselines =
    opened + broken === 0 ? '' : ` Baselines: ${opened} reports open what was committed, ${broken} do not.`;
  return `<h2>Day ahead and settlement</h2>
<p class="quiet">What was sold a day ahead (by the hour), what cleared in real time, and what the DERs' meters counted, all
DERs together. ${sold} An interval pays DA_q · DA_p + (RT_q − DA_q) · RT_p; what is metered replaces RT_q, and deviation
beyond the band is charged.</p>
<div class="chart" id="positions"></div>
<p></p>
<div class="chart" id="market-prices"></div>
<p><b>${inUsd(ders.total)} $</b> to the DERs: day ahead ${inUsd(ders['day-ahead'])} $, real time ${inUsd(ders['real-time'])} $,
true-up ${inUsd(ders['true-up'])} $, deviation charges ${inUsd(ders.deviation)} $.
<span class="quiet">${settlement.recorded} of ${settlement.intervals} intervals on the ledger, ${settlement.isoAgreed} reckoned
the same by the ISO, ${settlement.unmetered} DER intervals unmetered.${baselines}</span></p>
<div id="statements">${statementTable(statementsOf(run))}</div>
${dayAheadHours(run)}`;
}

/** What each hour sold, and what the DSO said to it. */
function dayAheadHours({ dayAhead }: RunRecord): string {
  if (dayAhead.length === 0) return '';
  const rows = dayAhead.map((hour) => {
    const kW = (pick: (bid: (typeof hour)['bids'][number]) => number): string =>
      (hour.bids.reduce((sum, bid) => sum + pick(bid), 0) / 1000).toFixed(1);
    const { clearing, decision } = hour;
    return [
      hour.intervalId.slice(11, 16),
      ...[kW((b) => b.bid_W), kW((b) => b.approved_W), kW((b) => b.cleared_W)],
      clearing === null ? '–' : priceInUsd(clearing.price_uUSD_per_MWh).toFixed(2),
      decision?.outcome ?? '–',
      envelopeText(hour) ?? '–',
      hour.reports.flatMap(({ notes }) => notes).join('; '),
    ];
  });
  const header = ['hour', 'bid kW', 'approved kW', 'sold kW', '$/MWh', 'DSO', 'envelope', 'notes'];
  return `<h3>Hours sold a day ahead</h3>\n${table(header, rows, [5, 6, 7])}`;
}

function statementTable(parties: readonly Statement[]): string {
  const amounts = (s: Pick<Statement, 'byKind_uUSD' | 'total_uUSD'>): string[] => [
    ...POSTING_KINDS.map((kind) => inUsd(s.byKind_uUSD[kind], 4)),
    inUsd(s.total_uUSD, 4),
  ];
  const rows = parties.map((s) => [
    ...[s.party, s.role.toUpperCase(), (s.settled_Wmin / 60_000).toFixed(1)],
    ...amounts(s),
    s.unmetered,
  ]);
  const sum = (pick: (s: Statement) => number): number => parties.reduce((all, s) => all + pick(s), 0);
  const total = {
    byKind_uUSD: Object.fromEntries(
      POSTING_KINDS.map((kind) => [kind, sum((s) => s.byKind_uUSD[kind])]),
    ) as Statement['byKind_uUSD'],
    total_uUSD: sum((s) => s.total_uUSD),
  };
  const header = ['party', 'role', 'settled kWh', ...POSTING_KINDS.map((kind) => `${kind} $`), 'total $'];
  return table([...header, 'unmetered'], [...rows, ['sum', '', '', ...amounts(total), '']], [1]);
}

/** Columns for the page's script, along the real-time intervals. */
export function settlementPageData({ intervals, dayAhead, settlements, header }: RunRecord): unknown {
  const kW = (watts: number): number => Math.round(watts / 10) / 100;
  const rows = new Map<string, (typeof settlements)[number]['rows']>();
  const prices = new Map<string, number | null>();
  for (const { intervalId, rows: own, dayAhead_uUSD_per_MWh } of settlements) {
    rows.set(intervalId, [...(rows.get(intervalId) ?? []), ...own]);
    prices.set(intervalId, dayAhead_uUSD_per_MWh);
  }
  const column = (pick: (row: (typeof settlements)[number]['rows'][number]) => number) =>
    intervals.map(({ intervalId }) => {
      const own = rows.get(intervalId);
      return own === undefined ? null : kW(own.reduce((sum, row) => sum + pick(row), 0));
    });
  const perHour = 60 / header.interval_min;
  return {
    dayAhead: dayAhead.length > 0,
    position_kW: column((row) => row.dayAhead_W),
    award_kW: column((row) => row.realTime_W),
    metered_kW: column((row) => (row.metered_Wh ?? 0) * perHour),
    dayAhead_USD_per_MWh: intervals.map(({ intervalId }) => {
      const price = prices.get(intervalId) ?? null;
      return price === null ? null : priceInUsd(price);
    }),
    paid_USD: intervals.map(({ intervalId }) => {
      const own = rows.get(intervalId);
      return own === undefined ? null : own.reduce((sum, row) => sum + row.total_uUSD, 0) / 1e6;
    }),
  };
}

/** The operating envelope that an approval is (A7), in a line; undefined where nothing was approved, or nothing had to be safe. */
export function envelopeText({ decision }: Pick<IntervalRecord, 'decision'>): string | undefined {
  if (decision === null || decision.envelope.worstOutcome === null) return undefined;
  const { safety, factor_ppm, outcomes, worstOutcome, distance_upu } = decision.envelope;
  const distance = distance_upu === null ? '' : `, ${(distance_upu / 1e6).toFixed(4)} pu to the limit`;
  const checked = outcomes === 1 ? 'one outcome' : `${outcomes} outcomes`;
  return `${safety}, × ${(factor_ppm / 1e6).toFixed(3)}, ${checked}; nearest: ${worstOutcome}${distance}`;
}
