/** From errors to HTTP: status and `Problem`. What is not ours to show (a bug's message) stays in the log. */
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import type { Problem } from '@fieldbid/core/gateway-api/schemas';

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

/** Fastify's own refusals. */
const FASTIFY: Readonly<Record<string, { status: number; code: string; message: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'BODY_TOO_LARGE', message: 'The body is too large.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    ...{ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: 'The body has to be application/json.' },
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, code: 'INVALID_INPUT', message: 'The body is empty.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, code: 'INVALID_INPUT', message: 'The body is no JSON.' },
};

export function answerOf(error: unknown): { readonly status: number; readonly problem: Problem } {
  const code = codeOf(error);
  const known = FASTIFY[code];
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
