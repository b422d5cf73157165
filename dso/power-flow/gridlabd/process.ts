/**
 * One GridLAB-D process and the lines that go to and fro. One exchange at a time; whoever gets another end
 * than `complete` from an exchange kills the process and starts a new one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';

const BRIDGE = fileURLToPath(new URL('bridge.py', import.meta.url));
const STDERR_KEPT_CHARS = 2000;

/** An answer line with `ok: true`; its other fields depend on the request. */
export type Answer = { readonly ok: true } & Record<string, unknown>;

/** How an exchange ended. The answers before it have been handed over. */
export type ExchangeEnd =
  | { readonly end: 'complete' }
  | { readonly end: 'refused'; readonly code: string; readonly reason: string }
  | { readonly end: 'deadline' }
  | { readonly end: 'exit'; readonly reason: string };

interface Exchange {
  missing: number;
  onAnswer: (answer: Answer) => void;
  finish: (end: ExchangeEnd) => void;
  timer: NodeJS.Timeout;
}

export class BridgeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  #exchange: Exchange | undefined;
  #stderr = '';
  /** Why the process is gone. */
  #gone: string | undefined;

  /** @param cwd where the model's relative includes start. */
  constructor(python: string, cwd: string) {
    this.#child = spawn(python, ['-u', BRIDGE], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    // A process that is gone is noticed by its exit; a write to it must not end ours.
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => this.#lost(messageOf(error)));
    this.#child.on('close', (code, signal) => {
      const last = this.#stderr.trim().split('\n').at(-1) ?? '';
      this.#lost(
        `the engine process ended with ${signal ?? `code ${code}`}${last === '' ? '' : `: ${last}`}`,
      );
    });
    this.#lines = createInterface({ input: this.#child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    this.#lines.on('line', (line) => this.#take(line));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Sends a request and hands over its answers as they come.
   * @param deadline_ms longest wait for each single answer.
   */
  exchange(
    request: Record<string, unknown>,
    answers: number,
    deadline_ms: number,
    onAnswer: (answer: Answer) => void,
  ): Promise<ExchangeEnd> {
    if (this.#gone !== undefined) return Promise.resolve({ end: 'exit', reason: this.#gone });
    if (this.#exchange !== undefined) throw new TypeError('one exchange at a time');
    return new Promise((resolve) => {
      const finish = (end: ExchangeEnd): void => {
        clearTimeout(this.#exchange?.timer);
        this.#exchange = undefined;
        resolve(end);
      };
      const timer = setTimeout(() => finish({ end: 'deadline' }), deadline_ms);
      this.#exchange = { missing: answers, onAnswer, finish, timer };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Kills it: it holds nothing that is worth an orderly end, and may not be able to end in order. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === undefined) return;
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#child.kill('SIGKILL');
    await closed;
  }

  #take(line: string): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return; // an answer after its deadline: the process is being killed
    let answer: { ok: boolean; code?: unknown; reason?: unknown };
    try {
      answer = JSON.parse(line) as typeof answer;
    } catch {
      exchange.finish({ end: 'exit', reason: `the engine process wrote no JSON: ${line.slice(0, 120)}` });
      return;
    }
    if (!answer.ok) {
      exchange.finish({ end: 'refused', code: String(answer.code), reason: String(answer.reason) });
      return;
    }
    exchange.timer.refresh();
    exchange.missing--;
    exchange.onAnswer(answer as Answer);
    if (exchange.missing === 0) exchange.finish({ end: 'complete' });
  }

  #lost(reason: string): void {
    this.#gone ??= reason;
    this.#exchange?.finish({ end: 'exit', reason: this.#gone });
  }
}

/** The engine cannot be had now. */
export function unavailable(reason: string, retryable = true, cause?: unknown): FieldbidError {
  return new FieldbidError('ENGINE_UNAVAILABLE', `the power-flow engine is not available: ${reason}`, {
    retryable,
    ...(cause === undefined ? {} : { cause }),
  });
}
