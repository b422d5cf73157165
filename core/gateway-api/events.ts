/**
 * Step 6 · The ledger's events as the BC-GW streams them (server-sent events, WHATWG HTML 9.2), read so that
 * a lost connection loses and doubles nothing: it is opened again after the last checkpoint seen.
 */
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { FieldbidError, InputError, messageOf } from '../errors.ts';
import { pause } from '../retry.ts';
import { parse } from '../schema.ts';
import { send } from './http.ts';
import { API_PREFIX, LedgerEvent } from './schemas.ts';

export interface EventStreamOptions {
  /** Asked before each connection: several gateways may stand for one. */
  readonly url: () => string;
  readonly apiKey: string;
  /** Last checkpoint handled; undefined: from the first event of the ledger. */
  readonly after: string | undefined;
  /** Ends the iteration, quietly. */
  readonly signal: AbortSignal;
  /** Told of every interruption before it is retried. */
  readonly onInterruption?: (error: unknown) => void;
}

/** The gateway sends a comment every 15 s: a longer silence is a dead connection. */
const SILENCE_MS = 45_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5000;
/** An event holds the uids of one batch at most. */
const LARGEST_EVENT_CHARS = 2 * 1024 * 1024;

/** @throws FieldbidError when trying again cannot help: key refused, checkpoint unknown, no BC-GW. */
export async function* ledgerEvents(options: EventStreamOptions): AsyncGenerator<LedgerEvent, void> {
  const { signal } = options;
  let checkpoint = options.after;
  let retry_ms = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      for await (const event of connection(options, checkpoint)) {
        if (signal.aborted) return;
        checkpoint = event.checkpoint;
        retry_ms = FIRST_RETRY_MS;
        yield event;
      }
      options.onInterruption?.(new FieldbidError('GATEWAY_UNAVAILABLE', 'the event stream ended'));
    } catch (error) {
      if (signal.aborted) return;
      if (isPermanent(error)) throw error;
      options.onInterruption?.(error);
    }
    await pause(retry_ms, signal);
    retry_ms = Math.min(LONGEST_RETRY_MS, retry_ms * 2);
  }
}

/** One connection's events, until it ends or fails. */
async function* connection(
  { url, apiKey, signal }: EventStreamOptions,
  after: string | undefined,
): AsyncGenerator<LedgerEvent, void> {
  const ending = new AbortController();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const end = (): void => {
    ending.abort();
    // Node's fetch forgets the signal once its request object is collected: a body that is read for hours
    // is ended by its reader only.
    reader?.cancel().catch(() => undefined);
  };
  signal.addEventListener('abort', end, { once: true });
  const silence = setTimeout(end, SILENCE_MS);
  try {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    const response = await send({
      method: 'GET',
      url: `${url()}${API_PREFIX}/events${query}`,
      apiKey,
      accept: 'text/event-stream',
      signal: ending.signal,
    });
    reader = response.body?.getReader();
    if (reader === undefined) return;
    const arrived: string[] = [];
    const parser = messageParser(arrived);
    const decoder = new TextDecoder();
    for (let chunk = await reader.read(); chunk.value !== undefined; chunk = await reader.read()) {
      silence.refresh();
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      for (const text of arrived.splice(0)) {
        yield parse(LedgerEvent, json(text), `GET ${API_PREFIX}/events`);
      }
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', end);
    end();
  }
}

/** Adds the data of every complete message to `arrived`. */
function messageParser(arrived: string[]): EventSourceParser {
  return createParser({
    onEvent: ({ data }) => void arrived.push(data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw error;
    },
    maxBufferSize: LARGEST_EVENT_CHARS,
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const fault = { source: `GET ${API_PREFIX}/events`, path: '', found: messageOf(error), expected: 'JSON' };
    throw new InputError(fault, { cause: error });
  }
}

function isPermanent(error: unknown): boolean {
  return error instanceof FieldbidError && !error.retryable;
}
