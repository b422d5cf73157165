/**
 * The Python process behind the GridLAB-D engine: one request at a time over JSON lines, each with a deadline.
 * A process that misses its deadline or dies is killed; whoever holds it starts another.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { FieldbidError, messageOf, withDeadline } from '@fieldbid/core/errors';

const BRIDGE = fileURLToPath(new URL('bridge.py', import.meta.url));

export type Answer = Record<string, unknown> & { ok: boolean; code?: string; reason?: string };

export class BridgeProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #answer: ((answer: Answer) => void) | undefined;
  #fail: ((error: FieldbidError) => void) | undefined;
  #dead: FieldbidError | undefined;

  constructor(python: string) {
    this.#child = spawn(python, [BRIDGE], { stdio: ['pipe', 'pipe', 'ignore'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(line));
    this.#child.once('error', (error) => this.#die(`cannot be started: ${messageOf(error)}`));
    this.#child.once('exit', (code, signal) => this.#die(`ended (${signal ?? `exit code ${code}`})`));
    // Writing to a process that has just died must not end this one; `exit` says what happened.
    this.#child.stdin.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#dead === undefined;
  }

  /**
   * Sends one request and waits for its answer.
   * @throws FieldbidError `ENGINE_DIED` or DeadlineError; the process is gone then.
   */
  async request(request: Record<string, unknown>, deadline_ms: number): Promise<Answer> {
    if (this.#dead !== undefined) throw this.#dead;
    if (this.#answer !== undefined) throw new TypeError('one request at a time');
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
    try {
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
      return await withDeadline(answered, deadline_ms, `GridLAB-D, asked to ${String(request.op)},`);
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      this.#answer = undefined;
      this.#fail = undefined;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.kill();
    await gone;
  }

  #receive(line: string): void {
    try {
      this.#answer?.(JSON.parse(line) as Answer);
    } catch (error) {
      this.#die(`answered something that is not JSON: ${messageOf(error)}`);
      this.kill();
    }
  }

  #die(why: string): void {
    this.#dead ??= new FieldbidError('ENGINE_DIED', `the GridLAB-D process ${why}`, { retryable: true });
    this.#fail?.(this.#dead);
  }
}
