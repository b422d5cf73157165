/**
 * M9 · Brings the device keys that the journal holds onto the ledger, where the contract checks bids by them: each
 * with what its device signed for it. The journal leads; whatever was interrupted is made up for at the next call.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { DerKeys, KeyRevocation, KeyRotation, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import { keyIdOf } from '@fieldbid/core/signing';
import type { Enrolments } from './enrolment.ts';
import type { KeyEvent } from './journal.ts';

/** What it needs of the BC-GW. */
export interface KeyGateway {
  listDers(): Promise<RegistryEntry[]>;
  enrolKey(request: EnrolmentRequest): Promise<RegistryEntry>;
  rotateKey(rotation: KeyRotation): Promise<RegistryEntry>;
  revokeKey(derId: string, revocation: KeyRevocation): Promise<RegistryEntry>;
}

/** A step that takes the ledger nearer to the journal. */
type Step =
  | { readonly do: 'enrol'; readonly request: EnrolmentRequest }
  | { readonly do: 'rotate'; readonly rotation: KeyRotation }
  | { readonly do: 'revoke'; readonly reason: string }
  /** Keys of a journal from before such requests were kept. */
  | { readonly do: 'nothing'; readonly because: string };

export class LedgerKeys {
  readonly #gateway: KeyGateway;
  readonly #enrolments: Pick<Enrolments, 'keyHistories'>;
  readonly #log: Logger;
  /** Keys of each DER as the ledger last told. */
  readonly #onLedger = new Map<string, DerKeys | null>();
  /** A step failed, perhaps after it was made: the ledger is asked anew. */
  #doubtful = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(
    gateway: KeyGateway,
    enrolments: Pick<Enrolments, 'keyHistories'>,
    entries: Iterable<RegistryEntry>,
    log: Logger,
  ) {
    this.#gateway = gateway;
    this.#enrolments = enrolments;
    this.#log = log;
    for (const { derId, keys } of entries) this.#onLedger.set(derId, keys);
  }

  /**
   * All DERs, or one, one after the other, so that the ledger holds the same order every time. Failures are logged.
   */
  sync(only?: string): Promise<void> {
    // One at a time: two that follow the same history would each make its steps.
    this.#tail = this.#tail.then(async () => {
      try {
        if (this.#doubtful) await this.#askLedger();
      } catch (error) {
        this.#log.error({ code: codeOf(error) }, `the keys on the ledger are not known: ${messageOf(error)}`);
        return;
      }
      const histories = this.#enrolments.keyHistories();
      const derIds = only === undefined ? [...this.#onLedger.keys()].sort() : [only];
      for (const derId of derIds) await this.#syncOne(derId, histories.get(derId) ?? []);
    });
    return this.#tail;
  }

  async #askLedger(): Promise<void> {
    for (const { derId, keys } of await this.#gateway.listDers()) {
      if (this.#onLedger.has(derId)) this.#onLedger.set(derId, keys);
    }
    this.#doubtful = false;
  }

  async #syncOne(derId: string, history: readonly KeyEvent[]): Promise<void> {
    if (!this.#onLedger.has(derId)) return;
    try {
      for (const step of stepsFor(history, this.#onLedger.get(derId) ?? null)) {
        await this.#take(derId, step);
      }
    } catch (error) {
      this.#doubtful = true;
      const code = codeOf(error);
      this.#log.error({ derId, code }, `the key of ${derId} is not on the ledger: ${messageOf(error)}`);
    }
  }

  async #take(derId: string, step: Step): Promise<void> {
    if (step.do === 'nothing') {
      this.#log.error({ derId }, `the key of ${derId} stays off the ledger: ${step.because}`);
      return;
    }
    const { keys } = await this.#call(derId, step);
    this.#onLedger.set(derId, keys);
    this.#log.info({ derId, step: step.do }, 'device key recorded');
  }

  #call(derId: string, step: Exclude<Step, { do: 'nothing' }>): Promise<RegistryEntry> {
    switch (step.do) {
      case 'enrol':
        return this.#gateway.enrolKey(step.request);
      case 'rotate':
        return this.#gateway.rotateKey(step.rotation);
      case 'revoke':
        return this.#gateway.revokeKey(derId, { reason: step.reason });
    }
  }
}

/**
 * @param history a DER's key events since its last enrolment, that one first; or its revocation alone.
 * @param keys what the ledger has of it; null: nothing yet.
 */
export function stepsFor(history: readonly KeyEvent[], keys: DerKeys | null): Step[] {
  const onLedger = keys?.current ?? null;
  const latest = history.at(-1);
  if (
    latest !== undefined &&
    latest.event !== 'revoked' &&
    keys?.revoked.includes(keyIdOf(latest.publicKey)) === true
  ) {
    return [{ do: 'nothing', because: 'it was revoked there: enrol the device with a new key' }];
  }
  const keyId = onLedger === null ? undefined : keyIdOf(onLedger);
  // The last event whose key the ledger has: what follows it is missing there.
  const known = history.findLastIndex(
    (event) => event.event !== 'revoked' && keyIdOf(event.publicKey) === keyId,
  );
  const missing = history.slice(known + 1);
  const stale = onLedger !== null && known < 0 && missing.some(({ event }) => event !== 'revoked');
  return [
    ...(stale ? [{ do: 'revoke', reason: 'the device was enrolled anew' } as const] : []),
    ...missing.flatMap((event) => stepOf(event, onLedger !== null)),
  ];
}

function stepOf(event: KeyEvent, hadKey: boolean): Step[] {
  if (event.event === 'revoked') return hadKey ? [{ do: 'revoke', reason: event.reason }] : [];
  const because = 'its journal has no signed request: enrol the device again with a code';
  if (event.event === 'enrolled') {
    const { request } = event;
    return [request === undefined ? { do: 'nothing', because } : { do: 'enrol', request }];
  }
  const { request, graceInterval } = event;
  return [
    request === undefined
      ? { do: 'nothing', because }
      : { do: 'rotate', rotation: { request, graceInterval } },
  ];
}
