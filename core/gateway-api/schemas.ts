/**
 * The BC-GW's HTTP API as data: what the DERA, the DSO and the tools send it and get back (steps 5-7 and the
 * records of 10). Server and clients share these schemas; the OpenAPI document is made from them.
 *
 * What is on the ledger in clear: ids, quantities, statuses, decisions. Never prices: those are in the raw
 * off-chain record, of which the ledger holds a salted checksum. The DSO's view holds no price.
 */
import Type, { type Static } from 'typebox';
import { RotationRequest } from '../market/enrolment.ts';
import {
  Bid,
  Id,
  Instant_ms,
  IntervalId,
  Measurement,
  Power_W,
  Price_uUSD_per_MWh,
  Product,
  Sha256,
  Uid,
} from '../market/messages.ts';
import { KeyId, PublicKey } from '../signing.ts';

const closed = { additionalProperties: false } as const;

/** Injection positive; a device that consumed has a negative figure. */
const Energy_Wh = Type.Integer({ minimum: -1e12, maximum: 1e12 });

/** Paid to the DER's owner, µ$; negative: owed by it. */
const Amount_uUSD = Type.Integer({ minimum: -9e15, maximum: 9e15 });

export const Phases = Type.String({ pattern: '^(A|B|C|AB|BC|AC|ABC)$' });
export const Role = Type.Enum(['dera', 'dso', 'iso', 'operator']);
export type Role = Static<typeof Role>;

/** M9 · A DER as its aggregator registers it. */
export const DerRegistration = Type.Object(
  {
    derId: Id,
    deraId: Id,
    feederId: Id,
    bus: Id,
    phases: Phases,
    nameplate_W: Power_W,
    deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
    /** Retail programme (net metering, for instance) that pays for the same energy: such a DER may not bid. */
    retailProgramme: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
  },
  closed,
);
export type DerRegistration = Static<typeof DerRegistration>;

/** M9 · The DSO's qualification of a registered DER. */
export const Qualification = Type.Object(
  {
    status: Type.Enum(['qualified', 'suspended']),
    /** Largest quantity the DER may bid, W; at most its nameplate. */
    limit_W: Power_W,
    reason: Type.String({ maxLength: 500 }),
    /** Device key that was inspected: the DER has to have this one. Absent: whichever it has. */
    keyId: Type.Optional(KeyId),
  },
  closed,
);
export type Qualification = Static<typeof Qualification>;

/** M9 · The device keys of an enrolled DER. `current` is null once it was revoked: then it cannot bid. */
export const DerKeys = Type.Object(
  {
    current: Type.Union([PublicKey, Type.Null()]),
    /** The key before, good for bids of one interval that was open when it was replaced. */
    previous: Type.Union([
      Type.Object({ publicKey: PublicKey, intervalId: IntervalId }, closed),
      Type.Null(),
    ]),
    /** Keys that were ended: none of them is ever taken again. */
    revoked: Type.Array(KeyId, { maxItems: 1000 }),
  },
  closed,
);
export type DerKeys = Static<typeof DerKeys>;

/** M9 · A new device key, signed for by the old one and the new one. */
export const KeyRotation = Type.Object(
  {
    request: RotationRequest,
    /** Interval for which bids may still be signed by the old key; null: none. */
    graceInterval: Type.Union([IntervalId, Type.Null()]),
  },
  closed,
);
export type KeyRotation = Static<typeof KeyRotation>;

export const KeyRevocation = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, closed);
export type KeyRevocation = Static<typeof KeyRevocation>;

export const RegistryEntry = Type.Object(
  {
    ...DerRegistration.properties,
    status: Type.Enum(['registered', 'qualified', 'suspended']),
    /** Largest quantity that may be bid, W; 0 until qualified. */
    limit_W: Power_W,
    /** Null: never enrolled; its bids count by its DERA's word alone. */
    keys: Type.Union([DerKeys, Type.Null()]),
    revision: Type.Integer({ minimum: 1 }),
  },
  closed,
);
export type RegistryEntry = Static<typeof RegistryEntry>;

export const BidStatus = Type.Enum([
  'submitted',
  'approved',
  'curtailed',
  'awarded',
  'not-awarded',
  'dispatched',
  'settled',
]);
export type BidStatus = Static<typeof BidStatus>;

/** One revision of a bid as the ledger holds it: no price, no raw record. */
export const BidState = Type.Object(
  {
    uid: Uid,
    revision: Type.Integer({ minimum: 1 }),
    derId: Id,
    deraId: Id,
    intervalId: IntervalId,
    product: Product,
    status: BidStatus,
    /** Quantity of this revision, W: bid, approved or awarded, by status. Never above the revision before. */
    quantity_W: Power_W,
    /** SHA-256 over domain, uid, revision, salt and canonical raw record. */
    checksum: Sha256,
    /** Device key that signed the bid, checked by the contract; null for a DER that was never enrolled. */
    keyId: Type.Union([KeyId, Type.Null()]),
    /** To the part of the bid that is not here (core/market/signed-bid.ts); null for an unsigned bid. */
    commitment: Type.Union([Sha256, Type.Null()]),
    /** Energy delivered in the interval as metered, Wh; null before settlement. */
    metered_Wh: Type.Union([Energy_Wh, Type.Null()]),
    /** Who made this revision: the MSP id of the identity. */
    by: Type.String(),
    reason: Type.String({ maxLength: 500 }),
  },
  closed,
);
export type BidState = Static<typeof BidState>;

/** Raw off-chain record of a bid revision: the bid as signed, and what has been made of its quantity. */
export const RawBidRecord = Type.Object(
  {
    bid: Bid,
    revision: Type.Integer({ minimum: 1 }),
    status: BidStatus,
    quantity_W: Power_W,
    /** Clearing price of the award, µ$/MWh; null before. */
    price_uUSD_per_MWh: Type.Union([Price_uUSD_per_MWh, Type.Null()]),
    /** What was delivered and what is paid for it; null before. */
    settlement: Type.Union([
      Type.Object({ metered_Wh: Energy_Wh, amount_uUSD: Amount_uUSD }, closed),
      Type.Null(),
    ]),
    reason: Type.String({ maxLength: 500 }),
  },
  closed,
);
export type RawBidRecord = Static<typeof RawBidRecord>;

/** Step 5 · All bids of one DERA for one interval; also when there are none, so that the DSO need not wait. */
export const BidBatch = Type.Object(
  {
    deraId: Id,
    bids: Type.Array(Bid, { maxItems: 10_000 }),
    /** Registered DERs whose agent is not answering: the DSO must count on them running uncontrolled. */
    silentDerIds: Type.Array(Id, { maxItems: 10_000 }),
    /** Hash of the baselines that some of its DERs are settled by (market/settlement/commitment.ts); opened at settlement. */
    baselineCommitment: Type.Optional(Sha256),
  },
  closed,
);
export type BidBatch = Static<typeof BidBatch>;

/** Results of the DSO's check. The last three approve nothing. */
export const DecisionOutcome = Type.Enum([
  'ACCEPTED',
  'CURTAILED',
  'INFEASIBLE_AT_ZERO',
  'INFEASIBLE_UNDERVOLTAGE',
  'ENGINE_UNAVAILABLE',
]);
export type DecisionOutcome = Static<typeof DecisionOutcome>;

export const ClearingSafety = Type.Enum(['merit-order', 'any-subset', 'none']);

/** A7 · The approval as an operating envelope: safe whatever the clearing makes of it. */
export const EnvelopeCertificate = Type.Object(
  {
    safety: ClearingSafety,
    /** Common factor that it cost on top of `alpha_ppm`, parts per million. */
    factor_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    /** Outcomes that were checked. */
    outcomes: Type.Integer({ minimum: 0 }),
    /** The outcome nearest to a limit; null when nothing was approved. */
    worstOutcome: Type.Union([Type.String({ maxLength: 200 }), Type.Null()]),
    /** Its distance from that limit (the margin taken off), µpu. */
    distance_upu: Type.Union([Type.Integer(), Type.Null()]),
  },
  closed,
);
export type EnvelopeCertificate = Static<typeof EnvelopeCertificate>;

/** The DSO's certificate: what was checked, with what, and what bound. Integers: ppm and µpu. */
export const Certificate = Type.Object(
  {
    outcome: DecisionOutcome,
    policy: Type.String({ maxLength: 40 }),
    /** The common factor on all bids at which all of them together fit, parts per million. */
    alpha_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    /** Extremes over nodes and forecast minutes, µpu: under the quantities as asked for. Null: not solved. */
    originalMax_upu: Type.Union([Type.Integer(), Type.Null()]),
    originalMin_upu: Type.Union([Type.Integer(), Type.Null()]),
    /** The same under the approved quantities. */
    approvedMax_upu: Type.Union([Type.Integer(), Type.Null()]),
    approvedMin_upu: Type.Union([Type.Integer(), Type.Null()]),
    /** Margin kept inside the limits, µpu. */
    margin_upu: Type.Integer({ minimum: 0 }),
    /** Node and phase, link, or `substation` that bound, e.g. `l675.B`; null when nothing did. */
    bindingNode: Type.Union([Type.String({ maxLength: 100 }), Type.Null()]),
    /** Minute of the interval that bound, 0-based; null when nothing did. */
    bindingMinute: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    /** What was made sure of beyond "all of it together": the outcomes that the clearing can have. */
    envelope: EnvelopeCertificate,
    /** Power flows solved for it on the engine of record, and on the one that searches. */
    solves: Type.Integer({ minimum: 0 }),
    searchSolves: Type.Integer({ minimum: 0 }),
    /** Largest difference between the two engines' voltages, µpu; null with one engine. */
    engineGap_upu: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    /** Engines and versions, that of record first, e.g. `gridlabd 6.0.0 and opendss 0.14.5`. */
    engine: Type.String({ maxLength: 120 }),
    feederSha256: Sha256,
    /** A sentence for people. */
    note: Type.String({ maxLength: 500 }),
  },
  closed,
);
export type Certificate = Static<typeof Certificate>;

const QuantityChange = Type.Object(
  { uid: Uid, expectedRevision: Type.Integer({ minimum: 1 }), quantity_W: Power_W },
  closed,
);
export type QuantityChange = Static<typeof QuantityChange>;

/** Step 7 · DSO: every bid of the interval, of every DERA, approved as it is or curtailed, in one transaction. */
export const Decision = Type.Object(
  { certificate: Certificate, quantities: Type.Array(QuantityChange, { maxItems: 10_000 }) },
  closed,
);
export type Decision = Static<typeof Decision>;

/** Step 10 · DERA: what of each approved bid the market cleared. */
export const Awards = Type.Object(
  {
    deraId: Id,
    price_uUSD_per_MWh: Type.Union([Price_uUSD_per_MWh, Type.Null()]),
    quantities: Type.Array(QuantityChange, { maxItems: 10_000 }),
  },
  closed,
);
export type Awards = Static<typeof Awards>;

/** M24 · DSO: one bid reduced after the decision, at any time before it is settled. */
export const Modification = Type.Object(
  {
    expectedRevision: Type.Integer({ minimum: 1 }),
    /** W, at most what the bid stands at. */
    quantity_W: Power_W,
    reason: Type.String({ minLength: 1, maxLength: 300 }),
    /** Node and phase that binds, e.g. `l675.B`; null: for another reason than a node's voltage. */
    bindingNode: Type.Union([Type.String({ maxLength: 100 }), Type.Null()]),
  },
  closed,
);
export type Modification = Static<typeof Modification>;

/** Step 13 · DERA: what each dispatched bid delivered, and what it is paid. */
export const Settlement = Type.Object(
  {
    deraId: Id,
    settlements: Type.Array(
      Type.Object(
        {
          uid: Uid,
          expectedRevision: Type.Integer({ minimum: 1 }),
          metered_Wh: Energy_Wh,
          amount_uUSD: Amount_uUSD,
        },
        closed,
      ),
      { maxItems: 10_000 },
    ),
  },
  closed,
);
export type Settlement = Static<typeof Settlement>;

/** One DERA's part of an interval, as the ledger holds it. */
export const Submission = Type.Object(
  {
    deraId: Id,
    bids: Type.Array(BidState),
    silentDerIds: Type.Array(Id),
    /** Hash of the baselines of this interval, as submitted with the bids; absent where it has none. */
    baselineCommitment: Type.Optional(Sha256),
    /** True when this DERA's awards are recorded. */
    awarded: Type.Boolean(),
    /** True when its settlement is recorded. */
    settled: Type.Boolean(),
  },
  closed,
);
export type Submission = Static<typeof Submission>;

/** Everything the ledger holds of an interval; the DSO's view of the market. No prices. */
export const IntervalState = Type.Object(
  {
    intervalId: IntervalId,
    submissions: Type.Array(Submission),
    /** Of the DSO's check of the bids (step 7); null before. */
    decision: Type.Union([Certificate, Type.Null()]),
    /** Of the DSO's check of the actual allocation after clearing; null before. */
    dispatch: Type.Union([Certificate, Type.Null()]),
  },
  closed,
);
export type IntervalState = Static<typeof IntervalState>;

/**
 * A7 · The interval's bids in the order in which the market takes them, over all aggregators: UIDs of one price together,
 * the cheapest first. Ranks for the DSO, never prices.
 */
export const MeritOrder = Type.Object(
  { intervalId: IntervalId, groups: Type.Array(Type.Array(Uid, { minItems: 1 }), { maxItems: 100_000 }) },
  closed,
);
export type MeritOrder = Static<typeof MeritOrder>;

/** 128 bit or more, lower-case hex. */
export const SALT = '^[0-9a-f]{32,128}$';

/** M24 · A bid's latest revision with its raw record, both verified against each other. */
export const VerifiedBid = Type.Object(
  { state: BidState, raw: RawBidRecord, salt: Type.String({ pattern: SALT }), txId: Type.String() },
  closed,
);
export type VerifiedBid = Static<typeof VerifiedBid>;

export const SubmitResult = Type.Object({ txId: Type.String(), bids: Type.Array(BidState) }, closed);
export type SubmitResult = Static<typeof SubmitResult>;

/** Step 6 · A contract event as the stream delivers it; `checkpoint` resumes after it. */
export const LedgerEvent = Type.Object(
  {
    checkpoint: Type.String({ pattern: '^\\d+(\\.\\d+)?$' }),
    name: Type.Enum([
      'DerRegistered',
      'DerQualified',
      'DerKeyEnrolled',
      'DerKeyRotated',
      'DerKeyRevoked',
      'BidsSubmitted',
      'IntervalDecided',
      'AwardsRecorded',
      'DispatchConfirmed',
      'BidModified',
      'SettlementRecorded',
    ]),
    txId: Type.String(),
    at_ms: Instant_ms,
    /** Ids only: `intervalId`, `deraId`, `derId`, `uids` with their `revisions`, as they apply. */
    payload: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
);
export type LedgerEvent = Static<typeof LedgerEvent>;

/** `measured` by instruments, or by a power flow of what was expected. */
export const VoltageSource = Type.Enum(['measured', 'power-flow']);
export type VoltageSource = Static<typeof VoltageSource>;

const NodePhase = Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' });
/** µpu of nominal. */
const Voltage_upu = Type.Integer({ minimum: 0, maximum: 10_000_000 });

/** M25 · A feeder's voltages at one instant. */
export const GridMeasurement = Type.Object(
  {
    feederId: Id,
    at_ms: Instant_ms,
    source: VoltageSource,
    /** By node and phase, e.g. `l675.B`. */
    voltages: Type.Array(Type.Object({ node: NodePhase, voltage_upu: Voltage_upu }, closed), {
      minItems: 1,
      maxItems: 10_000,
    }),
  },
  closed,
);
export type GridMeasurement = Static<typeof GridMeasurement>;

export const GridMeasurements = Type.Object(
  { measurements: Type.Array(GridMeasurement, { minItems: 1, maxItems: 1000 }) },
  closed,
);
export type GridMeasurements = Static<typeof GridMeasurements>;

/** M25 · Readings of an aggregator's devices, each as its device signed it. */
export const Readings = Type.Object(
  { readings: Type.Array(Measurement, { minItems: 1, maxItems: 10_000 }) },
  closed,
);
export type Readings = Static<typeof Readings>;

/** What became of a batch of measurements. A part that is refused does not hold up the rest. */
export const MeasurementsStored = Type.Object(
  {
    /** New ones. */
    stored: Type.Integer({ minimum: 0 }),
    /** There already, from an earlier try. */
    known: Type.Integer({ minimum: 0 }),
    refused: Type.Array(
      Type.Object(
        { index: Type.Integer({ minimum: 0 }), code: Type.String(), reason: Type.String() },
        closed,
      ),
    ),
  },
  closed,
);
export type MeasurementsStored = Static<typeof MeasurementsStored>;

const DIGITS = '^\\d{1,16}$';
/** Texts, because they come in the address; described in the OpenAPI document. */
const Page = {
  from_ms: Type.String({ pattern: DIGITS, description: 'Start, epoch ms.' }),
  to_ms: Type.String({ pattern: DIGITS, description: 'End, epoch ms; not included.' }),
  after: Type.Optional(Type.String({ maxLength: 200, description: 'The former page’s `next`.' })),
  limit: Type.Optional(
    Type.String({ pattern: '^[1-9]\\d{0,3}$', description: 'Entries per page, at most.' }),
  ),
};

export const ReadingQuery = Type.Object({ derId: Id, ...Page }, closed);
export type ReadingQuery = Static<typeof ReadingQuery>;
export const VoltageQuery = Type.Object({ feederId: Id, node: Type.Optional(NodePhase), ...Page }, closed);
export type VoltageQuery = Static<typeof VoltageQuery>;

const Next = Type.Union([Type.String(), Type.Null()]);
export const ReadingPage = Type.Object({ readings: Type.Array(Measurement), next: Next }, closed);
export type ReadingPage = Static<typeof ReadingPage>;
export const VoltagePage = Type.Object(
  {
    voltages: Type.Array(
      Type.Object(
        { at_ms: Instant_ms, node: NodePhase, source: VoltageSource, voltage_upu: Voltage_upu },
        closed,
      ),
    ),
    next: Next,
  },
  closed,
);
export type VoltagePage = Static<typeof VoltagePage>;

/** What `verify` found wrong; empty means that every record, order and block was checked and agrees. */
export const VerifyFinding = Type.Object(
  { kind: Type.String(), where: Type.String(), found: Type.String(), expected: Type.String() },
  closed,
);
export const VerifyReport = Type.Object(
  {
    records: Type.Integer({ minimum: 0 }),
    transactions: Type.Integer({ minimum: 0 }),
    blocks: Type.Integer({ minimum: 0 }),
    findings: Type.Array(VerifyFinding),
  },
  closed,
);
export type VerifyReport = Static<typeof VerifyReport>;

/** Liveness of what the gateway stands on. */
export const Health = Type.Object(
  { ledger: Type.Enum(['up', 'down']), store: Type.Enum(['up', 'down']) },
  closed,
);
export type Health = Static<typeof Health>;

/** Body of every answer that is not 2xx. */
export const Problem = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);
export type Problem = Static<typeof Problem>;

/**
 * The routes. Paths are relative to the gateway's base URL; every call carries `Authorization: Bearer KEY`.
 *
 * | call | who | what |
 * |---|---|---|
 * | POST /v1/ders {DerRegistration} → RegistryEntry | dera | register |
 * | PUT /v1/ders/:derId/qualification {Qualification} → RegistryEntry | dso | qualify, suspend |
 * | GET /v1/ders → RegistryEntry[] | all | registry |
 * | POST /v1/ders/:derId/key {EnrolmentRequest} → RegistryEntry | dera | a device's key |
 * | PUT /v1/ders/:derId/key {KeyRotation} → RegistryEntry | dera | its next key |
 * | POST /v1/ders/:derId/key/revocation {KeyRevocation} → RegistryEntry | dera, dso | the end of it |
 * | POST /v1/intervals/:id/bids {BidBatch} → SubmitResult | dera | step 5 |
 * | POST /v1/intervals/:id/decision {Decision} → SubmitResult | dso | step 7 |
 * | POST /v1/intervals/:id/awards {Awards} → SubmitResult | dera | step 10 |
 * | POST /v1/intervals/:id/dispatch {Decision} → SubmitResult | dso | step 10, confirmation |
 * | POST /v1/intervals/:id/settlement {Settlement} → SubmitResult | dera | step 13 |
 * | PUT /v1/bids/:uid/quantity {Modification} → SubmitResult | dso | one bid reduced later |
 * | GET /v1/intervals/:id/merit-order → MeritOrder | dso | ranks of the bids, no prices |
 * | GET /v1/intervals/:id → IntervalState | all | ledger state of an interval |
 * | GET /v1/intervals/:id/records → VerifiedBid[] | dera: its own; operator: all | verified raw records |
 * | GET /v1/bids/:uid → VerifiedBid | dera: its own; operator | one, verified |
 * | GET /v1/bids/:uid/history → BidState[] | all | every revision |
 * | POST /v1/readings {Readings} → MeasurementsStored | dera | its devices' signed readings |
 * | GET /v1/readings?derId → ReadingPage | dera: its own; dso, operator | readings of a DER |
 * | POST /v1/grid-measurements {GridMeasurements} → MeasurementsStored | dso | voltages of a feeder |
 * | GET /v1/grid-measurements?feederId → VoltagePage | dso, operator | the same, read |
 * | GET /v1/verify → VerifyReport | operator | walk everything |
 * | GET /v1/events?after=CHECKPOINT → text/event-stream of LedgerEvent | all | step 6 |
 * | GET /v1/health → Health | – | liveness |
 * | GET /openapi.json | – | this table, for machines |
 */
export const API_PREFIX = '/v1';
