/**
 * The BC-GW's API for programs (steps 5-7 and 10): one typed method per route of `schemas.ts`. Answers are
 * checked; raw records are checked against their checksum here once more, so that the DERA need not take
 * the gateway's word for it. A refusal is thrown with the gateway's code (`CLAIMED`, `REVISION_CONFLICT`, …).
 */
import type { TSchema } from 'typebox';
import Type, { type Static } from 'typebox';
import { codeOf, FieldbidError, InputError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import type { EnrolmentRequest } from '../market/enrolment.ts';
import { parse } from '../schema.ts';
import { recordChecksum } from './checksum.ts';
import { ledgerEvents } from './events.ts';
import { call, type Exchange } from './http.ts';
import {
  API_PREFIX,
  type Awards,
  type BidBatch,
  BidState,
  type Decision,
  type DerRegistration,
  type GridMeasurements,
  Health,
  IntervalState,
  type KeyRevocation,
  type KeyRotation,
  type LedgerEvent,
  MeasurementsStored,
  MeritOrder,
  type Modification,
  type Qualification,
  ReadingPage,
  type ReadingQuery,
  type Readings,
  RegistryEntry,
  type Settlement,
  SubmitResult,
  VerifiedBid,
  VerifyReport,
  VoltagePage,
  type VoltageQuery,
} from './schemas.ts';

export interface GatewayClientOptions {
  /**
   * Base URL, e.g. `http://127.0.0.1:8080`; without `/v1`. Several of gateways on one database: where one does not
   * answer, the next call goes to the next.
   */
  readonly url: string | readonly string[];
  readonly apiKey: string;
  /** Accept plain http:// to another machine: the key and prices then cross the network in clear. */
  readonly allowInsecure?: boolean;
  /** Per call, real milliseconds; 10 s by default. `verify` has ten times that. */
  readonly deadline_ms?: number;
  /** Told when the event stream was interrupted, before it is opened again. */
  readonly onInterruption?: (error: unknown) => void;
}

/**
 * Every method throws FieldbidError: the gateway's code; `GATEWAY_UNAVAILABLE` or `DEADLINE` (retryable) when
 * there was no answer, with `details.outcomeUnknown` for a change, which may have been made all the same.
 */
export class GatewayClient {
  readonly #urls: readonly string[];
  /** Which of them is asked next. */
  #turn = 0;
  readonly #apiKey: string;
  readonly #deadline_ms: number;
  readonly #onInterruption: ((error: unknown) => void) | undefined;

  /** @throws InputError for an address that is none, or that would be spoken to in clear. */
  constructor(options: GatewayClientOptions) {
    const urls = typeof options.url === 'string' ? [options.url] : options.url;
    if (urls.length === 0) throw new RangeError('a gateway has an address');
    for (const url of urls) requireSafeUrl(url, options.allowInsecure ?? false);
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''));
    this.#apiKey = options.apiKey;
    this.#deadline_ms = options.deadline_ms ?? 10_000;
    this.#onInterruption = options.onInterruption;
  }

  /** M9 · DERA: registers a DER of its own. */
  registerDer(registration: DerRegistration): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'POST', '/ders', registration);
  }

  /** M9 · DSO: qualifies a registered DER up to a limit, or suspends it. */
  qualifyDer(derId: string, qualification: Qualification): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'PUT', `${der(derId)}/qualification`, qualification);
  }

  /** M9 · DERA: a device's first key, or the first after a revocation, as the device signed for it. */
  enrolKey(request: EnrolmentRequest): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'POST', `${der(request.derId)}/key`, request);
  }

  /** M9 · DERA: a device's next key, as the old and the new one signed for it. */
  rotateKey(rotation: KeyRotation): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'PUT', `${der(rotation.request.derId)}/key`, rotation);
  }

  /** M9 · DERA of the DER, or DSO: its key ends. */
  revokeKey(derId: string, revocation: KeyRevocation): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'POST', `${der(derId)}/key/revocation`, revocation);
  }

  /** @throws FieldbidError `NOT_REGISTERED`. */
  readDer(derId: string): Promise<RegistryEntry> {
    return this.#call(RegistryEntry, 'GET', der(derId));
  }

  listDers(): Promise<RegistryEntry[]> {
    return this.#call(Type.Array(RegistryEntry), 'GET', '/ders');
  }

  /** Step 5 · DERA: all its bids of the interval in one transaction, once; also when there are none. */
  submitBids(intervalId: string, batch: BidBatch): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'POST', `${interval(intervalId)}/bids`, batch);
  }

  /** Step 7 · DSO: every bid of the interval, of every DERA, each once, at its quantity or below. */
  decide(intervalId: string, decision: Decision): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'POST', `${interval(intervalId)}/decision`, decision);
  }

  /** Step 10 · DERA: every bid of its own in the interval, each once, at its approved quantity or below. */
  recordAwards(intervalId: string, awards: Awards): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'POST', `${interval(intervalId)}/awards`, awards);
  }

  /** Step 10 · DSO: every awarded bid of the interval, each once, at its awarded quantity or below. */
  confirmDispatch(intervalId: string, dispatch: Decision): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'POST', `${interval(intervalId)}/dispatch`, dispatch);
  }

  /** Step 13 · DERA: every bid of its own in the interval, each once, when the dispatch is confirmed. */
  recordSettlement(intervalId: string, settlement: Settlement): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'POST', `${interval(intervalId)}/settlement`, settlement);
  }

  /** M24 · DSO: one bid reduced after the decision. */
  modifyBid(uid: string, modification: Modification): Promise<SubmitResult> {
    return this.#call(SubmitResult, 'PUT', `/bids/${encodeURIComponent(uid)}/quantity`, modification);
  }

  /** What the ledger holds of an interval, no prices; empty for one that nobody has written to. */
  readInterval(intervalId: string): Promise<IntervalState> {
    return this.#call(IntervalState, 'GET', interval(intervalId));
  }

  /** Every revision of every bid of an interval, as the ledger holds them: by DERA and uid, oldest first. */
  readIntervalHistory(intervalId: string): Promise<BidState[]> {
    return this.#call(Type.Array(BidState), 'GET', `${interval(intervalId)}/history`);
  }

  /** M24 · DERA: its own bids' latest revisions with raw records, verified. @throws also `RECORD_MISMATCH`. */
  async readRecords(intervalId: string): Promise<VerifiedBid[]> {
    const records = await this.#call(Type.Array(VerifiedBid), 'GET', `${interval(intervalId)}/records`);
    for (const record of records) requireChecksum(record);
    return records;
  }

  /** A7 · Ranks of the interval's bids over all aggregators. */
  readMeritOrder(intervalId: string): Promise<MeritOrder> {
    return this.#call(MeritOrder, 'GET', `${interval(intervalId)}/merit-order`);
  }

  /** M24 · One bid's latest revision with its raw record, verified. @throws also `RECORD_MISMATCH`. */
  async readBid(uid: string): Promise<VerifiedBid> {
    const record = await this.#call(VerifiedBid, 'GET', `/bids/${encodeURIComponent(uid)}`);
    requireChecksum(record);
    return record;
  }

  /** Every revision of a bid, oldest first, as the ledger holds them. */
  readBidHistory(uid: string): Promise<BidState[]> {
    return this.#call(Type.Array(BidState), 'GET', `/bids/${encodeURIComponent(uid)}/history`);
  }

  /** M25 · DERA: its devices' readings, each as its device signed it. One that is refused does not hold up the rest. */
  addReadings(readings: Readings['readings']): Promise<MeasurementsStored> {
    return this.#call(MeasurementsStored, 'POST', '/readings', { readings });
  }

  /** M25 · A DER's readings, by time, in pages. */
  readings(query: ReadingQuery): Promise<ReadingPage> {
    return this.#call(ReadingPage, 'GET', `/readings?${new URLSearchParams(query)}`);
  }

  /** M25 · DSO: voltages of a feeder. */
  addGridMeasurements(measurements: GridMeasurements['measurements']): Promise<MeasurementsStored> {
    return this.#call(MeasurementsStored, 'POST', '/grid-measurements', { measurements });
  }

  /** M25 · Voltages of a feeder, by time and node, in pages. */
  gridMeasurements(query: VoltageQuery): Promise<VoltagePage> {
    return this.#call(VoltagePage, 'GET', `/grid-measurements?${new URLSearchParams(query)}`);
  }

  /** Operator: walks every block, order and record. Findings are returned, not thrown. */
  verify(): Promise<VerifyReport> {
    return this.#call(VerifyReport, 'GET', '/verify', undefined, 10 * this.#deadline_ms);
  }

  /** Liveness of the gateway's ledger and store; `GATEWAY_UNAVAILABLE` and 503 are thrown as everywhere. */
  health(): Promise<Health> {
    return this.#call(Health, 'GET', '/health');
  }

  /**
   * Step 6 · The ledger's events in commit order, each once, also across lost connections and restarts of the
   * gateway. Ends when `signal` aborts.
   * @param after checkpoint of the last event handled; undefined: from the ledger's first event.
   * @throws FieldbidError when trying again cannot help (key refused, checkpoint unknown).
   */
  events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent> {
    return ledgerEvents({
      url: () => this.#url,
      apiKey: this.#apiKey,
      after,
      signal,
      onInterruption: (error) => {
        this.#turn++;
        this.#onInterruption?.(error);
      },
    });
  }

  get #url(): string {
    return this.#urls[this.#turn % this.#urls.length] as string;
  }

  async #call<T extends TSchema>(
    schema: T,
    method: Exchange['method'],
    path: string,
    body?: unknown,
    deadline_ms = this.#deadline_ms,
  ): Promise<Static<T>> {
    const url = `${this.#url}${API_PREFIX}${path}`;
    let answer: unknown;
    try {
      answer = await call({ method, url, apiKey: this.#apiKey, body }, deadline_ms);
    } catch (error) {
      if (UNANSWERED.has(codeOf(error))) this.#turn++;
      throw error;
    }
    return parse(schema, answer, `answer to ${method} ${API_PREFIX}${path}`);
  }
}

/** Nobody is there, or nobody says anything: another gateway may. */
const UNANSWERED: ReadonlySet<string> = new Set(['GATEWAY_UNAVAILABLE', 'DEADLINE']);

function requireSafeUrl(text: string, allowInsecure: boolean): void {
  const fault = (found: string, expected: string): InputError =>
    new InputError({ source: 'address of the BC-GW', path: '', found, expected });
  if (!URL.canParse(text)) throw fault(text, 'http://127.0.0.1:PORT, or https://HOST:PORT');
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:' || allowInsecure || isLoopback(hostname)) return;
  throw fault(
    text,
    'https:// to another machine, or allowInsecure: true (the API key then travels in clear)',
  );
}

function interval(intervalId: string): string {
  return `/intervals/${encodeURIComponent(intervalId)}`;
}

function der(derId: string): string {
  return `/ders/${encodeURIComponent(derId)}`;
}

function requireChecksum({ state, raw, salt }: VerifiedBid): void {
  const found = recordChecksum(raw, salt);
  if (found === state.checksum && raw.bid.uid === state.uid && raw.revision === state.revision) return;
  throw new FieldbidError(
    'RECORD_MISMATCH',
    `bid ${state.uid} revision ${state.revision}: the raw record that the gateway returned does not match the ledger's checksum`,
    { details: { uid: state.uid, revision: state.revision, found, expected: state.checksum } },
  );
}
