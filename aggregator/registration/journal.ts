/**
 * The DERA's record of codes and keys: one JSON object a line, only ever appended to. The commands that issue codes
 * and revoke keys append to it while the aggregator runs; both see each other's lines. Who may read it could enrol a
 * key while a code is open: it is its owner's alone.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { codeOf, InputError } from '@fieldbid/core/errors';
import { EnrolmentRequest, RotationRequest } from '@fieldbid/core/market/enrolment';
import { Id, Instant_ms, IntervalId, Sha256 } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { PublicKey } from '@fieldbid/core/signing';
import Type, { type Static, type TObject, type TProperties } from 'typebox';
import { appendLine, requirePrivate, unusable } from '../append-line.ts';

const event = <Name extends string, T extends TProperties>(name: Name, more: T) =>
  Type.Object(
    { event: Type.Literal(name), derId: Id, at_ms: Instant_ms, ...more },
    { additionalProperties: false },
  );

/** Times are real time, epoch ms: codes are carried by people. */
const EVENTS = {
  /** A code was issued: it takes the place of an earlier one of the same DER. */
  code: event('code', { codeKey: Sha256, expires_ms: Instant_ms }),
  /** Somebody did not know the code. */
  try: event('try', {}),
  /** The code was used: this key stands for the DER from now on. */
  enrolled: event('enrolled', {
    publicKey: PublicKey,
    /** As the device signed it, for the ledger. Absent in journals from before. */
    request: Type.Optional(EnrolmentRequest),
  }),
  /** The key passed on to a new one; bids for `graceInterval` may still be the old one's. */
  rotated: event('rotated', {
    publicKey: PublicKey,
    graceInterval: Type.Union([IntervalId, Type.Null()]),
    /** As both keys signed it, for the ledger. Absent in journals from before. */
    request: Type.Optional(RotationRequest),
  }),
  revoked: event('revoked', { reason: Type.String({ maxLength: 500 }) }),
};
export type JournalEvent = {
  [Name in keyof typeof EVENTS]: Static<(typeof EVENTS)[Name]>;
}[keyof typeof EVENTS];

/** What changes a DER's key. */
export type KeyEvent = Extract<JournalEvent, { event: 'enrolled' | 'rotated' | 'revoked' }>;

export class Journal {
  readonly file: string;
  #read_bytes = 0;
  #lines = 0;
  /** Read, not yet given out: lines behind a damaged one. */
  readonly #pending: string[] = [];

  /** @param file made by the first `append`. */
  constructor(file: string) {
    this.file = file;
  }

  /**
   * What was appended since the last call, by whomever. A last line without its end is still being written.
   * @throws InputError naming `file:line`: what is before it has been passed over, what follows is read next time.
   */
  *news(): Generator<JournalEvent> {
    this.#pending.push(...this.#newLines());
    for (let line = this.#pending.shift(); line !== undefined; line = this.#pending.shift()) {
      this.#lines++;
      if (line !== '') yield parseEvent(line, `${this.file}:${this.#lines}`);
    }
  }

  /** On the disk when it returns. @throws InputError when the file cannot be written. */
  append(entry: JournalEvent): void {
    appendLine(this.file, canonicalJson(entry));
  }

  #newLines(): string[] {
    let fd: number;
    try {
      fd = openSync(this.file, 'r');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw unusable(this.file, error, 'a readable file');
    }
    try {
      const { size, mode } = fstatSync(fd);
      requirePrivate(this.file, mode);
      if (size < this.#read_bytes) {
        throw new InputError({
          source: this.file,
          path: '',
          found: `${size} bytes, fewer than were read before`,
          expected: 'a file that is only appended to',
        });
      }
      const bytes = Buffer.alloc(size - this.#read_bytes);
      const got = readSync(fd, bytes, 0, bytes.length, this.#read_bytes);
      const whole = bytes.subarray(0, bytes.subarray(0, got).lastIndexOf(0x0a) + 1);
      this.#read_bytes += whole.length;
      return whole.toString('utf8').split('\n').slice(0, -1);
    } finally {
      closeSync(fd);
    }
  }
}

function parseEvent(line: string, source: string): JournalEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InputError({ source, path: '', found: 'a line that is no JSON', expected: 'one JSON object' });
  }
  const name = (value as { event?: unknown } | null)?.event;
  const schema = EVENTS[name as keyof typeof EVENTS] as TObject | undefined;
  if (schema === undefined) {
    const expected = `one of ${Object.keys(EVENTS).join(', ')}`;
    throw new InputError({ source, path: '/event', found: JSON.stringify(name) ?? 'nothing', expected });
  }
  return parse(schema, value, source) as JournalEvent;
}
