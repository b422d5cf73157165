/**
 * What was sold a day ahead, per hour and DER: positions, which are settled against what is delivered (step 13) and bind
 * no device. They are kept as the rounds end, and read from the ledger by an aggregator that was started since.
 */
import type { BidState, VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import { dayAheadHourOf } from '@fieldbid/core/interval';
import type { RoundResult } from '../round.ts';

export interface Position {
  /** DA_p, µ$/MWh; null when nothing has said it. */
  readonly price_uUSD_per_MWh: number | null;
  /** DER → W over the whole hour; what the market cleared. A DER that is not named sold nothing. */
  readonly quantities_W: ReadonlyMap<string, number>;
}

export interface PositionLedger {
  readRecords(intervalId: string): Promise<VerifiedBid[]>;
  readBidHistory(uid: string): Promise<BidState[]>;
}

export const NO_POSITION: Position = { price_uUSD_per_MWh: null, quantities_W: new Map() };

export class Positions {
  readonly #ledger: PositionLedger;
  readonly #hours: ReadonlySet<string>;
  readonly #known = new Map<string, Position>();

  /** @param hourIds intervals of the day-ahead market; there are no positions in others. */
  constructor(ledger: PositionLedger, hourIds: Iterable<string>) {
    this.#ledger = ledger;
    this.#hours = new Set(hourIds);
  }

  /** @param result undefined: the hour's round failed, and nobody has a position. */
  keep(hourId: string, result: RoundResult | undefined): Position {
    const sold = (result?.outcomes ?? []).filter(({ cleared_W }) => cleared_W > 0);
    const position: Position = {
      price_uUSD_per_MWh: result?.price_uUSD_per_MWh ?? null,
      quantities_W: new Map(sold.map(({ derId, cleared_W }) => [derId, cleared_W])),
    };
    this.#known.set(hourId, position);
    return position;
  }

  /** Of the hour that a moment lies in. @throws what the gateway throws, where the ledger has to be asked. */
  async at(t_ms: number): Promise<Position> {
    const hourId = dayAheadHourOf(t_ms);
    if (!this.#hours.has(hourId)) return NO_POSITION;
    const known = this.#known.get(hourId) ?? (await this.#read(hourId));
    this.#known.set(hourId, known);
    return known;
  }

  async #read(hourId: string): Promise<Position> {
    const records = await this.#ledger.readRecords(hourId);
    const quantities_W = new Map<string, number>();
    let price: number | null = null;
    for (const { state, raw } of records) {
      // A dispatch that was never confirmed is a round that failed.
      if (state.status !== 'dispatched') continue;
      price = raw.price_uUSD_per_MWh;
      const awarded_W = await awardedOf(this.#ledger, state);
      if (awarded_W > 0) quantities_W.set(state.derId, awarded_W);
    }
    return { price_uUSD_per_MWh: price, quantities_W };
  }
}

/** What the market awarded a bid, whatever the DSO took back later, W. */
export async function awardedOf(
  ledger: Pick<PositionLedger, 'readBidHistory'>,
  { uid }: Pick<BidState, 'uid'>,
): Promise<number> {
  const history = await ledger.readBidHistory(uid);
  return history.find(({ status }) => status === 'awarded')?.quantity_W ?? 0;
}
