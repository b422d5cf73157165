/** Step 6 · The ledger's events as server-sent events: `id` is the checkpoint that resumes after them. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import Type from 'typebox';

/** Reading all the stream's past is a client's right; an id in a header is the standard's way to ask for less. */
export const EventQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: '^\\d+(\\.\\d+)?$',
        description: 'Checkpoint of the last event handled; from the first event when absent.',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * Writes events until the reader leaves, `signal` aborts or they end. A reader that is slow is waited for.
 * @throws what `events` throws; the response is then still open if nothing was sent.
 */
export async function streamEvents(
  response: ServerResponse,
  events: AsyncIterable<LedgerEvent>,
  signal: AbortSignal,
  heartbeat_ms: number,
): Promise<void> {
  const heartbeat = setInterval(() => {
    // Not on top of what a slow reader has not taken yet.
    if (response.writableLength === 0) response.write(': alive\n\n');
  }, heartbeat_ms);
  try {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      // The stream is the connection: when it ends, so does the socket, and the server can close.
      connection: 'close',
    });
    response.write(': fieldbid ledger events\n\n');
    for await (const event of events) {
      const message = `id: ${event.checkpoint}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`;
      if (response.write(message)) continue;
      await once(response, 'drain', { signal }).catch(() => undefined);
      if (signal.aborted) break;
    }
  } finally {
    clearInterval(heartbeat);
  }
}
