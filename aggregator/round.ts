/**
 * One market round at the DERA, after the gate has closed: record (5), wait for the DSO (6-7), offer (8),
 * take the price (9), allocate and have the allocation confirmed (10). Each step is timed.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type {
  Awards,
  BidBatch,
  BidState,
  DerRegistration,
  IntervalState,
  LedgerEvent,
  RegistryEntry,
  Settlement,
  SubmitResult,
  VerifiedBid,
} from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { Moments } from '@fieldbid/core/market/calendar';
import { type ClearedOffer, OfferReceipt } from '@fieldbid/core/market/messages';
import { withRetries } from '@fieldbid/core/retry';
import { parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { allocate } from './allocation/allocate.ts';
import type { ClosedBook } from './bid-book.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import { buildSegments, type OfferSegment, offerOf } from './offer/build-offer.ts';
import type { ReadingGateway } from './readings.ts';
import { recordBids } from './record-bids.ts';
import type { KeyGateway } from './registration/ledger-keys.ts';
import type { ReadingStore } from './settlement/stored-readings.ts';
import { writeOnce } from './write-once.ts';

/** What the DERA needs of the BC-GW. */
export interface DeraGateway extends KeyGateway, ReadingGateway, ReadingStore {
  registerDer(registration: DerRegistration): Promise<RegistryEntry>;
  listDers(): Promise<RegistryEntry[]>;
  submitBids(intervalId: string, batch: BidBatch): Promise<SubmitResult>;
  readInterval(intervalId: string): Promise<IntervalState>;
  readRecords(intervalId: string): Promise<VerifiedBid[]>;
  readBidHistory(uid: string): Promise<BidState[]>;
  recordAwards(intervalId: string, awards: Awards): Promise<SubmitResult>;
  recordSettlement(intervalId: string, settlement: Settlement): Promise<SubmitResult>;
  events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent>;
}

export interface RoundContext {
  readonly deraId: string;
  readonly moment: Moments;
  readonly bus: Bus;
  readonly gateway: DeraGateway;
  readonly watch: LedgerWatch;
  readonly time: TimeSource;
  readonly maxSegments: number;
  /** Until when the DSO may confirm the dispatch, market ms. */
  readonly confirmBy_ms: number;
  /** What the ISO has sent of this interval. */
  readonly cleared: () => ClearedOffer | undefined;
  /** Aborts when the service stops: nothing is tried again then. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly timings_ms: Record<string, number>;
  readonly notes: string[];
}

/** What a round came to for one bid. */
export interface RoundOutcome {
  readonly uid: string;
  readonly derId: string;
  readonly bid_W: number;
  readonly approved_W: number;
  readonly cleared_W: number;
  /** Confirmed by the DSO: what may be delivered. */
  readonly allocation_W: number;
}

export interface RoundResult {
  readonly price_uUSD_per_MWh: number | null;
  readonly outcomes: RoundOutcome[];
}

/**
 * Steps 5-8: from the closed book to an offer at the ISO.
 * @param baselineCommitment hash of the interval's baselines, for the ledger; undefined: there are none.
 * @throws FieldbidError when a step cannot be done; nothing is half applied: without a confirmed allocation
 * nobody is awarded anything.
 */
export async function recordAndOffer(
  context: RoundContext,
  closed: ClosedBook,
  silentDerIds: string[],
  baselineCommitment?: string,
): Promise<{ approved: VerifiedBid[]; segments: OfferSegment[]; book: ClosedBook }> {
  const { deraId, moment, gateway, watch, time, log, notes } = context;
  const intervalId = moment.interval.id;
  const patience_ms = () => time.patienceUntil(moment.clearing_ms);
  const committed = baselineCommitment === undefined ? {} : { baselineCommitment };
  const submit = (bids: ClosedBook['bids']) =>
    writeOnce(
      () => gateway.submitBids(intervalId, { deraId, bids, silentDerIds, ...committed }),
      ['REPLAY', 'DUPLICATE', 'ALREADY_DECIDED'],
      context.signal,
      retried(context),
    );
  const { txId, book } = await timed(context, 'record', () =>
    recordBids(closed, submit, (derId, uid, { code, message }) => {
      notes.push(`bid of ${derId} left out, the ledger refuses it: ${message}`);
      log.warn({ intervalId, derId, correlationId: uid, code }, `bid left out: ${message}`);
    }),
  );
  for (const { uid, derId } of book.bids) {
    log.info({ intervalId, derId, correlationId: uid, txId }, 'bid recorded');
  }
  await timed(context, 'dsoDecision', () => watch.waitFor('IntervalDecided', intervalId, patience_ms()));
  const approved = await timed(context, 'verifiedRead', () => readAgain(context));
  requireAll(book, approved);
  const segments = buildSegments(
    approved.map(({ state, raw }) => ({
      uid: state.uid,
      derId: state.derId,
      price_uUSD_per_MWh: raw.bid.price_uUSD_per_MWh,
      quantity_W: state.quantity_W,
    })),
    context.maxSegments,
  );
  const offer = offerOf(deraId, intervalId, segments);
  if (offer === undefined) return { approved, segments: [], book };
  const answer = await timed(context, 'offer', () =>
    context.bus.request(topics.offers, offer, patience_ms()),
  );
  const receipt = parse(OfferReceipt, answer, topics.offers);
  if (receipt.accepted) return { approved, segments, book };
  notes.push(`offer withdrawn: ${receipt.reason ?? 'the ISO gave no reason'}`);
  return { approved, segments: [], book };
}

/** Steps 9-10: from the ISO's price to an allocation that the DSO has confirmed. */
export async function allocateAndConfirm(
  context: RoundContext,
  approved: VerifiedBid[],
  segments: OfferSegment[],
): Promise<RoundResult> {
  const { moment, watch, time, notes } = context;
  const intervalId = moment.interval.id;
  const cleared = context.cleared();
  if (segments.length > 0 && cleared === undefined) notes.push('no answer from the ISO: nothing is awarded');
  const allocation =
    cleared === undefined || segments.length === 0
      ? new Map<string, number>()
      : await timed(context, 'allocate', async () => allocate(segments, cleared.segments_W, intervalId));
  const price = cleared?.price_uUSD_per_MWh ?? null;
  await timed(context, 'recordAwards', () =>
    writeOnce(
      () => recordAwards(context, approved, allocation, price),
      ['ALREADY_AWARDED', 'ALREADY_DISPATCHED'],
      context.signal,
      retried(context),
    ),
  );
  await timed(context, 'dsoDispatch', () =>
    watch.waitFor('DispatchConfirmed', intervalId, time.patienceUntil(context.confirmBy_ms)),
  );
  const confirmed = await timed(context, 'verifiedRead2', () => readAgain(context));
  const confirmed_W = new Map(confirmed.map(({ state }) => [state.uid, state.quantity_W]));
  const outcomes = approved.map(({ state, raw }) => ({
    uid: state.uid,
    derId: state.derId,
    bid_W: raw.bid.quantity_W,
    approved_W: state.quantity_W,
    cleared_W: allocation.get(state.uid) ?? 0,
    allocation_W: confirmed_W.get(state.uid) ?? 0,
  }));
  return { price_uUSD_per_MWh: price, outcomes };
}

/** The DSO may have reduced a bid since it was approved: then its award is what is left of it. */
async function recordAwards(
  context: RoundContext,
  approved: readonly VerifiedBid[],
  allocation: ReadonlyMap<string, number>,
  price_uUSD_per_MWh: number | null,
): Promise<SubmitResult> {
  const { deraId, gateway, moment } = context;
  const award = (bids: readonly VerifiedBid[]): Promise<SubmitResult> =>
    gateway.recordAwards(moment.interval.id, {
      deraId,
      price_uUSD_per_MWh,
      quantities: bids.map(({ state: { uid, revision, quantity_W } }) => ({
        uid,
        expectedRevision: revision,
        quantity_W: Math.min(quantity_W, allocation.get(uid) ?? 0),
      })),
    });
  try {
    return await award(approved);
  } catch (error) {
    if (codeOf(error) !== 'REVISION_CONFLICT') throw error;
    return award(await readAgain(context));
  }
}

function readAgain(context: RoundContext): Promise<VerifiedBid[]> {
  const { gateway, moment, signal } = context;
  return withRetries(() => gateway.readRecords(moment.interval.id), signal, retried(context));
}

function retried({ log, moment }: RoundContext): (error: unknown) => void {
  return (error) =>
    log.warn(
      { intervalId: moment.interval.id, code: codeOf(error) },
      `the BC-GW is asked again: ${messageOf(error)}`,
    );
}

/** Every bid sent must come back: a lost one would be a lost award. */
function requireAll(book: ClosedBook, records: readonly VerifiedBid[]): void {
  const present = new Set(records.map(({ state }) => state.uid));
  const missing = book.bids.filter((bid) => !present.has(bid.uid)).map((bid) => bid.derId);
  if (missing.length > 0 || records.length !== book.bids.length) {
    throw new FieldbidError(
      'RECORDS_MISSING',
      `${book.bids.length} bids were recorded, ${records.length} came back (missing: ${missing.join(', ') || 'none'})`,
    );
  }
}

async function timed<T>(context: RoundContext, step: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  try {
    return await work();
  } finally {
    context.timings_ms[step] = performance.now() - from;
  }
}
