/**
 * Step 6 · The contract's events from a peer's blocks, so that a checkpoint is a block and the transaction's place in
 * it: the same at every peer and every gateway. A peer that goes away is followed by another, or by itself come back.
 */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { pause } from '@fieldbid/core/retry';
import type { common } from '@hyperledger/fabric-protos';
import { isAfter, type Position, positionOf } from '../checkpoint.ts';
import { type ParsedBlock, parseBlock, VALID } from './blocks.ts';
import { faultOf } from './failures.ts';
import type { FabricPeer } from './peer.ts';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

export interface BlockSource {
  readonly peers: readonly FabricPeer[];
  readonly contract: string;
  /** Told of every block, before its events. */
  readonly onBlock: (block: number) => void;
}

/**
 * Every block from a number on, each once, in order, without end; quiet end when `signal` aborts.
 * @param patience_ms how long to go on asking while nobody answers, real ms; without end when absent.
 * @throws FieldbidError `LEDGER_FAILED` when asking again cannot help, `LEDGER_UNAVAILABLE` after `patience_ms`.
 */
export async function* blocksFrom(
  source: BlockSource,
  first: number,
  signal: AbortSignal,
  patience_ms = Number.POSITIVE_INFINITY,
): AsyncGenerator<ParsedBlock, void> {
  let next = first;
  let retry_ms = FIRST_RETRY_MS;
  let answered_ms = performance.now();
  for (let turn = 0; !signal.aborted; turn++) {
    const peer = source.peers[turn % source.peers.length] as FabricPeer;
    try {
      for await (const block of blocksOf(peer, next, signal)) {
        const parsed = parseBlock(block, source.contract);
        if (parsed.number !== next) throw outOfOrder(peer, parsed.number, next);
        peer.saw(parsed.number);
        source.onBlock(parsed.number);
        next++;
        retry_ms = FIRST_RETRY_MS;
        yield parsed;
        answered_ms = performance.now();
        if (signal.aborted) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const fault = error instanceof FieldbidError ? error : faultOf('blocks cannot be followed', error);
      if (!fault.retryable || performance.now() - answered_ms > patience_ms) throw fault;
    }
    await pause(retry_ms, signal);
    retry_ms = Math.min(LONGEST_RETRY_MS, retry_ms * 2);
  }
}

/** One connection's blocks, until it ends or fails. */
async function* blocksOf(
  peer: FabricPeer,
  startBlock: number,
  signal: AbortSignal,
): AsyncGenerator<common.Block, void> {
  const network = await peer.network();
  const blocks = await network.getBlockEvents({ startBlock: BigInt(startBlock) });
  const close = (): void => blocks.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    if (signal.aborted) return;
    yield* blocks;
  } finally {
    signal.removeEventListener('abort', close);
    blocks.close();
  }
}

export async function* eventsFrom(
  source: BlockSource,
  after: string | undefined,
  signal: AbortSignal,
  until: string | undefined,
): AsyncGenerator<LedgerEvent, void> {
  const position: Position = after === undefined ? { block: -1, tx: 0 } : positionOf(after);
  const last = until === undefined ? undefined : positionOf(until);
  if (last !== undefined && last.block < position.block) return;
  for await (const block of blocksFrom(source, Math.max(0, position.block), signal)) {
    for (const event of eventsOf(block)) {
      const at = positionOf(event.checkpoint);
      if (last !== undefined && isAfter(at, last)) return;
      if (!isAfter(at, position)) continue;
      if (signal.aborted) return;
      yield event;
    }
    if (last !== undefined && block.number >= last.block) return;
  }
}

function eventsOf({ number, transactions, unreadable }: ParsedBlock): LedgerEvent[] {
  const [damaged] = unreadable;
  if (damaged !== undefined) {
    const what = `transaction ${number}.${damaged.index} is unreadable: ${damaged.reason}`;
    throw new FieldbidError('LEDGER_DAMAGED', what);
  }
  return transactions.flatMap(({ index, txId, at_ms, validationCode, event }) => {
    if (validationCode !== VALID || event === undefined) return [];
    return {
      checkpoint: `${number}.${index}`,
      name: event.name as LedgerEvent['name'],
      txId,
      at_ms,
      payload: payloadOf(event.payload, number),
    };
  });
}

function payloadOf(text: string, block: number): LedgerEvent['payload'] {
  try {
    return JSON.parse(text) as LedgerEvent['payload'];
  } catch (error) {
    throw new FieldbidError('LEDGER_DAMAGED', `an event of block ${block} is no JSON: ${messageOf(error)}`);
  }
}

function outOfOrder({ mspId }: FabricPeer, found: number, expected: number): FieldbidError {
  return new FieldbidError(
    'LEDGER_DAMAGED',
    `the peer of ${mspId} sent block ${found} instead of ${expected}`,
  );
}
