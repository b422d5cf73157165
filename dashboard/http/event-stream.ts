/**
 * The live stream (server-sent events, WHATWG HTML 9.2): first everything, then what has changed, at most so often. A reader
 * that is slow is not written to until it has taken what it was sent; it then gets what changed meanwhile, in one piece, so
 * nothing piles up for it here.
 */
import type { ServerResponse } from 'node:http';
import type { MarketState } from '../state/market-state.ts';

/** Real ms. */
const BETWEEN_CHANGES_MS = 250;
/** Also when nothing changed, so that both sides notice a dead connection. */
const HEARTBEAT_MS = 10_000;

/** Resolves when the reader has left or `signal` aborts. */
export async function streamChanges(
  response: ServerResponse,
  state: MarketState,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  let revision = -1;
  let written_ms = 0;
  await new Promise<void>((left) => {
    const send = (): void => {
      // What it was sent is still on its way.
      if (response.writableNeedDrain || response.writableLength > 0) return;
      const changes = state.changesSince(revision);
      const now_ms = performance.now();
      if (revision >= 0 && changes.revision === revision && now_ms - written_ms < HEARTBEAT_MS) return;
      revision = changes.revision;
      written_ms = now_ms;
      response.write(`id: ${revision}\ndata: ${JSON.stringify(changes)}\n\n`);
    };
    const timer = setInterval(send, BETWEEN_CHANGES_MS);
    const end = (): void => {
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      left();
    };
    response.once('close', end);
    signal.addEventListener('abort', end, { once: true });
    if (response.destroyed || signal.aborted) end();
    else send();
  });
  response.end();
}
