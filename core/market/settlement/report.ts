/**
 * Step 13 · What a DERA reports of a settled interval, and what the ISO answers. Injection is positive; amounts are
 * integer µ$.
 */
import Type, { type Static } from 'typebox';
import { Id, IntervalId, Price_uUSD_per_MWh } from '../messages.ts';
import { BaselineOpening } from './commitment.ts';
import { POSTING_KINDS } from './postings.ts';

const closed = { additionalProperties: false } as const;
const Amount_uUSD = Type.Integer({ minimum: -9e15, maximum: 9e15 });
const Quantity_W = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const Kind = Type.Enum([...POSTING_KINDS]);

/** Where a DER's metered energy is from: its energy counter, its measured power, or nowhere. */
export const MeteredBy = Type.Enum(['energy-counter', 'power', 'none']);
export type MeteredBy = Static<typeof MeteredBy>;

export const SettlementRow = Type.Object(
  {
    derId: Id,
    /** DA_q: sold a day ahead for the hour, W. */
    dayAhead_W: Quantity_W,
    /** RT_q: cleared in real time, W; 0 without a real-time bid. */
    realTime_W: Quantity_W,
    /** What it was to deliver: the latest revision of its bid, W. */
    dispatched_W: Quantity_W,
    /** Whether a bid of the interval stands for it on the ledger. */
    bid: Type.Boolean(),
    metered_Wh: Type.Union([Type.Integer(), Type.Null()]),
    meteredBy: MeteredBy,
    /** It is settled at what was metered less this, Wh; absent: by its meter alone. */
    baseline_Wh: Type.Optional(Type.Integer()),
    /** Energy that it is settled at, W · min; 60 to a Wh. */
    settled_Wmin: Type.Integer(),
    dispatched_Wmin: Type.Integer(),
    /** Beyond the band of deviation, Wh. */
    excess_Wh: Type.Integer({ minimum: 0 }),
    byKind_uUSD: Type.Object(
      {
        'day-ahead': Amount_uUSD,
        'real-time': Amount_uUSD,
        'true-up': Amount_uUSD,
        deviation: Amount_uUSD,
        fee: Amount_uUSD,
      },
      closed,
    ),
    /** Received less paid by the DER. */
    total_uUSD: Amount_uUSD,
  },
  closed,
);
export type SettlementRow = Static<typeof SettlementRow>;

export const SettlementAnswer = Type.Object(
  {
    /** True when it comes to the same, up to rounding: 1 µ$ per DER and kind. */
    agreed: Type.Boolean(),
    /** Sentences: what differs, or why it could not be reckoned again. */
    differences: Type.Array(Type.String({ maxLength: 300 }), { maxItems: 10 }),
  },
  closed,
);
export type SettlementAnswer = Static<typeof SettlementAnswer>;

export const SettlementReport = Type.Object(
  {
    deraId: Id,
    intervalId: IntervalId,
    interval_min: Type.Integer({ minimum: 1, maximum: 1440 }),
    /** DA_p of the hour; null without a day-ahead price (then nobody has a position). */
    dayAhead_uUSD_per_MWh: Type.Union([Price_uUSD_per_MWh, Type.Null()]),
    /** RT_p. */
    realTime_uUSD_per_MWh: Price_uUSD_per_MWh,
    /** Of the hash on the ledger; absent where no baseline was committed. */
    opening: Type.Optional(BaselineOpening),
    rows: Type.Array(SettlementRow, { maxItems: 10_000 }),
    postings: Type.Array(
      Type.Object(
        {
          from: Id,
          to: Id,
          amount_uUSD: Type.Integer({ minimum: 1, maximum: 9e15 }),
          kind: Kind,
          intervalId: IntervalId,
          derId: Type.Optional(Id),
        },
        closed,
      ),
      { maxItems: 200_000 },
    ),
    /** Whether each bid's energy and amount are recorded on the ledger. */
    recorded: Type.Boolean(),
    /** What the ISO made of it; null in the request to it, and when it did not answer. */
    iso: Type.Union([SettlementAnswer, Type.Null()]),
    /** Real milliseconds from the first read to the record on the ledger. */
    took_ms: Type.Number({ minimum: 0 }),
    /** Sentences about what went otherwise than planned. */
    notes: Type.Array(Type.String()),
  },
  closed,
);
export type SettlementReport = Static<typeof SettlementReport>;

/** The parts of a settlement that statements are made of (statements.ts). */
export function settlementOf(reports: readonly SettlementReport[]) {
  return {
    postings: reports.flatMap(({ postings }) => postings),
    energies: reports.flatMap(({ deraId, intervalId, rows }) =>
      rows.map(({ derId, dispatched_Wmin, settled_Wmin, excess_Wh, metered_Wh }) => ({
        ...{ derId, deraId, intervalId, dispatched_Wmin, settled_Wmin, excess_Wh },
        unmetered: metered_Wh === null,
      })),
    ),
  };
}
