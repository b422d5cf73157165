/** Step 13 · Who is settled in an interval, and for which quantities: every bid, and every position without a bid. */
import type { VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import { awardedOf, type Position, type PositionLedger } from '../day-ahead/positions.ts';
import type { RoundResult } from '../round.ts';
import type { MeteredEnergy } from './meters.ts';
import type { DerToSettle } from './reckon.ts';

/** What a round came to; `failed`: everybody was told zero, whatever the ledger came to say later. */
export type RoundQuantities = RoundResult | 'failed';

/** In the order of DER ids. @throws what the gateway throws, where the ledger has to be asked. */
export async function dersOf(
  records: readonly VerifiedBid[],
  { quantities_W }: Position,
  round: RoundQuantities | undefined,
  ledger: Pick<PositionLedger, 'readBidHistory'>,
  meter: (derId: string) => MeteredEnergy,
): Promise<DerToSettle[]> {
  const known = new Map(
    round === undefined || round === 'failed'
      ? []
      : round.outcomes.map(({ uid, cleared_W }) => [uid, cleared_W]),
  );
  const ders = new Map<string, DerToSettle>();
  for (const { state } of records) {
    const { derId, status, quantity_W, uid } = state;
    const awarded = status === 'dispatched' || status === 'settled' || status === 'awarded';
    const realTime_W = known.get(uid) ?? (awarded ? await awardedOf(ledger, state) : 0);
    const bound = (status === 'dispatched' || status === 'settled') && round !== 'failed';
    ders.set(derId, {
      ...{ derId, realTime_W, bid: true, ...meter(derId) },
      dayAhead_W: quantities_W.get(derId) ?? 0,
      // The latest revision: the DSO may have taken back more since, and a DER that obeys it does not deviate.
      dispatched_W: bound ? quantity_W : 0,
    });
  }
  for (const [derId, dayAhead_W] of quantities_W) {
    if (ders.has(derId)) continue;
    ders.set(derId, { derId, dayAhead_W, realTime_W: 0, dispatched_W: 0, bid: false, ...meter(derId) });
  }
  return [...ders.values()].sort((a, b) => (a.derId < b.derId ? -1 : 1));
}
