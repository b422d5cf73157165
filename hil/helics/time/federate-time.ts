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

/**
 * While somebody is at work, others are heard this often, real ms: less and less where nothing comes, because each time is
 * an instant of HELICS (federation/renewal.ts).
 */
const LISTEN_MS = 4;
const LISTEN_MORE_MS = 2;
const LISTEN_MOST_MS = 100;
/** After so many micro-steps without any news the reply is long in coming: the next ones take `LISTEN_MS` each. */
const EAGER_STEPS = 64;
/** What a federate without participants asks for, market ms. */
const IDLE_MS = 60_000;
/** Real ms to wait for a reply while time stands still. */
const HANG_GUARD_MS = 60_000;

/** What time is asked of. */
export type TimedFederate = Pick<NativeFederate, 'name' | 'requestTime' | 'messages' | 'updates'>;

export interface FederateTimeOptions {
  readonly federate: TimedFederate;
  readonly instants: Instants;
  /** Called with who is at work here when market time has not moved for `hangGuard_ms` real ms. */
  readonly onHang?: (names: string[]) => void;
  readonly hangGuard_ms?: number;
  readonly onMessage: (message: NativeMessage) => void;
  readonly onValue: (key: string, value: number) => void;
  /** Told of every grant, ns. */
  readonly onGrant: (granted_ns: number) => void;
  /** The federation is no more; whoever waits has been told. */
  readonly onLost: (error: FieldbidError) => void;
}

export class FederateTime {
  readonly #options: FederateTimeOptions;
  readonly #participants: Participants;
  readonly #outbox: (() => void)[] = [];
  #federate: TimedFederate;
  #instants: Instants;
  #granted_ns = 0;
  /** A time has been asked for: nothing can be sent meanwhile. */
  #asking: Promise<void> | undefined;
  #scheduled = false;
  #expected = 0;
  /** Micro-steps since something was heard or granted. */
  #fruitless = 0;
  /** Of those, while somebody was at work. */
  #listened = 0;
  #listening: { readonly timer: NodeJS.Timeout; readonly due_ms: number } | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #ended: FieldbidError | undefined;
  /** Where it is to stand still, and whether it does: nothing is asked for and nothing sent. */
  #halt:
    | { readonly at_ms: number; readonly reached: () => void; readonly refuse: (e: Error) => void }
    | undefined;
  #halted = false;

  constructor(options: FederateTimeOptions) {
    this.#options = options;
    this.#federate = options.federate;
    this.#instants = options.instants;
    this.#participants = new Participants(options.federate.name, {
      now_ms: () => this.now(),
      patience_ms: options.hangGuard_ms ?? HANG_GUARD_MS,
      changed: () => this.#schedule(),
    });
  }

  /** Market time, epoch ms. */
  now(): number {
    return this.#instants.toMarket(this.#granted_ns);
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
      if (this.#asking === undefined && !this.#halted) run();
      else this.#outbox.push(run);
    });
  }

  /** Resolves at the next micro-step: what others had sent or published before has mostly arrived then. */
  async step(): Promise<void> {
    const arrived = this.expect();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onStep.push({ resolve, reject });
      });
    } finally {
      arrived();
    }
  }

  readonly #onStep: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /**
   * Resolves at market time `at_ms` at the latest, when this federate stands still there: whoever has work to do before has
   * done it, and who asked for that time waits on. Messages sent from now on wait for `resume`.
   */
  haltAt(at_ms: number): Promise<void> {
    return new Promise<void>((reached, refuse) => {
      if (this.#ended !== undefined) refuse(this.#ended);
      this.#halt = { at_ms, reached, refuse };
      this.#schedule();
    });
  }

  /** Goes on after a halt, as another federate, whose time begins at its `instants`' origin. */
  resume(federate: TimedFederate, instants: Instants): void {
    this.#federate = federate;
    this.#instants = instants;
    this.#granted_ns = 0;
    this.#halt = undefined;
    this.#halted = false;
    for (const run of this.#outbox.splice(0)) run();
    this.#schedule();
  }

  /** Whether a time has been asked for, and not granted yet. */
  get isAsking(): boolean {
    return this.#asking !== undefined;
  }

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
    if (this.#asking !== undefined || this.#halted || this.#ended !== undefined) return;
    if (this.#participants.grantUpTo(this.now())) {
      this.#schedule();
      return;
    }
    const next_ms = this.#participants.next();
    if (this.#expected > 0 && this.#fruitless < EAGER_STEPS) this.#ask(this.#granted_ns + STEP_NS);
    else if (this.#expected > 0 || next_ms === 'at work') {
      this.#listen(this.#expected > 0 ? LISTEN_MS : LISTEN_MS + LISTEN_MORE_MS * this.#listened);
    } else {
      const own_ms = next_ms === 'nobody' ? this.now() + IDLE_MS : next_ms;
      const wanted_ms = Math.min(own_ms, this.#halt?.at_ms ?? own_ms);
      this.#ask(Math.max(this.#instants.toHelics(wanted_ms), this.#granted_ns + STEP_NS));
    }
  }

  /** Whoever begins or ends work meanwhile brings it forward at most, and never puts it off. */
  #listen(after_ms: number): void {
    const due_ms = performance.now() + Math.min(LISTEN_MOST_MS, after_ms);
    if (this.#listening !== undefined && this.#listening.due_ms <= due_ms) return;
    clearTimeout(this.#listening?.timer);
    const timer = setTimeout(() => {
      this.#listened++;
      this.#ask(this.#granted_ns + STEP_NS);
    }, due_ms - performance.now());
    this.#listening = { timer, due_ms };
  }

  #ask(t_ns: number): void {
    if (this.#ended !== undefined) return;
    clearTimeout(this.#listening?.timer);
    this.#listening = undefined;
    this.#asking = this.#federate.requestTime(t_ns).then(
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
    this.#options.onGrant(granted_ns);
    this.#fruitless++;
    if (this.now() !== before_ms) {
      this.#heard();
      this.#watch();
    } else if (this.#instants.stepsTaken(this.#granted_ns) >= STEPS_PER_INSTANT) {
      this.#lost(new RangeError('an instant has run out of micro-steps'));
      return;
    }
    this.#halted = this.#halt !== undefined && this.now() >= this.#halt.at_ms;
    if (!this.#halted) for (const run of this.#outbox.splice(0)) run();
    for (const [key, value] of this.#federate.updates()) {
      this.#heard();
      this.#options.onValue(key, value);
    }
    for (const message of this.#federate.messages()) {
      this.#heard();
      this.#options.onMessage(message);
    }
    if (this.#halted) {
      this.#halt?.reached();
      return;
    }
    for (const { resolve } of this.#onStep.splice(0)) resolve();
    this.#participants.grantUpTo(this.now());
    this.#schedule();
  }

  #heard(): void {
    this.#fruitless = 0;
    this.#listened = 0;
  }

  #lost(cause: unknown): void {
    this.#asking = undefined;
    if (this.#ended !== undefined) return;
    const at = new Date(this.now()).toISOString();
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new FieldbidError(
      'HELICS_LOST',
      `${this.#federate.name} was cut off from the HELICS federation at market time ${at}: ${why}`,
      { cause },
    );
    this.#stop(error);
    this.#options.onLost(error);
  }

  #stop(error: FieldbidError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#halt?.refuse(error);
    clearTimeout(this.#listening?.timer);
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
