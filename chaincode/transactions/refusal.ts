/** Refusals of the contract: a stable code for programs, a sentence for people. */

export const CONTRACT_REFUSALS = [
  'MALFORMED',
  'UNKNOWN_TRANSACTION',
  'WRONG_ORG',
  'WRONG_ROLE',
  'WRONG_AGGREGATOR',
  'ALREADY_REGISTERED',
  'NOT_REGISTERED',
  'NOT_QUALIFIED',
  'RETAIL_PROGRAMME',
  'LIMIT_OVER_NAMEPLATE',
  'QUANTITY_OVER_LIMIT',
  'WRONG_DEVICES',
  'WRONG_UID',
  'WRONG_PRODUCT',
  'UNSIGNED',
  'UNKNOWN_KEY',
  'BAD_KEY',
  'REVOKED_KEY',
  'BAD_SIGNATURE',
  'ALREADY_ENROLLED',
  'REPLAY',
  'CLAIMED',
  'DUPLICATE',
  'NOT_FOUND',
  'REVISION_CONFLICT',
  'QUANTITY_RAISED',
  'INCOMPLETE',
  'OUTCOME_MISMATCH',
  'ALREADY_DECIDED',
  'NOT_DECIDED',
  'ALREADY_AWARDED',
  'NOT_AWARDED',
  'ALREADY_DISPATCHED',
  'NOT_DISPATCHED',
  'ALREADY_SETTLED',
  'TOO_MANY_REVISIONS',
] as const;
export type RefusalCode = (typeof CONTRACT_REFUSALS)[number];

/** A refusal as it leaves the contract. `details` name what it is about: uid, derId, expected, found. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** Ends a transaction from anywhere inside it; `execute` turns it into a returned `Refusal`. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(code: RefusalCode, message: string, details: Record<string, string | number> = {}) {
    super(message);
    this.name = 'Refused';
    this.refusal = { code, message, details };
  }
}
