/**
 * Who may sign for which DER (M9 · registration). A key becomes known by a one-time code, passes on to a new one when
 * both sign for it, and ends by revocation. Refusals are answered with code and reason; nothing is stored for them
 * but the number of wrong tries.
 */
import { randomInt, timingSafeEqual } from 'node:crypto';
import { InputError } from '@fieldbid/core/errors';
import type { BidKeys } from '@fieldbid/core/market/bid-keys';
import {
  CODE_ALPHABET,
  CODE_LENGTH,
  codeKeyOf,
  type EnrolmentAnswer,
  type EnrolmentRefusal,
  EnrolmentRequest,
  enrolmentProof,
  RotationRequest,
} from '@fieldbid/core/market/enrolment';
import { parse } from '@fieldbid/core/schema';
import { keyFault, keyIdOf, type PublicKey, signatureHolds } from '@fieldbid/core/signing';
import type { Journal, JournalEvent, KeyEvent } from './journal.ts';

/** Wrong proofs before a code is worth nothing. */
const MOST_TRIES = 10;

interface OpenCode {
  readonly codeKey: string;
  readonly expires_ms: number;
  used: boolean;
  tries: number;
}

export interface EnrolmentOptions {
  readonly deraId: string;
  readonly journal: Journal;
  /** Devices that a DER is registered with; undefined: no DER of this aggregator. */
  readonly devicesOf: (derId: string) => readonly string[] | undefined;
  /** The interval whose gate closes next; null when none does. */
  readonly openInterval: () => string | null;
  /** Real time, epoch ms. */
  readonly now: () => number;
  /** A number from 0 up to, not including, `below`: codes are made of them. Unpredictable by default. */
  readonly draw?: (below: number) => number;
  /** The journal has become unreadable: what was read before stays. */
  readonly onFault?: (error: unknown) => void;
}

export class Enrolments {
  readonly #options: EnrolmentOptions;
  readonly #codes = new Map<string, OpenCode>();
  readonly #keys = new Map<string, BidKeys>();
  /** Ids of the keys that each DER had before: ended or replaced, none of them comes back. */
  readonly #former = new Map<string, Set<string>>();
  /** What made a DER's keys since it was last enrolled; its revocation alone after that. */
  readonly #history = new Map<string, KeyEvent[]>();

  /** @throws InputError when the journal is damaged, naming the line. */
  constructor(options: EnrolmentOptions) {
    this.#options = options;
    for (const entry of options.journal.news()) this.#apply(entry);
  }

  /** Undefined: never enrolled. */
  keysOf(derId: string): BidKeys | undefined {
    this.#refresh();
    return this.#keys.get(derId);
  }

  /** A key of this DER since its last enrolment: what was signed before a rotation stays signed. */
  keyNamed(derId: string, keyId: string): PublicKey | undefined {
    return this.keyHistory(derId)
      .flatMap((event) => (event.event === 'revoked' ? [] : [event.publicKey]))
      .find((key) => keyIdOf(key) === keyId);
  }

  /** Enrolment and rotations since, oldest first; the revocation alone once it was revoked; empty before. */
  keyHistory(derId: string): readonly KeyEvent[] {
    this.#refresh();
    return this.#history.get(derId) ?? [];
  }

  /** The same of every DER that has one, with one look at the journal. */
  keyHistories(): ReadonlyMap<string, readonly KeyEvent[]> {
    this.#refresh();
    return this.#history;
  }

  /** A new code for a DER, which ends an earlier one. @returns the code: nobody can show it again. */
  issueCode(derId: string, valid_ms: number): string {
    const { journal, now, draw = (below) => randomInt(below) } = this.#options;
    this.#requireOurs(derId);
    const code = Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[draw(CODE_ALPHABET.length)]).join(
      '',
    );
    const at_ms = now();
    journal.append({
      event: 'code',
      derId,
      at_ms,
      codeKey: codeKeyOf(code, derId),
      expires_ms: at_ms + valid_ms,
    });
    return code.match(/.{4}/g)?.join('-') ?? code;
  }

  /** @throws InputError for a DER that is not enrolled. */
  revoke(derId: string, reason: string): void {
    this.#requireOurs(derId);
    if (this.keysOf(derId)?.current == null) {
      throw new InputError({ source: '--der', path: '', found: derId, expected: 'a DER with a key' });
    }
    this.#options.journal.append({ event: 'revoked', derId, at_ms: this.#options.now(), reason });
  }

  /** Answers an enrolment. Never throws for what an agent sends. */
  enrol(message: unknown, source: string): EnrolmentAnswer {
    let request: EnrolmentRequest;
    try {
      request = parse(EnrolmentRequest, message, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return no('MALFORMED', error.message);
    }
    const { derId, deviceIds, publicKey, signature } = request;
    const { signature: _, ...claim } = request;
    const stranger = this.#notOurs(request.deraId, derId) ?? badKey(publicKey);
    if (stranger !== undefined) return stranger;
    if (!signatureHolds(publicKey, 'fieldbid/enrolment/v1', claim, signature)) {
      return no('BAD_SIGNATURE', 'the key that is to be enrolled did not sign this');
    }
    const keyId = keyIdOf(publicKey);
    const current = this.keysOf(derId)?.current;
    // Its answer was lost: it is there, which is what is wanted.
    if (current != null && keyIdOf(current) === keyId) return { accepted: true, keyId };
    const former = this.#notFormer(derId, keyId);
    if (former !== undefined) return former;
    const registered = this.#options.devicesOf(derId) ?? [];
    if ([...deviceIds].sort().join() !== [...registered].sort().join()) {
      return no('WRONG_DEVICES', `devices ${deviceIds.join(', ')}, registered are ${registered.join(', ')}`);
    }
    const refused = this.#checkCode(request);
    if (refused !== undefined) return refused;
    this.#record({ event: 'enrolled', derId, at_ms: this.#options.now(), publicKey, request });
    return { accepted: true, keyId };
  }

  /** Answers a rotation. Never throws for what an agent sends. */
  rotate(message: unknown, source: string): EnrolmentAnswer {
    let request: RotationRequest;
    try {
      request = parse(RotationRequest, message, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return no('MALFORMED', error.message);
    }
    const { derId, oldKeyId, publicKey, oldSignature, newSignature } = request;
    const { oldSignature: _, newSignature: __, ...rotation } = request;
    const stranger = this.#notOurs(request.deraId, derId) ?? badKey(publicKey);
    if (stranger !== undefined) return stranger;
    const keys = this.keysOf(derId);
    if (keys === undefined) return no('NOT_ENROLLED', `${derId} has no key yet: enrol it with a code`);
    const keyId = keyIdOf(publicKey);
    const holds = (key: PublicKey, signature: typeof newSignature): boolean =>
      signatureHolds(key, 'fieldbid/rotation/v1', rotation, signature);
    if (!holds(publicKey, newSignature)) return no('BAD_SIGNATURE', 'the new key did not sign this');
    if (keys.current !== null && keyIdOf(keys.current) === keyId) return { accepted: true, keyId };
    if (keys.current === null || keyIdOf(keys.current) !== oldKeyId) {
      const now = keys.current === null ? 'it was revoked' : `its key is ${keyIdOf(keys.current)}`;
      return no('UNKNOWN_KEY', `${oldKeyId} is not the key of ${derId}: ${now}`);
    }
    const former = this.#notFormer(derId, keyId);
    if (former !== undefined) return former;
    if (!holds(keys.current, oldSignature)) return no('BAD_SIGNATURE', 'the old key did not sign this');
    const graceInterval = this.#options.openInterval();
    const at_ms = this.#options.now();
    this.#record({ event: 'rotated', derId, at_ms, publicKey, graceInterval, request });
    return { accepted: true, keyId };
  }

  #checkCode(request: EnrolmentRequest): EnrolmentAnswer | undefined {
    const { derId, proof } = request;
    const code = this.#codes.get(derId);
    if (code === undefined) return no('NO_CODE', `no code was issued for ${derId}`);
    if (code.used) return no('CODE_USED', `the code of ${derId} has been used: issue a new one`);
    if (code.expires_ms <= this.#options.now()) {
      return no('CODE_EXPIRED', `the code of ${derId} has expired: issue a new one`);
    }
    if (code.tries >= MOST_TRIES) {
      return no('TOO_MANY_TRIES', `${MOST_TRIES} wrong codes for ${derId}: issue a new one`);
    }
    const expected = Buffer.from(enrolmentProof(code.codeKey, request), 'hex');
    if (timingSafeEqual(Buffer.from(proof, 'hex'), expected)) return undefined;
    this.#record({ event: 'try', derId, at_ms: this.#options.now() });
    return no('WRONG_CODE', `the code is not that of ${derId}, or what it was to vouch for was changed`);
  }

  #notFormer(derId: string, keyId: string): EnrolmentAnswer | undefined {
    if (this.#former.get(derId)?.has(keyId) !== true) return undefined;
    return no(
      'REVOKED_KEY',
      `${keyId} was a key of ${derId} before: make a new one (move the key file away)`,
    );
  }

  #notOurs(deraId: string, derId: string): EnrolmentAnswer | undefined {
    const ours = this.#options.deraId;
    if (deraId !== ours) return no('WRONG_AGGREGATOR', `this is for ${deraId}, here is ${ours}`);
    if (this.#options.devicesOf(derId) !== undefined) return undefined;
    return no('NOT_REGISTERED', `${derId} is not registered with ${ours}`);
  }

  #requireOurs(derId: string): void {
    if (this.#options.devicesOf(derId) !== undefined) return;
    throw new InputError({
      source: '--der',
      path: '',
      found: derId,
      expected: `a DER of the portfolio of ${this.#options.deraId}`,
    });
  }

  #record(entry: JournalEvent): void {
    this.#options.journal.append(entry);
    this.#refresh();
  }

  #refresh(): void {
    try {
      for (const entry of this.#options.journal.news()) this.#apply(entry);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#options.onFault?.(error);
    }
  }

  #apply(entry: JournalEvent): void {
    const { derId } = entry;
    const code = this.#codes.get(derId);
    const keys = this.#keys.get(derId);
    if (keys?.current != null && entry.event !== 'code' && entry.event !== 'try') {
      this.#former.set(derId, (this.#former.get(derId) ?? new Set()).add(keyIdOf(keys.current)));
    }
    switch (entry.event) {
      case 'code':
        this.#codes.set(derId, {
          codeKey: entry.codeKey,
          expires_ms: entry.expires_ms,
          used: false,
          tries: 0,
        });
        break;
      case 'try':
        if (code !== undefined) code.tries++;
        break;
      case 'enrolled':
        if (code !== undefined) code.used = true;
        this.#keys.set(derId, { current: entry.publicKey, previous: null });
        this.#history.set(derId, [entry]);
        break;
      case 'rotated': {
        const { graceInterval, publicKey } = entry;
        const old = keys?.current ?? null;
        const previous =
          old === null || graceInterval === null ? null : { publicKey: old, intervalId: graceInterval };
        this.#keys.set(derId, { current: publicKey, previous });
        this.#history.set(derId, [...(this.#history.get(derId) ?? []), entry]);
        break;
      }
      case 'revoked':
        this.#keys.set(derId, { current: null, previous: null });
        this.#history.set(derId, [entry]);
        break;
    }
  }
}

function badKey(publicKey: PublicKey): EnrolmentAnswer | undefined {
  const fault = keyFault(publicKey);
  return fault === undefined ? undefined : no('BAD_KEY', `no point of P-256: ${fault}`);
}

function no(code: EnrolmentRefusal, reason: string): EnrolmentAnswer {
  return { accepted: false, code, reason };
}
