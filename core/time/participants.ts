/**
 * Who shares one market time: waiting for a time, or at work. What moves it is somebody else's: the coordinator in one
 * process, or a co-simulation.
 */
import { FieldbidError } from '../errors.ts';
import type { TimeSource } from './time-source.ts';

interface Waiting {
  readonly t_ms: number;
  readonly grant: (t_ms: number) => void;
  readonly refuse: (error: FieldbidError) => void;
}

export interface ParticipantsOptions {
  readonly now_ms: () => number;
  /** Real ms that a participant may wait for a reply. */
  readonly patience_ms: number;
  /** Somebody waits, has left, or has done its work. */
  readonly changed: () => void;
}

export class Participants {
  readonly #place: string;
  readonly #options: ParticipantsOptions;
  readonly #members = new Map<string, Waiting | undefined>();
  readonly #working = new Map<string, number>();
  /** Nobody has joined yet: everything is still being set up. */
  #empty = true;
  #ended: FieldbidError | undefined;

  /** @param place what they share time at, for people. */
  constructor(place: string, options: ParticipantsOptions) {
    this.#place = place;
    this.#options = options;
  }

  join(name: string): TimeSource {
    if (this.#members.has(name)) {
      throw new FieldbidError('TIME_NAME_TAKEN', `two participants of the clock are called ${name}`);
    }
    this.#members.set(name, undefined);
    this.#empty = false;
    let closed = false;
    const closedError = (): FieldbidError =>
      this.#ended ?? new FieldbidError('TIME_CLOSED', `${name} has left the clock`);
    return {
      now: () => this.#options.now_ms(),
      requestTime: (t_ms) => {
        if (closed || this.#ended !== undefined) return Promise.reject(closedError());
        if (!Number.isFinite(t_ms)) return Promise.reject(new RangeError(`${name} asked for time ${t_ms}`));
        if (this.#members.get(name) !== undefined) {
          return Promise.reject(new FieldbidError('TIME_PENDING', `${name} is already waiting for a time`));
        }
        return new Promise<number>((grant, refuse) => {
          this.#members.set(name, { t_ms, grant, refuse });
          this.#options.changed();
        });
      },
      patienceUntil: () => this.#options.patience_ms,
      close: () => {
        if (closed) return;
        closed = true;
        const waiting = this.#members.get(name);
        this.#members.delete(name);
        waiting?.refuse(closedError());
        this.#options.changed();
      },
    };
  }

  /** @returns tells that the work is done. */
  work(name: string): () => void {
    this.#working.set(name, (this.#working.get(name) ?? 0) + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      const left = (this.#working.get(name) ?? 1) - 1;
      if (left > 0) this.#working.set(name, left);
      else this.#working.delete(name);
      this.#options.changed();
    };
  }

  /** Who holds time back. */
  atWork(): string[] {
    const members = [...this.#members].flatMap(([name, waiting]) => (waiting === undefined ? [name] : []));
    if (this.#empty) members.push(`${this.#place}, which is being set up`);
    return [...members, ...this.#working.keys()];
  }

  /** The earliest time that is asked for, epoch ms. */
  next(): number | 'at work' | 'nobody' {
    if (this.#empty || this.#working.size > 0) return 'at work';
    let next_ms = Number.POSITIVE_INFINITY;
    for (const waiting of this.#members.values()) {
      if (waiting === undefined) return 'at work';
      next_ms = Math.min(next_ms, waiting.t_ms);
    }
    return Number.isFinite(next_ms) ? next_ms : 'nobody';
  }

  /** Grants what was asked for up to `now_ms`, but only once nobody is at work. @returns whether anything was. */
  grantUpTo(now_ms: number): boolean {
    if (typeof this.next() !== 'number') return false;
    let granted = false;
    for (const [name, waiting] of this.#members) {
      if (waiting === undefined || waiting.t_ms > now_ms) continue;
      this.#members.set(name, undefined);
      waiting.grant(now_ms);
      granted = true;
    }
    return granted;
  }

  end(error: FieldbidError): void {
    this.#ended = error;
    for (const [name, waiting] of this.#members) {
      this.#members.set(name, undefined);
      waiting?.refuse(error);
    }
  }
}
