/** What stands on the screen when a run has ended: what happened, and where to look. */
import { resolve } from 'node:path';
import { emulatorRows } from '../report/emulators.ts';
import { faultsText } from '../report/faults.ts';
import { pacingText } from '../report/pacing.ts';
import { inUsd } from '../report/settlement.ts';
import { type RunSummary, shortcomings } from '../report/summary.ts';

export function closingText(summary: RunSummary, folder: string): string {
  const { intervals, voltage, commands, bids, energy_kWh: energy, timings } = summary;
  const pu = (v: number | null): string => (v === null ? '–' : v.toFixed(4));
  const MWh = (kWh: number): string => `${(kWh / 1000).toFixed(2)} MWh`;
  const problems = shortcomings(summary);
  const most = (count: (writes: RunSummary['writes'][string]) => number): number =>
    Math.max(0, ...Object.values(summary.writes).map(count));
  const gate = timings.gateClosureToRegisters;
  const rows: [string, string][] = [
    [
      'intervals',
      `${intervals.completed} of ${intervals.planned} completed, ${intervals.curtailed} curtailed by the DSO`,
    ],
    [
      'voltages',
      `${pu(voltage.min_pu)} pu (${voltage.min_at}) to ${pu(voltage.max_pu)} pu (${voltage.max_at}); ${voltage.violations} minutes outside`,
    ],
    [
      'without the DSO',
      `bids as they were would have reached ${pu(summary.originalBids.max_pu)} pu, above the limit in ${summary.originalBids.intervalsAboveLimit} intervals`,
    ],
    [
      'bids',
      `${bids.submitted} submitted, ${bids.accepted} accepted, ${bids.curtailed} curtailed, ${bids.cleared} cleared, ${bids.notCleared} not cleared`,
    ],
    [
      'commands',
      `${commands.verified} verified by measured power, ${commands.refused} refused, ${commands.unproven} unproven`,
    ],
    [
      'writes',
      `at most ${most(({ requests }) => requests)} requests to a device, ${most(({ mostOfOneRegister }) => mostOfOneRegister ?? 0)} to one register`,
    ],
    [
      'energy',
      `${MWh(energy.delivered)} delivered of ${MWh(energy.allocated)} allocated, ${MWh(energy.approved)} approved, ${MWh(energy.bid)} bid`,
    ],
    [
      'prices',
      `${summary.price_USD_per_MWh.min?.toFixed(2) ?? '–'} to ${summary.price_USD_per_MWh.max?.toFixed(2) ?? '–'} $/MWh`,
    ],
  ];
  const { dayAhead, settlement } = summary;
  if (dayAhead !== null)
    rows.push([
      'day ahead',
      `${MWh(dayAhead.cleared_kWh)} sold in ${dayAhead.completed} of ${dayAhead.hours} hours, ${dayAhead.price_USD_per_MWh.min?.toFixed(2) ?? '–'} to ${dayAhead.price_USD_per_MWh.max?.toFixed(2) ?? '–'} $/MWh`,
    ]);
  if (settlement !== null) {
    const { ders_uUSD: ders, sum_uUSD } = settlement;
    rows.push([
      'settlement',
      `${inUsd(ders.total)} $ to the DERs: day ahead ${inUsd(ders['day-ahead'])}, real time ${inUsd(ders['real-time'])}, true-up ${inUsd(ders['true-up'])}, deviation ${inUsd(ders.deviation)}; all parties together ${sum_uUSD}`,
    ]);
  }
  if (gate !== undefined)
    rows.push([
      'gate to registers',
      `median ${gate.p50.toFixed(0)} ms, 95 % within ${gate.p95.toFixed(0)} ms`,
    ]);
  const paced = pacingText(summary.pacing);
  if (paced !== undefined) rows.push(['real time', paced]);
  rows.push(...emulatorRows(summary.emulators));
  const faults = faultsText(summary.faults);
  if (faults !== '') rows.push(['faults', faults]);
  rows.push(['report', resolve(folder, 'report.html')]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const body = rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join('\n');
  const well = faults === '' ? 'All is well.' : 'All is well but for what faults on demand explain.';
  const head = problems.length === 0 ? well : `NOT all is well: ${problems.join('; ')}.`;
  const notes = summary.notes.slice(0, 5).map((note) => `  note: ${note}`);
  if (summary.notes.length > 5) notes.push(`  ... ${summary.notes.length - 5} more notes in summary.json`);
  return [head, body, ...notes].join('\n');
}
