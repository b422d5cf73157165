/** One HTTP exchange with the BC-GW: deadline, problem → FieldbidError. Used by the client only. */
import { codeOf, DeadlineError, FieldbidError, messageOf, withDeadline } from '../errors.ts';
import { matches } from '../schema.ts';
import { Problem } from './schemas.ts';

/** Answers after which the same request may succeed unchanged. */
const RETRYABLE_STATUS = new Set([429, 503]);

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly apiKey: string;
  readonly body?: unknown;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

/**
 * Sends and gives the answer with a 2xx status, its body unread.
 * @throws FieldbidError with the gateway's own code; `GATEWAY_UNAVAILABLE` (retryable) without an answer.
 */
export async function send(exchange: Exchange): Promise<Response> {
  const { method, url, apiKey, body, signal } = exchange;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      signal,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: exchange.accept ?? 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw connectionFault(exchange, error);
  }
  if (response.ok) return response;
  throw await problemOf(exchange, response);
}

/** As `send`, with the body read as JSON, all of it within `deadline_ms` real milliseconds. */
export async function call(exchange: Omit<Exchange, 'signal'>, deadline_ms: number): Promise<unknown> {
  const ending = new AbortController();
  const signal = ending.signal;
  const what = `the BC-GW (${exchange.method} ${new URL(exchange.url).pathname})`;
  const answer = async (): Promise<unknown> => {
    const response = await send({ ...exchange, signal });
    return await response.json();
  };
  try {
    // The deadline is held here, not by the signal alone: fetch may forget that (see events.ts).
    return await withDeadline(answer(), deadline_ms, what);
  } catch (error) {
    if (error instanceof DeadlineError) {
      ending.abort();
      // A change whose answer was not heard may have been made all the same: the caller has to look.
      const details = exchange.method === 'GET' ? {} : { outcomeUnknown: true };
      throw new DeadlineError(what, deadline_ms, { cause: error, details });
    }
    if (error instanceof FieldbidError) throw error;
    throw connectionFault({ ...exchange, signal }, error);
  }
}

function connectionFault({ method, url }: Exchange, error: unknown): FieldbidError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return new FieldbidError(
    'GATEWAY_UNAVAILABLE',
    `no answer from the BC-GW at ${new URL(url).host} (${method} ${new URL(url).pathname}): ${messageOf(cause)}`,
    {
      cause: error,
      retryable: true,
      details: { system: codeOf(cause), ...(method === 'GET' ? {} : { outcomeUnknown: true }) },
    },
  );
}

async function problemOf({ method, url }: Exchange, response: Response): Promise<FieldbidError> {
  const retryable = RETRYABLE_STATUS.has(response.status);
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = undefined;
  }
  const details = { status: response.status };
  if (matches(Problem, body)) {
    return new FieldbidError(body.code, body.message, {
      retryable,
      details: { ...body.details, ...details },
    });
  }
  const path = new URL(url).pathname;
  return new FieldbidError(
    'GATEWAY_ANSWER',
    `${method} ${path} was answered with status ${response.status} and no problem that this client knows; is it a BC-GW?`,
    { retryable, details },
  );
}
