/**
 * The tables of a run. They hold nothing that differs between two runs of one scenario and seed (no real
 * time, no transaction ids), so that two runs can be compared byte by byte.
 */
import { instant } from '@fieldbid/core/interval';
import { priceInUsd } from '@fieldbid/core/market/money';
import { isCompleted, type RunRecord } from '../recorder/run-record.ts';
import { csv, portless } from './csv.ts';
import { emulatorsTable } from './emulators.ts';
import { faultsTable } from './faults.ts';
import { pacingTable } from './pacing.ts';
import { dayAheadTable, settlementTable, statementsTable } from './settlement-tables.ts';

/** File name → content. */
export function tables(run: RunRecord): Record<string, string> {
  const pacing = pacingTable(run);
  return {
    // By the wall clock alone, and of real time: no two runs have the same.
    ...(pacing === undefined ? {} : { 'pacing.csv': pacing }),
    'intervals.csv': intervalsTable(run),
    'awards.csv': awardsTable(run),
    'voltages.csv': voltagesTable(run),
    'devices.csv': devicesTable(run),
    'verdicts.csv': verdictsTable(run),
    'day-ahead.csv': dayAheadTable(run),
    'settlement.csv': settlementTable(run),
    'statements.csv': statementsTable(run),
    'faults.csv': faultsTable(run),
    'emulators.csv': emulatorsTable(run),
  };
}

function intervalsTable(run: RunRecord): string {
  const pu = (upu: number | null | undefined): string => (upu == null ? '' : (upu / 1e6).toFixed(6));
  return csv(
    [
      'interval',
      'completed',
      'bids',
      'bid_W',
      'approved_W',
      'cleared_W',
      'allocation_W',
      'outcome',
      'policy',
      'alpha',
      'original_max_pu',
      'approved_max_pu',
      'binding_node',
      'dispatch_outcome',
      'price_USD_per_MWh',
      'clearing_outcome',
      'notes',
    ],
    run.intervals.map((interval) => {
      const { decision, dispatch, clearing, bids } = interval;
      const total = (pick: (bid: (typeof bids)[number]) => number) =>
        bids.reduce((sum, bid) => sum + pick(bid), 0);
      return [
        interval.intervalId,
        isCompleted(interval),
        bids.length,
        total((b) => b.bid_W),
        total((b) => b.approved_W),
        total((b) => b.cleared_W),
        total((b) => b.allocation_W),
        decision?.outcome ?? '',
        decision?.policy ?? '',
        decision === null ? '' : (decision.alpha_ppm / 1e6).toFixed(6),
        pu(decision?.originalMax_upu),
        pu(decision?.approvedMax_upu),
        decision?.bindingNode ?? '',
        dispatch?.outcome ?? '',
        clearing === null ? '' : priceInUsd(clearing.price_uUSD_per_MWh).toFixed(6),
        clearing?.outcome ?? '',
        portless(interval.reports.flatMap((report) => report.notes).join('; ')),
      ];
    }),
  );
}

function awardsTable(run: RunRecord): string {
  return csv(
    [
      'interval',
      'der',
      'uid',
      'bid_price_USD_per_MWh',
      'bid_W',
      'approved_W',
      'cleared_W',
      'allocation_W',
      'status',
      'metered_Wh',
      'revision',
      'checksum',
    ],
    run.intervals.flatMap(({ intervalId, bids }) =>
      bids.map((b) => [
        intervalId,
        b.derId,
        b.uid,
        priceInUsd(b.price_uUSD_per_MWh).toFixed(6),
        b.bid_W,
        b.approved_W,
        b.cleared_W,
        b.allocation_W,
        b.status,
        b.metered_Wh,
        b.revision,
        b.checksum,
      ]),
    ),
  );
}

function voltagesTable(run: RunRecord): string {
  return csv(
    ['time', ...run.nodes.map((node) => `${node}_pu`)],
    run.minutes.map(({ at_ms, voltages_pu }) => [instant(at_ms), ...voltages_pu.map((v) => v.toFixed(6))]),
  );
}

function devicesTable(run: RunRecord): string {
  return csv(
    ['time', ...run.derIds.flatMap((id) => [`${id}_power_W`, `${id}_available_W`])],
    run.minutes.map(({ at_ms, power_W, available_W }) => [
      instant(at_ms),
      ...run.derIds.flatMap((_, i) => [Math.round(power_W[i] ?? 0), Math.round(available_W[i] ?? 0)]),
    ]),
  );
}

function verdictsTable(run: RunRecord): string {
  return csv(
    [
      'interval',
      'der',
      'verdict',
      'allocation_W',
      'commanded_pct',
      'read_back_pct',
      'measured_W',
      'binding',
      'decided_at',
      'reason',
    ],
    run.verdicts.map((v) => [
      v.intervalId,
      v.derId,
      v.verdict,
      v.allocation_W,
      v.commanded_pct,
      v.readBack_pct,
      v.measured_W === null ? null : Math.round(v.measured_W),
      v.binding,
      instant(v.decidedAt_ms),
      portless(v.reason),
    ]),
  );
}
