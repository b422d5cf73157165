/**
 * The messages of one market interval, in the order of the flow (docs/architecture.md, steps 1-12).
 * Signs: injection into the grid is positive. Powers are active power in W at the device's terminals, as
 * integers; prices integer µ$/MWh; instants epoch milliseconds UTC.
 */
import Type, { type Static } from 'typebox';
import { INTERVAL_ID, isDayAhead } from '../interval.ts';
import { Signature } from '../signing.ts';

const closed = { additionalProperties: false } as const;
/** Names of DERs, aggregators, feeders: they become topic levels, file names and ledger keys. */
export const Id = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' });
export const Uid = Type.String({ pattern: '^[0-9a-f]{32}$' });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const IntervalId = Type.String({ pattern: INTERVAL_ID });
/** 1 GW bounds what a single DER message may claim; nameplates bound it further. */
export const Power_W = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
/** ±1,000,000 $/MWh: a bound on the number, not a market rule. */
export const Price_uUSD_per_MWh = Type.Integer({ minimum: -1e12, maximum: 1e12 });
export const Instant_ms = Type.Integer({ minimum: 0, maximum: 8.64e15 });
/** `energy`: delivered, in real time; `day-ahead-energy`: sold a day ahead, by the hour. */
export const Product = Type.Enum(['energy', 'day-ahead-energy']);
export type Product = Static<typeof Product>;

/** What is sold in an interval: its id says which market it is of. */
export function productOf(intervalId: string): Product {
  return isDayAhead(intervalId) ? 'day-ahead-energy' : 'energy';
}

/** What the DER read of itself when it formed the bid (M13): the evidence behind the quantity. */
export const MeasuredState = Type.Object(
  {
    readAt_ms: Instant_ms,
    /** Active power measured, W; negative when the device consumes. */
    measured_W: Type.Integer(),
    /** Power the device could deliver now, W; null when it does not say and it cannot be told. */
    available_W: Type.Union([Power_W, Type.Null()]),
    /**
     * Where `available_W` is from: measured (uncurtailed), WAval register, persistence of the index, a battery's energy,
     * or, a day ahead, the rating and a clear sky.
     */
    source: Type.Enum(['measured', 'WAval', 'persistence', 'storage', 'forecast', 'unknown']),
    /** WMax setting or WRtg nameplate, W. */
    rating_W: Power_W,
    /** Limit in force, percent of WMax; null when none. */
    limit_pct: Type.Union([Type.Number({ minimum: 0, maximum: 100 }), Type.Null()]),
  },
  closed,
);
export type MeasuredState = Static<typeof MeasuredState>;

/** Step 3 · A DER's bid, eq. 1: the quantity at any price in [price, cap], nothing below. */
export const Bid = Type.Object(
  {
    uid: Uid,
    derId: Id,
    deraId: Id,
    deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
    intervalId: IntervalId,
    product: Product,
    /** Strictly increasing per DER and product: a replayed bid is refused. */
    sequence: Type.Integer({ minimum: 1 }),
    quantity_W: Power_W,
    price_uUSD_per_MWh: Price_uUSD_per_MWh,
    cap_uUSD_per_MWh: Price_uUSD_per_MWh,
    forecast_uUSD_per_MWh: Price_uUSD_per_MWh,
    riskFactor_pct: Type.Number({ minimum: -1000, maximum: 1000 }),
    /** Decision A2: whether eq. 1 left the market's price range and was clamped to it. */
    clampedTo: Type.Enum(['none', 'floor', 'cap']),
    state: MeasuredState,
    submittedAt_ms: Instant_ms,
    expiresAt_ms: Instant_ms,
    /** With a signature: 128 secret bits in the commitment to what is not public (signed-bid.ts). */
    blind: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
    /** Of the DER's device key over the public part and the commitment to the rest (signed-bid.ts). */
    signature: Type.Optional(Signature),
  },
  closed,
);
export type Bid = Static<typeof Bid>;

/** Codes of refusal at the DERA; the contract has the same and more. */
export const REFUSALS = [
  'MALFORMED',
  'NOT_REGISTERED',
  'NOT_QUALIFIED',
  'UNSIGNED',
  'UNKNOWN_KEY',
  'BAD_SIGNATURE',
  'WRONG_AGGREGATOR',
  'WRONG_DEVICES',
  'WRONG_UID',
  'WRONG_PRODUCT',
  'REPLAY',
  'GATE_CLOSED',
  'GATE_NOT_OPEN',
  'EXPIRED',
  'DUPLICATE',
  'QUANTITY_OVER_NAMEPLATE',
  'QUANTITY_OVER_STATE',
  'PRICE_OUT_OF_RANGE',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Step 4 · The DERA's answer to a bid. */
export const BidReceipt = Type.Union([
  Type.Object({ uid: Uid, accepted: Type.Literal(true) }, closed),
  Type.Object(
    {
      uid: Type.String(),
      accepted: Type.Literal(false),
      code: Type.Enum([...REFUSALS]),
      reason: Type.String(),
    },
    closed,
  ),
]);
export type BidReceipt = Static<typeof BidReceipt>;

/** One step of a supply or demand curve. */
export const Segment = Type.Object({ price_uUSD_per_MWh: Price_uUSD_per_MWh, quantity_W: Power_W }, closed);
export type Segment = Static<typeof Segment>;

/** Step 8 · A DERA's offer: its feasible bids as a non-decreasing price-quantity curve (A3). */
export const Offer = Type.Object(
  {
    offerId: Id,
    deraId: Id,
    intervalId: IntervalId,
    segments: Type.Array(Segment, { minItems: 1, maxItems: 1000 }),
  },
  closed,
);
export type Offer = Static<typeof Offer>;

export const OfferReceipt = Type.Object(
  { offerId: Id, accepted: Type.Boolean(), reason: Type.Optional(Type.String()) },
  closed,
);
export type OfferReceipt = Static<typeof OfferReceipt>;

/** Step 9 · What of a DERA's offer cleared, at the uniform price. */
export const ClearedOffer = Type.Object(
  {
    offerId: Id,
    deraId: Id,
    intervalId: IntervalId,
    price_uUSD_per_MWh: Price_uUSD_per_MWh,
    /** Total over the segments, W. */
    cleared_W: Power_W,
    /** Cleared of each segment, in the order of the offer. */
    segments_W: Type.Array(Power_W),
  },
  closed,
);
export type ClearedOffer = Static<typeof ClearedOffer>;

/** Step 9 · The clearing as the ISO publishes it: Fig. 6 (bottom). */
export const Clearing = Type.Object(
  {
    intervalId: IntervalId,
    price_uUSD_per_MWh: Price_uUSD_per_MWh,
    cleared_W: Type.Integer({ minimum: 0 }),
    convention: Type.String(),
    /** Which case the price was found by, e.g. `crossing`, `NO_DEMAND`. */
    outcome: Type.String(),
    /** Sorted by price ascending; who offered is published by kind only. */
    supply: Type.Array(
      Type.Object(
        { party: Id, price_uUSD_per_MWh: Price_uUSD_per_MWh, quantity_W: Type.Integer({ minimum: 0 }) },
        closed,
      ),
    ),
    /** Sorted by price descending. */
    demand: Type.Array(
      Type.Object(
        { party: Id, price_uUSD_per_MWh: Price_uUSD_per_MWh, quantity_W: Type.Integer({ minimum: 0 }) },
        closed,
      ),
    ),
  },
  closed,
);
export type Clearing = Static<typeof Clearing>;

/** Step 10 · A DER's allocation for an interval: it may deliver at most this. */
export const Award = Type.Object(
  {
    derId: Id,
    intervalId: IntervalId,
    start_ms: Instant_ms,
    end_ms: Instant_ms,
    /** The bid it answers; null for a DER without a bid, whose allocation is zero (A10). */
    bidUid: Type.Union([Uid, Type.Null()]),
    allocation_W: Power_W,
    price_uUSD_per_MWh: Price_uUSD_per_MWh,
    /**
     * Increasing per DER and interval: the same number again is the same award again, a lower one is out of
     * date. Absent from a DERA that does not number: then the one that arrives last counts.
     */
    sequence: Type.Optional(Type.Integer({ minimum: 1 })),
    reason: Type.Enum([
      'CLEARED',
      'PARTLY_CLEARED',
      'NOT_CLEARED',
      'NO_BID',
      'CURTAILED_TO_ZERO',
      'FALLBACK',
    ]),
  },
  closed,
);
export type Award = Static<typeof Award>;

/** What a record that went through an agent's buffer carries (edge-agent/uplink). */
const Buffered = {
  /** Increasing by one per DER and kind of record: what arrives twice is known by it, and so is a gap. */
  sequence: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Kept while the broker was away and sent afterwards: history, never the present state. */
  historical: Type.Optional(Type.Literal(true)),
};

/**
 * Step 12 · How a command to a device ended, proved by measured power, never by the register's echo. A command
 * verified while the sun was low may be found broken later in its interval: the later verdict counts.
 */
export const CommandVerdict = Type.Object(
  {
    derId: Id,
    intervalId: IntervalId,
    correlationId: Type.String(),
    verdict: Type.Enum(['verified', 'refused', 'unproven']),
    /** A sentence: what was seen. */
    reason: Type.String(),
    allocation_W: Power_W,
    /** Limit as written, percent of WMax; null when nothing could be written. */
    commanded_pct: Type.Union([Type.Number(), Type.Null()]),
    /** Limit as read back, percent of WMax; null when not read. */
    readBack_pct: Type.Union([Type.Number(), Type.Null()]),
    /** Measured power that decided, W; null when there was no fresh measurement. */
    measured_W: Type.Union([Type.Number(), Type.Null()]),
    /** Whether the limit held power back at that measurement (a limit above the available power does not). */
    binding: Type.Boolean(),
    decidedAt_ms: Instant_ms,
    /** Real time from grant of the interval's start to the end of the write, ms. */
    write_ms: Type.Union([Type.Number(), Type.Null()]),
    ...Buffered,
  },
  closed,
);
export type CommandVerdict = Static<typeof CommandVerdict>;

/** One answer of a device, word for word. */
const RawRegisters = Type.Object(
  {
    address: Type.Integer({ minimum: 0, maximum: 65_535 }),
    words: Type.Array(Type.Integer({ minimum: 0, maximum: 65_535 }), { maxItems: 125 }),
    readAt_ms: Instant_ms,
  },
  closed,
);

/** Step 1 · A DER's periodic measurement. */
export const Measurement = Type.Object(
  {
    derId: Id,
    readAt_ms: Instant_ms,
    /** Active power, W, injection positive. */
    power_W: Type.Number(),
    available_W: Type.Union([Type.Number(), Type.Null()]),
    limit_pct: Type.Union([Type.Number(), Type.Null()]),
    /** Voltage of the device's phases to neutral, V, as its registers say; null when not implemented. */
    voltages_V: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    /** Lifetime energy, Wh; null when not implemented. */
    energy_Wh: Type.Union([Type.Number(), Type.Null()]),
    ...Buffered,
    /** The registers that this was read from, as they were answered. */
    raw: Type.Optional(Type.Array(RawRegisters, { maxItems: 64 })),
    /** SHA-256 of the signed reading before; null in the first. */
    previousHash: Type.Optional(Type.Union([Sha256, Type.Null()])),
    /** Of the device key over everything but this and `historical` (domain `fieldbid/reading/v1`). */
    signature: Type.Optional(Signature),
  },
  closed,
);
export type Measurement = Static<typeof Measurement>;

/** Agent → DERA · What an agent's buffer had to give up while the broker was away. */
export const UplinkLoss = Type.Object(
  {
    agentId: Id,
    /** Of one agent never used twice; absent when its store could not be written, so that it could not count on. */
    sequence: Type.Optional(Type.Integer({ minimum: 1 })),
    kind: Type.Enum(['measurement', 'verdict']),
    lost: Type.Object(
      {
        count: Type.Integer({ minimum: 1 }),
        /** When the first and the last of them were measured or decided. */
        from_ms: Instant_ms,
        until_ms: Instant_ms,
      },
      closed,
    ),
  },
  closed,
);
export type UplinkLoss = Static<typeof UplinkLoss>;

/** DERA · What an interval came to, published when its awards are out. */
export const IntervalReport = Type.Object(
  {
    deraId: Id,
    intervalId: IntervalId,
    completed: Type.Boolean(),
    /** Sentences about what went otherwise than planned: an agent late, the DSO silent. */
    notes: Type.Array(Type.String()),
    bids: Type.Object(
      {
        submitted: Type.Integer(),
        accepted: Type.Integer(),
        refused: Type.Integer(),
        curtailed: Type.Integer(),
        cleared: Type.Integer(),
        partlyCleared: Type.Integer(),
        reducedAfterClearing: Type.Integer(),
      },
      closed,
    ),
    /** Real milliseconds of each step. */
    timings_ms: Type.Record(Type.String(), Type.Number()),
  },
  closed,
);
export type IntervalReport = Static<typeof IntervalReport>;

/** An agent's birth and death, and whenever a device can no longer be limited, or can again. Retained. */
export const AgentState = Type.Object(
  {
    agentId: Id,
    alive: Type.Boolean(),
    /** DERs that it can limit now. */
    devices: Type.Array(Id),
    since_ms: Instant_ms,
  },
  closed,
);
export type AgentState = Static<typeof AgentState>;
