/**
 * Steps 5-10 and 13 from the BC-GW, with an operator's key: its event stream says which interval moved, and that interval is
 * read anew. Read at most so often, the newest first: a market on a fast clock must not be held up by somebody looking on.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import { readWithRecords } from '@fieldbid/core/gateway-api/interval-records';
import type { Logger } from '@fieldbid/core/logging';
import { pause } from '@fieldbid/core/retry';
import type { MarketState } from './market-state.ts';

export type LedgerSource = Pick<
  GatewayClient,
  'events' | 'readInterval' | 'readRecords' | 'readBidHistory' | 'health'
>;

/** Real ms. */
const BETWEEN_READS_MS = 250;
const BETWEEN_HEALTH_MS = 5000;
/** Intervals that wait to be read; beyond these the oldest are never read for the list. */
const MOST_WAITING = 200;
/** Bids of an interval whose revisions are read where a step was missed. */
const MOST_HISTORIES = 100;

/** Runs until `signal` aborts; never throws. */
export async function followLedger(
  source: LedgerSource,
  state: MarketState,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const waiting: string[] = [];
  const moved = (intervalId: string): void => {
    const at = waiting.indexOf(intervalId);
    if (at >= 0) waiting.splice(at, 1);
    waiting.push(intervalId);
    if (waiting.length > MOST_WAITING) waiting.shift();
  };
  await Promise.all([
    followEvents(source, state, moved, log, signal),
    readIntervals(source, state, waiting, log, signal),
    watchHealth(source, state, signal),
  ]);
}

async function followEvents(
  source: LedgerSource,
  state: MarketState,
  moved: (intervalId: string) => void,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const event of source.events(undefined, signal)) {
      state.takeEvent(event);
      const { intervalId } = event.payload;
      if (typeof intervalId === 'string') moved(intervalId);
    }
  } catch (error) {
    state.takeHealth({ gatewayFault: messageOf(error) });
    log.error({ code: codeOf(error) }, `the ledger's events cannot be followed: ${messageOf(error)}`);
  }
}

async function readIntervals(
  source: LedgerSource,
  state: MarketState,
  waiting: string[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const intervalId = waiting.pop();
    if (intervalId !== undefined) {
      try {
        const { state: ledger, records } = await readWithRecords(source, intervalId);
        state.takeInterval(ledger, records);
        const unseen = state.unseen(intervalId).slice(0, MOST_HISTORIES);
        if (unseen.length > 0 && !waiting.includes(intervalId)) {
          const histories = await Promise.all(unseen.map((uid) => source.readBidHistory(uid)));
          state.takeInterval(ledger, records, histories);
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ intervalId, code: codeOf(error) }, `not read: ${messageOf(error)}`);
      }
    }
    await pause(BETWEEN_READS_MS, signal);
  }
}

async function watchHealth(source: LedgerSource, state: MarketState, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      state.takeHealth({ said: await source.health(), gateway: 'up', gatewayFault: '' });
    } catch (error) {
      if (!signal.aborted) state.takeHealth({ gateway: 'down', gatewayFault: messageOf(error) });
    }
    await pause(BETWEEN_HEALTH_MS, signal);
  }
}
