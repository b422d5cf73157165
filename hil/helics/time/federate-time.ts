/**
 * Time of one federate, shared by many participants (TimeSource), and the moments at which it may send. What the
 * federate asks HELICS for next depends on what is going on here:
 *
 *   somebody waits for a reply     → the next micro-step of this instant, at once
 *   somebody is at work            → nothing: time stands still for all; a micro-step now and then, to hear others
 *   all participants wait          → the earliest time that one of them asked for; a message wakes it before that
 *   all participants have left     → a little later, again and again: it holds nobody back and still hears
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { Participants } from '@fieldbid/core/time/participants';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { NativeFederate, NativeMessage } from '../library/native-federate.ts';
import { type Instants, STEP_NS, STEPS_PER_INSTANT } from './instants.ts';

/** While somebody is at work, others are heard this often, real ms. */
const LISTEN_MS = 4;
/** After so many micro-steps without any news the reply is long in coming: the next ones take `LISTEN_MS` each. */
const EAGER_STEPS = 64;
/** What a federate without participants asks for, market ms. */
const IDLE_MS = 60_000;
/** Real ms to wait for a reply while time stands still. */
const HANG_GUARD_MS = 60_000;

export interface FederateTimeOptions {
  readonly federate: Pick<NativeFederate, 'name' | 'requestTime' | 'messages' | 'updates'>;
  readonly instants: Instants;
  /** Called with who is at work here when market time has not moved for `hangGuard_ms` real ms. */
  readonly onHang?: (names: string[]) => void;
  readonly hangGuard_ms?: number;
  readonly onMessage: (message: NativeMessage) => void;
  readonly onValue: (key: string, value: number) => void;
  /** The federation is no more; whoever waits has been told. */
  readonly onLost: (error: FieldbidError) => void;
}

export class FederateTime {
  readonly #options: FederateTimeOptions;
  readonly #participants: Participants;
  readonly #outbox: (() => void)[] = [];
  #granted_ns = 0;
  /** A time has been asked for: nothing can be sent meanwhile. */
  #asking: Promise<void> | undefined;
  #scheduled = false;
  #expected = 0;
  /** Micro-steps since something was heard or granted. */
  #fruitless = 0;
  #listening: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #ended: FieldbidError | undefined;

  constructor(options: FederateTimeOptions) {
    this.#options = options;
    this.#participants = new Participants(options.federate.name, {
      now_ms: () => this.now(),
      patience_ms: options.hangGuard_ms ?? HANG_GUARD_MS,
      changed: () => this.#schedule(),
    });
  }

  /** Market time, epoch ms. */
  now(): number {
    return this.#options.instants.toMarket(this.#granted_ns);
  }

  /** Once the federate executes. */
  start(): void {
    this.#watch();
    this.#schedule();
  }

  /** @throws FieldbidError `TIME_NAME_TAKEN` */
  join(name: string): TimeSource {
    return this.#participants.join(name);
  }

  /** Somebody works who is no participant: a handler of messages. @returns tells that it is done. */
  work(name: string): () => void {
    return this.#participants.work(name);
  }

  /** An answer of another federate is waited for: time steps on within the instant. @returns tells that it came. */
  expect(): () => void {
    this.#expected++;
    this.#schedule();
    let open = true;
    return () => {
      if (open) this.#expected--;
      open = false;
    };
  }

  /** Does something at this instant that HELICS only allows while no time is asked for. */
  send(job: () => void): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise<void>((resolve, reject) => {
      const run = (): void => {
        try {
          if (this.#ended !== undefined) throw this.#ended;
          job();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      if (this.#asking === undefined) run();
      else this.#outbox.push(run);
    });
  }

  /** Resolves at the next micro-step: what others had sent or published before has mostly arrived then. */
  async step(): Promise<void> {
    const arrived = this.expect();
    const before = this.#granted_ns;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onStep.push({ resolve, reject });
      });
      if (this.#granted_ns <= before) throw new RangeError('time did not move');
    } finally {
      arrived();
    }
  }

  readonly #onStep: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** No more times: whoever waits is refused. Resolves when no call of HELICS is under way. */
  async end(error: FieldbidError): Promise<void> {
    this.#stop(error);
    await this.#asking;
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended !== undefined) return;
    this.#scheduled = true;
    // One turn of the event loop, so that what follows from one message or grant happens before time is asked for.
    setImmediate(() => {
      this.#scheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    if (this.#asking !== undefined || this.#ended !== undefined) return;
    clearTimeout(this.#listening);
    this.#listening = undefined;
    if (this.#participants.grantUpTo(this.now())) {
      this.#schedule();
      return;
    }
    const next_ms = this.#participants.next();
    if (this.#expected > 0 && this.#fruitless < EAGER_STEPS) this.#ask(this.#granted_ns + STEP_NS);
    else if (this.#expected > 0 || next_ms === 'at work') {
      this.#listening = setTimeout(() => this.#ask(this.#granted_ns + STEP_NS), LISTEN_MS);
    } else {
      const wanted_ms = next_ms === 'nobody' ? this.now() + IDLE_MS : next_ms;
      this.#ask(Math.max(this.#options.instants.toHelics(wanted_ms), this.#granted_ns + STEP_NS));
    }
  }

  #ask(t_ns: number): void {
    if (this.#ended !== undefined) return;
    this.#listening = undefined;
    this.#asking = this.#options.federate.requestTime(t_ns).then(
      (granted_ns) => this.#granted(granted_ns),
      (error: unknown) => this.#lost(error),
    );
  }

  #granted(granted_ns: number | undefined): void {
    this.#asking = undefined;
    if (this.#ended !== undefined) return;
    if (granted_ns === undefined) {
      this.#lost(new RangeError('the federation has come to the end of time'));
      return;
    }
    const before_ms = this.now();
    this.#granted_ns = Math.max(this.#granted_ns, granted_ns);
    this.#fruitless++;
    if (this.now() !== before_ms) {
      this.#fruitless = 0;
      this.#watch();
    } else if (this.#options.instants.stepsTaken(this.#granted_ns) >= STEPS_PER_INSTANT) {
      this.#lost(new RangeError('an instant has run out of micro-steps'));
      return;
    }
    for (const run of this.#outbox.splice(0)) run();
    for (const [key, value] of this.#options.federate.updates()) {
      this.#fruitless = 0;
      this.#options.onValue(key, value);
    }
    for (const message of this.#options.federate.messages()) {
      this.#fruitless = 0;
      this.#options.onMessage(message);
    }
    for (const { resolve } of this.#onStep.splice(0)) resolve();
    this.#participants.grantUpTo(this.now());
    this.#schedule();
  }

  #lost(cause: unknown): void {
    this.#asking = undefined;
    if (this.#ended !== undefined) return;
    const at = new Date(this.now()).toISOString();
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new FieldbidError(
      'HELICS_LOST',
      `${this.#options.federate.name} was cut off from the HELICS federation at market time ${at}: ${why}`,
      { cause },
    );
    this.#stop(error);
    this.#options.onLost(error);
  }

  #stop(error: FieldbidError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearTimeout(this.#listening);
    clearTimeout(this.#watchdog);
    for (const run of this.#outbox.splice(0)) run();
    for (const { reject } of this.#onStep.splice(0)) reject(error);
    this.#participants.end(error);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    const { onHang, hangGuard_ms = HANG_GUARD_MS } = this.#options;
    if (onHang === undefined) return;
    this.#watchdog = setTimeout(() => {
      const names = this.#participants.atWork();
      if (names.length > 0) onHang(names);
    }, hangGuard_ms);
    this.#watchdog.unref();
  }
}
