/** From errors to HTTP: status and `Problem`. What is not ours to show (a bug's message) stays in the log. */
import { CONTRACT_REFUSALS } from '@fieldbid/chaincode/transactions/refusal';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { Problem } from '@fieldbid/core/gateway-api/schemas';
import { FASTIFY_REFUSALS } from '@fieldbid/core/http/fastify-refusals';

export interface Answer {
  readonly status: number;
  readonly problem: Problem;
}

const STATUS: Readonly<Record<string, number>> = {
  INVALID_INPUT: 400,
  MALFORMED: 400,
  CHECKPOINT_UNKNOWN: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  WRONG_ORG: 403,
  WRONG_ROLE: 403,
  WRONG_AGGREGATOR: 403,
  NOT_FOUND: 404,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  RECORD_MISMATCH: 500,
  LEDGER_CONFLICT: 503,
};

const REFUSALS: ReadonlySet<string> = new Set(CONTRACT_REFUSALS);

export function problemOf(error: unknown, requestId: string): Answer {
  const code = codeOf(error);
  const known = FASTIFY_REFUSALS[code];
  if (known !== undefined) {
    const details = { found: messageOf(error), expected: 'a JSON body within the limit' };
    return { status: known.status, problem: { code: known.code, message: known.message, details } };
  }
  if (error instanceof FieldbidError) {
    const status = STATUS[code] ?? (REFUSALS.has(code) ? 409 : error.retryable ? 503 : 500);
    const details = Object.keys(error.details).length === 0 ? {} : { details: error.details };
    return { status, problem: { code, message: error.message, ...details } };
  }
  const message = `Unexpected fault in the gateway; its log has it under request ${requestId}.`;
  return { status: 500, problem: { code: 'UNEXPECTED', message } };
}
