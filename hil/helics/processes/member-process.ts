/** A program of the federation that this one has started: its end is noticed at once, whatever it was. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const FIELDBID = fileURLToPath(new URL('../../../core/bin/fieldbid.js', import.meta.url));
/** Between being asked to end and being made to, real ms. */
const GRACE_MS = 1500;
/** Between a failure and the end of the member, real ms. */
const LAST_WORDS_MS = 1000;

/** What a member tells whoever has started it. */
export type MemberNews =
  /** Market time of the power flow that was solved last, epoch ms. */
  | { readonly at_ms: number }
  /** The run has failed; the member says why and ends. */
  | { readonly failed: string }
  /** The federation needs another broker; answered with `NextBroker`. */
  | { readonly renew: true };

/** Port of the broker that has been started beside the present one. */
interface NextBroker {
  readonly nextBroker: number;
}

export class MemberProcess {
  /** As a person knows it: `the agent of pv-680`. */
  readonly what: string;
  readonly pid: number;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #grace_ms: number;

  /**
   * @param threads that libuv's pool has in it: each federate's wait for time holds one.
   * @param grace_ms real, between being asked to end and being made to.
   */
  constructor(
    what: string,
    args: readonly string[],
    threads: number,
    onNews?: (news: MemberNews) => void,
    grace_ms = GRACE_MS,
  ) {
    this.what = what;
    this.#grace_ms = grace_ms;
    this.#child = spawn(process.execPath, [FIELDBID, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: `${threads}` },
    });
    this.pid = this.#child.pid ?? 0;
    if (onNews !== undefined) this.#child.on('message', (news) => onNews(news as MemberNews));
    this.ended = once(this.#child, 'exit').then(
      ([code, signal]) => (signal ?? code ?? 1) as number | NodeJS.Signals,
    );
  }

  /** Answers `renew`. */
  tellNextBroker(port: number): void {
    if (this.#child.connected) this.#child.send({ nextBroker: port } satisfies NextBroker);
  }

  /** Ends it: asked first, then made to. A call into HELICS that does not return keeps nothing alive. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#grace_ms);
    await this.ended;
    clearTimeout(timer);
  }
}

/** In a member: tells whoever started it, if somebody did, and ends when that one is gone. */
export function reportToStarter(): (news: MemberNews) => void {
  if (process.send === undefined) return () => {};
  // Nobody else would end the run then; the broker notices that all its federates have left.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel?.unref();
  return (news) => {
    if (process.connected) process.send?.(news);
  };
}

/** In a member: asks whoever started it for another broker. @returns its port. */
export function nextBrokerFromStarter(): Promise<number> {
  return new Promise((resolve) => {
    const take = (answer: Partial<NextBroker>): void => {
      if (answer.nextBroker === undefined) return;
      process.off('message', take);
      // Listening for messages holds a process; what remains to be done is elsewhere.
      process.channel?.unref();
      resolve(answer.nextBroker);
    };
    process.on('message', take);
    process.send?.({ renew: true } satisfies MemberNews);
  });
}

/** In a member that has failed: something may go on trying to reach services that are closed; it does not go on for ever. */
export function endSoon(): void {
  setTimeout(() => process.exit(1), LAST_WORDS_MS).unref();
}
