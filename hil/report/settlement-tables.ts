/** The tables of both markets' money (step 13): positions, settled intervals, statements. Amounts in µ$, so that they add up. */
import { priceInUsd } from '@fieldbid/core/market/money';
import { POSTING_KINDS } from '@fieldbid/core/market/settlement/postings';
import type { RunRecord } from '../recorder/run-record.ts';
import { csv } from './csv.ts';
import { statementsOf } from './settlement.ts';

const AMOUNTS = POSTING_KINDS.map((kind) => `${kind.replace('-', '_')}_uUSD`);

export function dayAheadTable(run: RunRecord): string {
  return csv(
    [
      ...['hour', 'der', 'uid', 'bid_price_USD_per_MWh', 'bid_W', 'approved_W', 'cleared_W', 'allocation_W'],
      ...['price_USD_per_MWh', 'outcome', 'clearing_outcome', 'checksum'],
    ],
    run.dayAhead.flatMap(({ intervalId, bids, clearing, decision }) =>
      bids.map((b) => [
        ...[intervalId, b.derId, b.uid, priceInUsd(b.price_uUSD_per_MWh).toFixed(6)],
        ...[b.bid_W, b.approved_W, b.cleared_W, b.allocation_W],
        clearing === null ? '' : priceInUsd(clearing.price_uUSD_per_MWh).toFixed(6),
        ...[decision?.outcome ?? '', clearing?.outcome ?? '', b.checksum],
      ]),
    ),
  );
}

/** One row per DER and interval. */
export function settlementTable(run: RunRecord): string {
  return csv(
    [
      ...[
        'interval',
        'dera',
        'der',
        'day_ahead_W',
        'real_time_W',
        'dispatched_W',
        'metered_Wh',
        'metered_by',
        'baseline_Wh',
      ],
      ...['excess_Wh', 'day_ahead_price_uUSD_per_MWh', 'real_time_price_uUSD_per_MWh'],
      ...AMOUNTS,
      ...['total_uUSD', 'recorded', 'iso_agrees'],
    ],
    run.settlements.flatMap((report) =>
      report.rows.map((row) => [
        ...[report.intervalId, report.deraId, row.derId, row.dayAhead_W, row.realTime_W, row.dispatched_W],
        ...[row.metered_Wh, row.meteredBy, row.baseline_Wh ?? null, row.excess_Wh],
        ...[report.dayAhead_uUSD_per_MWh, report.realTime_uUSD_per_MWh],
        ...POSTING_KINDS.map((kind) => row.byKind_uUSD[kind]),
        ...[row.total_uUSD, report.recorded, report.iso?.agreed ?? null],
      ]),
    ),
  );
}

/** One row per party; the columns of amounts each add up to zero. */
export function statementsTable(run: RunRecord): string {
  return csv(
    [
      'party',
      'role',
      'intervals',
      'settled_Wmin',
      'unmetered',
      'received_uUSD',
      'paid_uUSD',
      ...AMOUNTS,
      'total_uUSD',
    ],
    statementsOf(run).map((s) => [
      ...[s.party, s.role, s.lines.length, s.settled_Wmin, s.unmetered, s.received_uUSD, s.paid_uUSD],
      ...POSTING_KINDS.map((kind) => s.byKind_uUSD[kind]),
      s.total_uUSD,
    ]),
  );
}
