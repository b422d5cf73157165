/**
 * Arguments of the transactions: one JSON object each, checked inside the contract. They hold ids,
 * quantities and salted checksums; a price has no place in any of them.
 */
import {
  BidState,
  Certificate,
  DerRegistration,
  KeyRevocation,
  KeyRotation,
  Modification,
  Qualification,
  RegistryEntry,
  Settlement,
} from '@fieldbid/core/gateway-api/schemas';
import { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import { Id, IntervalId, Power_W, Product, Sha256, Uid } from '@fieldbid/core/market/messages';
import { Signature } from '@fieldbid/core/signing';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
/** Bids of one transaction. */
const MOST_BIDS = 10_000;
const Revision = Type.Integer({ minimum: 1, maximum: 999_999 });

export const RegisterDer = DerRegistration;
export type RegisterDer = Static<typeof RegisterDer>;

export const QualifyDer = Type.Object({ derId: Id, ...Qualification.properties }, closed);
export type QualifyDer = Static<typeof QualifyDer>;

export const EnrolKey = EnrolmentRequest;
export type EnrolKey = Static<typeof EnrolKey>;

export const RotateKey = KeyRotation;
export type RotateKey = Static<typeof RotateKey>;

export const RevokeKey = Type.Object({ derId: Id, ...KeyRevocation.properties }, closed);
export type RevokeKey = Static<typeof RevokeKey>;

/** A bid as the ledger learns of it. */
export const BidClaim = Type.Object(
  {
    uid: Uid,
    derId: Id,
    deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
    product: Product,
    sequence: Type.Integer({ minimum: 1 }),
    quantity_W: Power_W,
    checksum: Sha256,
    /** With a signature: what it says of the part that is not here (core/market/signed-bid.ts). */
    commitment: Type.Optional(Sha256),
    signature: Type.Optional(Signature),
  },
  closed,
);
export type BidClaim = Static<typeof BidClaim>;

export const SubmitBids = Type.Object(
  {
    intervalId: IntervalId,
    deraId: Id,
    bids: Type.Array(BidClaim, { maxItems: MOST_BIDS }),
    silentDerIds: Type.Array(Id, { maxItems: MOST_BIDS }),
    /** Kept as it is: the contract cannot open it. */
    baselineCommitment: Type.Optional(Sha256),
  },
  closed,
);
export type SubmitBids = Static<typeof SubmitBids>;

/** A bid's next revision. The checksum is of the raw record of that revision. */
export const Change = Type.Object(
  { uid: Uid, expectedRevision: Revision, quantity_W: Power_W, checksum: Sha256 },
  closed,
);
export type Change = Static<typeof Change>;

/** Of decideInterval and confirmDispatch. */
export const DecideInterval = Type.Object(
  { intervalId: IntervalId, certificate: Certificate, changes: Type.Array(Change, { maxItems: MOST_BIDS }) },
  closed,
);
export type DecideInterval = Static<typeof DecideInterval>;

export const RecordAwards = Type.Object(
  { intervalId: IntervalId, deraId: Id, changes: Type.Array(Change, { maxItems: MOST_BIDS }) },
  closed,
);
export type RecordAwards = Static<typeof RecordAwards>;

export const ModifyBid = Type.Object({ uid: Uid, ...Modification.properties, checksum: Sha256 }, closed);
export type ModifyBid = Static<typeof ModifyBid>;

/** Of each settlement its energy; what is paid stays off the ledger. */
export const RecordSettlement = Type.Object(
  {
    intervalId: IntervalId,
    deraId: Id,
    settlements: Type.Array(
      Type.Object(
        {
          uid: Uid,
          expectedRevision: Revision,
          metered_Wh: Settlement.properties.settlements.items.properties.metered_Wh,
          checksum: Sha256,
        },
        closed,
      ),
      { maxItems: MOST_BIDS },
    ),
  },
  closed,
);
export type RecordSettlement = Static<typeof RecordSettlement>;

export const ReadBid = Type.Object({ uid: Uid, revision: Type.Optional(Revision) }, closed);
export type ReadBid = Static<typeof ReadBid>;

export const ReadDer = Type.Object({ derId: Id }, closed);
export type ReadDer = Static<typeof ReadDer>;

export const ReadInterval = Type.Object({ intervalId: IntervalId }, closed);
export type ReadInterval = Static<typeof ReadInterval>;

/** Large reads come in pages: `after` is the former page's `next`. */
export const Page = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 200 })),
    limit: Type.Integer({ minimum: 1, maximum: 5000, default: 1000 }),
  },
  closed,
);
export type Page = Static<typeof Page>;

const Next = Type.Union([Type.String(), Type.Null()]);
export const DerPage = Type.Object({ ders: Type.Array(RegistryEntry), next: Next }, closed);
export type DerPage = Static<typeof DerPage>;
export const BidPage = Type.Object({ bids: Type.Array(BidState), next: Next }, closed);
export type BidPage = Static<typeof BidPage>;
