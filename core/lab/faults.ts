/**
 * Faults on demand, as data: what is to go wrong, and what went wrong. They come from a scenario's timeline, from
 * the command line or from the operator's page, and each leaves a mark in the run's record.
 */
import Type, { type Static } from 'typebox';
import { Id, Instant_ms } from '../market/messages.ts';

const closed = { additionalProperties: false } as const;

export const FAULT_KINDS = [
  /** Target: a DER. Its simulated device drops connections and takes no new ones. */
  'device-offline',
  /** Target: a DER. Answers, but nothing in its registers changes any more. */
  'device-frozen',
  /** Target: a DER. Takes limits, reads them back, and delivers what the sun gives. */
  'device-ignores-limit',
  /** Target: a DER. Every register reads 0xFFFF. */
  'device-noise',
  /** Target: a DER. Its answers come `delay_ms` late, by themselves. */
  'answers-late',
  /** Target: a DER. Its answers break off in their middle. */
  'answers-corrupt',
  /** Target: a DER. Its answers carry another transaction id. */
  'answers-wrong-id',
  /** Target: a DER. The gateway that its agent runs on loses power, and comes back when the fault ends. */
  'agent-power-loss',
  /** Target: a DER. The clock of its agent's machine is `step_s` off. */
  'agent-clock-step',
  /** The MQTT broker is killed, and started again when the fault ends. */
  'broker-killed',
  /** The BC-GW is killed, and started again when the fault ends. */
  'gateway-killed',
  /** Target: a Fabric peer. Killed, and started again when the fault ends. */
  'ledger-peer-killed',
  /** Target: a Fabric orderer. Killed, and started again when the fault ends. */
  'orderer-killed',
  /** The process of the DSO's power flow is killed; the DSO starts another. */
  'dso-engine-killed',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What somebody wants to go wrong. */
export const FaultOrder = Type.Object(
  {
    fault: Type.Enum([...FAULT_KINDS]),
    /** DER, peer or orderer, where the fault has one. */
    target: Type.Optional(Id),
    /** How long it lasts, market minutes; absent: until somebody ends it. */
    duration_min: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
    /** Of `answers-late`, real ms. */
    delay_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
    /** Of `agent-clock-step`, seconds; negative: it is behind. */
    step_s: Type.Optional(Type.Integer({ minimum: -86_400, maximum: 86_400 })),
  },
  closed,
);
export type FaultOrder = Static<typeof FaultOrder>;

/** A fault that happened, or was refused; published when it begins and again when it ends. */
export const FaultMark = Type.Object(
  {
    /** Of this run: f1, f2, … in the order of their beginning. */
    id: Id,
    order: FaultOrder,
    origin: Type.Enum(['scenario', 'command', 'page']),
    /** Market time of its beginning, and of its end once it has ended. */
    from_ms: Instant_ms,
    until_ms: Type.Union([Instant_ms, Type.Null()]),
    outcome: Type.Enum(['injected', 'ended', 'refused']),
    /** Why it was refused; what was done. */
    note: Type.String({ maxLength: 500 }),
  },
  closed,
);
export type FaultMark = Static<typeof FaultMark>;

/** One kind of fault that can be injected now, and into what. */
export const FaultOffer = Type.Object(
  {
    fault: Type.Enum([...FAULT_KINDS]),
    /** Empty: it has no target. */
    targets: Type.Array(Type.String()),
  },
  closed,
);
export interface FaultOffer {
  readonly fault: FaultKind;
  readonly targets: readonly string[];
}

/**
 * Where a bench's page takes orders: `GET` → FaultsNow, `POST` FaultOrder → FaultMark, `DELETE …/:id` → FaultMark; the
 * latter two with the bearer token of the run.
 */
export const FAULTS_PATH = '/api/faults';

/** What there is to choose from, and what has been. */
export const FaultsNow = Type.Object(
  { offers: Type.Array(FaultOffer), marks: Type.Array(FaultMark) },
  closed,
);
export type FaultsNow = Static<typeof FaultsNow>;

/** What the bench lets an operator do. */
export interface FaultControl {
  offers(): readonly FaultOffer[];
  /** All of this run, the oldest first. */
  marks(): readonly FaultMark[];
  /** Resolves when it is in force. A fault that is not possible now is a mark with the outcome `refused`. */
  inject(order: FaultOrder, origin: FaultMark['origin']): Promise<FaultMark>;
  /** @returns the mark as it ended; undefined for one that is not there or is over. */
  end(id: string): Promise<FaultMark | undefined>;
}
