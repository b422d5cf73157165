/**
 * The BC-GW's API for programs (steps 5-7 and 10): one typed method per route of `schemas.ts`. Answers are
 * checked; raw records are checked against their checksum here once more, so that the DERA need not take
 * the gateway's word for it. A refusal is thrown with the gateway's code (`CLAIMED`, `REVISION_CONFLICT`, …).
 */
import type { TSchema } from 'typebox';
import Type, { type Static } from 'typebox';
import { FieldbidError } from '../errors.ts';
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
  Health,
  IntervalState,
  type KeyRevocation,
  type KeyRotation,
  type LedgerEvent,
  type Modification,
  type Qualification,
  RegistryEntry,
  type Settlement,
  SubmitResult,
  VerifiedBid,
  VerifyReport,
} from './schemas.ts';

export interface GatewayClientOptions {
  /** Base URL, e.g. `http://127.0.0.1:8080`; without `/v1`. */
  readonly url: string;
  readonly apiKey: string;
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
  readonly #url: string;
  readonly #apiKey: string;
  readonly #deadline_ms: number;
  readonly #onInterruption: ((error: unknown) => void) | undefined;

  constructor(options: GatewayClientOptions) {
    this.#url = options.url.replace(/\/+$/, '');
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

  /** M24 · DERA: its own bids' latest revisions with raw records, verified. @throws also `RECORD_MISMATCH`. */
  async readRecords(intervalId: string): Promise<VerifiedBid[]> {
    const records = await this.#call(Type.Array(VerifiedBid), 'GET', `${interval(intervalId)}/records`);
    for (const record of records) requireChecksum(record);
    return records;
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
      url: this.#url,
      apiKey: this.#apiKey,
      after,
      signal,
      ...(this.#onInterruption === undefined ? {} : { onInterruption: this.#onInterruption }),
    });
  }

  async #call<T extends TSchema>(
    schema: T,
    method: Exchange['method'],
    path: string,
    body?: unknown,
    deadline_ms = this.#deadline_ms,
  ): Promise<Static<T>> {
    const url = `${this.#url}${API_PREFIX}${path}`;
    const answer = await call({ method, url, apiKey: this.#apiKey, body }, deadline_ms);
    return parse(schema, answer, `answer to ${method} ${API_PREFIX}${path}`);
  }
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
