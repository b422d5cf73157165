/** From errors to HTTP: status and `Problem`. What is not ours to show (a bug's message) stays in the log. */
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import type { Problem } from '@fieldbid/core/gateway-api/schemas';
import { FASTIFY_REFUSALS } from '@fieldbid/core/http/fastify-refusals';

const STATUS: Readonly<Record<string, number>> = {
  INVALID_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  NO_BENCH: 404,
  NO_LEDGER: 404,
  WRONG_HOST: 421,
  RATE_LIMITED: 429,
  DEADLINE: 504,
};

export function answerOf(error: unknown): { readonly status: number; readonly problem: Problem } {
  const code = codeOf(error);
  const known = FASTIFY_REFUSALS[code];
  if (known !== undefined)
    return { status: known.status, problem: { code: known.code, message: known.message } };
  if (error instanceof FieldbidError) {
    const status = STATUS[code] ?? (error.retryable ? 503 : 502);
    return { status, problem: { code, message: error.message } };
  }
  return {
    status: 500,
    problem: { code: 'UNEXPECTED', message: 'Unexpected fault in the page’s server; its log has it.' },
  };
}
