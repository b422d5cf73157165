/** One worker process and what goes to and fro. One request at a time; a late or dead worker is not asked again. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@fieldbid/core/errors';
import type { Reply, Request } from './exchange.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const STDERR_KEPT_CHARS = 2000;

/** A request that was not answered. */
export interface Unanswered {
  readonly ok: false;
  readonly end: 'deadline' | 'exit';
  readonly reason: string;
}

export class WorkerProcess {
  readonly #child: ChildProcess;
  #finish: ((reply: Reply | Unanswered) => void) | undefined;
  #stderr = '';
  /** Why the process is gone. */
  #gone: string | undefined;

  constructor() {
    this.#child = fork(WORKER, [], {
      execArgv: ['--import', import.meta.resolve('tsx')],
      serialization: 'advanced', // numbers as they are: a batch is one array
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    this.#child.on('message', (reply: Reply) => this.#finish?.(reply));
    this.#child.on('error', (error) => this.#lost(messageOf(error)));
    this.#child.on('close', (code, signal) => {
      const last = this.#stderr.trim().split('\n').at(-1) ?? '';
      const how = signal ?? `code ${code}`;
      this.#lost(`the worker process ended with ${how}${last === '' ? '' : `: ${last}`}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(request: Request, deadline_ms: number): Promise<Reply | Unanswered> {
    if (this.#gone !== undefined) return Promise.resolve({ ok: false, end: 'exit', reason: this.#gone });
    if (this.#finish !== undefined) throw new TypeError('one request at a time');
    return new Promise((resolve) => {
      const finish = (reply: Reply | Unanswered): void => {
        clearTimeout(timer);
        this.#finish = undefined;
        resolve(reply);
      };
      const late = { ok: false, end: 'deadline', reason: `no answer within ${deadline_ms} ms` } as const;
      const timer = setTimeout(() => finish(late), deadline_ms);
      this.#finish = finish;
      // A process that is gone is noticed by its exit; a message to it must not end ours.
      this.#child.send(request, () => undefined);
    });
  }

  /** Kills it: it holds nothing that is worth an orderly end, and may not be able to end in order. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === undefined) return;
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#child.kill('SIGKILL');
    await closed;
  }

  #lost(reason: string): void {
    this.#gone ??= reason;
    this.#finish?.({ ok: false, end: 'exit', reason: this.#gone });
  }
}
