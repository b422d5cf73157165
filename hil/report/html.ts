/**
 * `report.html`: one file that needs nothing else. Fig. 5 (nodal voltages, DER dispatch), Fig. 6 top (highest
 * voltage under the original bids, curtailment) and bottom (any interval's curves and price), verdicts,
 * timings and every interval.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { priceInUsd } from '@fieldbid/core/market/money';
import { isCompleted, type RunRecord } from '../recorder/run-record.ts';
import { emulatorsPageData, emulatorsSection } from './emulators.ts';
import { faultsPageData, faultsSection, faultsText } from './faults.ts';
import { table, text } from './html-table.ts';
import { pacingPageData, pacingSection } from './pacing.ts';
import { inUsd } from './settlement.ts';
import { envelopeText, settlementPageData, settlementSection } from './settlement-html.ts';
import { type RunSummary, shortcomings } from './summary.ts';

const require = createRequire(import.meta.url);

export function reportHtml(run: RunRecord, summary: RunSummary): string {
  const uplot = dirname(require.resolve('uplot/package.json'));
  const page = (name: string): string => readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');
  const problems = shortcomings(summary);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fieldbid · ${text(summary.scenario)} · ${summary.start.slice(0, 10)}</title>
<style>${readFileSync(join(uplot, 'dist/uPlot.min.css'), 'utf8')}\n${page('report.css')}</style>
</head>
<body>
<h1>${text(summary.scenario)}</h1>
<p class="quiet">${text(summary.feeder)} · ${summary.start.slice(0, 10)} · seed ${summary.seed} · ${text(summary.engine)} · ledger ${text(summary.ledger)} · clock ${text(summary.clock)} · DSO ${summary.dso}</p>
<p class="verdict ${problems.length === 0 ? 'good' : 'bad'}">${problems.length === 0 ? verdictGood(summary) : text(problems.join('. '))}</p>
${figures(summary)}

<h2>Nodal voltages and DER dispatch over the day</h2>
<p class="quiet">One power flow a minute, with what the inverters really delivered. Colours are phases:
<span class="key" style="background:var(--phase-a)"></span>A
<span class="key" style="background:var(--phase-b)"></span>B
<span class="key" style="background:var(--phase-c)"></span>C; dashed lines are the limits. Click a name to hide it.</p>
<div class="chart" id="voltages"></div>
<p></p>
<div class="chart" id="dispatch"></div>

<h2>What the bids would have done, and what the DSO made of them</h2>
<p class="quiet">Highest voltage of the interval's forecast minutes under the original bids and as approved, and the
power that was curtailed.</p>
<div class="chart" id="curtailment"></div>

<h2>Clearing</h2>
<p class="quiet"><span class="key" style="background:var(--supply)"></span>supply
<span class="key" style="background:var(--demand)"></span>demand
<span class="key" style="background:var(--dera)"></span>the aggregator's offer</p>
<div class="tools">
<button id="earlier" aria-label="earlier interval">←</button>
<input type="range" id="interval" min="0" step="1" aria-label="interval">
<button id="later" aria-label="later interval">→</button>
<b id="interval-label"></b>
</div>
<div class="chart" id="clearing"></div>
<p id="clearing-facts"></p>
<div class="scroll"><table>
<thead><tr><th>DER</th><th>bid $/MWh</th><th>bid W</th><th>approved W</th><th>cleared W</th><th>allocated W</th><th class="text">checksum on the ledger</th></tr></thead>
<tbody id="bids"></tbody>
</table></div>
${run.settlements.length === 0 ? '<h2>Prices</h2>\n<div class="chart" id="prices"></div>' : settlementSection(run, summary)}
${faultsSection(run)}
${emulatorsSection(run, summary.emulators)}

<h2>Commands to the inverters</h2>
${verdicts(run)}
${pacingSection(summary.pacing)}
<h2>Time taken by each step</h2>
<p class="quiet">Real milliseconds, per interval unless said otherwise.</p>
${timings(summary)}
<h2>Intervals</h2>
${intervals(run)}
<script type="application/json" id="run-data">${JSON.stringify(pageData(run)).replaceAll('<', '\\u003c')}</script>
<script>${readFileSync(join(uplot, 'dist/uPlot.iife.min.js'), 'utf8')}</script>
<script type="module">${page('report.client.js')}\n${page('settlement.client.js')}\n${page('emulators.client.js')}</script>
</body>
</html>
`;
}

function verdictGood({ faults, intervals, voltage }: RunSummary): string {
  const { length } = faults.explained.intervals;
  const done =
    length === 0
      ? `All ${intervals.completed} intervals completed`
      : `${intervals.completed} of ${intervals.planned} intervals completed, the others fell to faults on demand`;
  return `${done}; no minute left ${voltage.limits_pu.join(' ... ')} pu. ${text(faultsText(faults))}`;
}

function figures(s: RunSummary): string {
  const box = (value: string, what: string): string =>
    `<div><b>${text(value)}</b><span>${text(what)}</span></div>`;
  const pu = (v: number | null): string => (v === null ? '–' : v.toFixed(4));
  const energy = (kWh: number): string => `${(kWh / 1000).toFixed(2)} MWh`;
  return `<div class="figures">
${box(`${s.intervals.completed} / ${s.intervals.planned}`, 'intervals completed')}
${box(String(s.powerFlows), 'power flows')}
${box(`${pu(s.voltage.min_pu)} … ${pu(s.voltage.max_pu)}`, `pu, lowest and highest; ${s.voltage.violations} minutes outside`)}
${box(String(s.intervals.curtailed), `intervals curtailed; original bids up to ${pu(s.originalBids.max_pu)} pu`)}
${box(`${s.commands.verified} / ${s.commands.refused} / ${s.commands.unproven}`, 'commands verified / refused / unproven')}
${box(`${s.bids.accepted} / ${s.bids.submitted}`, `bids accepted; ${s.bids.cleared} cleared, ${s.bids.notCleared} did not`)}
${box(energy(s.energy_kWh.delivered), `delivered of ${energy(s.energy_kWh.available)} available`)}
${box(`${s.price_USD_per_MWh.min?.toFixed(2) ?? '–'} … ${s.price_USD_per_MWh.max?.toFixed(2) ?? '–'}`, '$/MWh, clearing price')}
${moneyBoxes(s, box)}
</div>`;
}

function moneyBoxes(
  { dayAhead, settlement }: RunSummary,
  box: (value: string, what: string) => string,
): string {
  if (settlement === null) return '';
  const sold =
    dayAhead === null
      ? 'real time alone'
      : `${(dayAhead.cleared_kWh / 1000).toFixed(2)} MWh sold a day ahead`;
  return box(
    `${inUsd(settlement.ders_uUSD.total)} $`,
    `to the DERs; ${sold}; deviation charges ${inUsd(settlement.ders_uUSD.deviation)} $`,
  );
}

function verdicts(run: RunRecord): string {
  const verdictsOf = new Map<string, (typeof run.verdicts)[number][]>(run.derIds.map((derId) => [derId, []]));
  for (const verdict of run.verdicts) verdictsOf.get(verdict.derId)?.push(verdict);
  const rows = run.derIds.map((derId) => {
    const of = verdictsOf.get(derId) ?? [];
    const count = (kind: string): number => of.filter((v) => v.verdict === kind).length;
    const binding = of.filter((v) => v.verdict === 'verified' && v.binding).length;
    const problem = of.find((v) => v.verdict !== 'verified');
    return [derId, count('verified'), binding, count('refused'), count('unproven'), problem?.reason ?? ''];
  });
  return table(['DER', 'verified', 'of these limiting', 'refused', 'unproven', 'first trouble'], rows, [5]);
}

function timings(summary: RunSummary): string {
  const rows = Object.entries(summary.timings).map(([step, s]) => [
    step,
    s.count,
    s.p50.toFixed(2),
    s.p95.toFixed(2),
    s.max.toFixed(2),
  ]);
  return table(['step', 'count', 'p50 ms', 'p95 ms', 'max ms'], rows, []);
}

function intervals(run: RunRecord): string {
  const pu = (upu: number | null | undefined): string => (upu == null ? '–' : (upu / 1e6).toFixed(4));
  const rows = run.intervals.map((interval) => {
    const { decision, dispatch, clearing } = interval;
    const kW = (pick: (b: RunRecord['intervals'][number]['bids'][number]) => number): string =>
      (interval.bids.reduce((sum, b) => sum + pick(b), 0) / 1000).toFixed(1);
    return [
      interval.intervalId,
      isCompleted(interval) ? 'yes' : 'NO',
      interval.bids.length,
      kW((b) => b.bid_W),
      kW((b) => b.approved_W),
      kW((b) => b.allocation_W),
      pu(decision?.originalMax_upu),
      decision === null
        ? '–'
        : `${decision.outcome}${decision.bindingNode === null ? '' : ` (${decision.bindingNode})`}`,
      dispatch?.outcome ?? '–',
      clearing === null ? '–' : priceInUsd(clearing.price_uUSD_per_MWh).toFixed(2),
      envelopeText(interval) ?? '–',
      interval.reports.flatMap((r) => r.notes).join('; '),
    ];
  });
  return table(
    [
      'interval',
      'complete',
      'bids',
      'bid kW',
      'approved kW',
      'allocated kW',
      'original max pu',
      'DSO',
      'after clearing',
      '$/MWh',
      'envelope',
      'notes',
    ],
    rows,
    [7, 8, 10, 11],
  );
}

/** The run as the page's script wants it: columns, rounded to what can be seen. */
function pageData(run: RunRecord): unknown {
  const round = (v: number, digits: number): number => Number(v.toFixed(digits));
  const kW = (watts: number | undefined): number => round((watts ?? 0) / 1000, 2);
  const { intervals, minutes } = run;
  const total = (
    interval: RunRecord['intervals'][number],
    pick: (b: (typeof interval)['bids'][number]) => number,
  ) => kW(interval.bids.reduce((sum, b) => sum + pick(b), 0));
  const all = (watts: readonly number[]): number => kW(watts.reduce((sum, v) => sum + v, 0));
  const curve = (side: readonly { party: string; price_uUSD_per_MWh: number; quantity_W: number }[]) =>
    side.map((s) => [s.party, priceInUsd(s.price_uUSD_per_MWh), round(s.quantity_W / 1e6, 6)]);
  const mostCurtailed = intervals.map((interval) => total(interval, (b) => b.bid_W - b.approved_W));
  return {
    header: {
      ...run.header,
      deraIds: [...new Set(intervals.flatMap((i) => i.reports.map((r) => r.deraId)))],
    },
    settlement: settlementPageData(run),
    faults: faultsPageData(run),
    pacing: pacingPageData(run),
    emulators: emulatorsPageData(run),
    nodes: run.nodes,
    derIds: run.derIds,
    minutes: {
      at_s: minutes.map((m) => m.at_ms / 1000),
      voltages_pu: run.nodes.map((_, i) =>
        minutes.map((m) => (m.voltages_pu[i] === undefined ? null : round(m.voltages_pu[i], 5))),
      ),
      power_kW: run.derIds.map((_, i) => minutes.map((m) => kW(m.power_W[i]))),
      available_kW: minutes.map((m) => all(m.available_W)),
    },
    intervals: {
      ids: intervals.map((i) => i.intervalId),
      at_s: intervals.map((i) => Date.parse(i.intervalId.replace('Z', ':00Z')) / 1000),
      example: Math.max(0, mostCurtailed.indexOf(Math.max(...mostCurtailed))),
      curtailed_kW: mostCurtailed,
      bid_kW: intervals.map((i) => total(i, (b) => b.bid_W)),
      approved_kW: intervals.map((i) => total(i, (b) => b.approved_W)),
      allocation_kW: intervals.map((i) => total(i, (b) => b.allocation_W)),
      originalMax_pu: intervals.map((i) =>
        i.decision?.originalMax_upu == null ? null : i.decision.originalMax_upu / 1e6,
      ),
      approvedMax_pu: intervals.map((i) =>
        i.decision?.approvedMax_upu == null ? null : i.decision.approvedMax_upu / 1e6,
      ),
      price_USD_per_MWh: intervals.map((i) =>
        i.clearing === null ? null : priceInUsd(i.clearing.price_uUSD_per_MWh),
      ),
      clearings: intervals.map(({ clearing }) =>
        clearing === null
          ? null
          : {
              outcome: clearing.outcome,
              price: priceInUsd(clearing.price_uUSD_per_MWh),
              cleared_MW: clearing.cleared_W / 1e6,
              supply: curve(clearing.supply),
              demand: curve(clearing.demand),
            },
      ),
      envelopes: intervals.map((i) => envelopeText(i) ?? null),
      bids: intervals.map((i) =>
        i.bids.map((b) => [
          b.derId,
          priceInUsd(b.price_uUSD_per_MWh),
          b.bid_W,
          b.approved_W,
          b.cleared_W,
          b.allocation_W,
          b.checksum,
        ]),
      ),
    },
  };
}
