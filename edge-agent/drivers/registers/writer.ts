/**
 * Step 11 · Writes points: neighbours at once (function 16) where the device takes that, else register by
 * register (function 6), in the order given. Which of them works is learnt from the device's answers: one known
 * family refuses 16 on its limit, another never answers 6.
 */
import { messageOf } from '@fieldbid/core/errors';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import type { PointWrite } from './control.ts';

export type WriteFunction = 'auto' | 6 | 16;

/** Exceptions after which the other function is worth an attempt: function, address or value not accepted. */
const WORTH_ANOTHER_FUNCTION = new Set([1, 2, 3]);

interface Run {
  readonly address: number;
  readonly words: readonly number[];
  readonly names: readonly string[];
}

export class RegisterWriter {
  readonly #link: RegisterLink;
  /** Told of every write that was taken. */
  readonly #onWritten: (names: readonly string[]) => void;
  #function: WriteFunction;

  constructor(
    link: RegisterLink,
    writeFunction: WriteFunction,
    onWritten: (names: readonly string[]) => void,
  ) {
    this.#link = link;
    this.#function = writeFunction;
    this.#onWritten = onWritten;
  }

  /** Whether each register costs a request of its own, as far as is known. */
  get oneByOne(): boolean {
    return this.#function === 6;
  }

  /**
   * @returns why the device refused, with what was written before; undefined when it took everything.
   * @throws ModbusError when there was no answer.
   */
  async write(writes: readonly PointWrite[]): Promise<string | undefined> {
    if (writes.length === 0) return undefined; // nothing is learnt from that
    if (this.#function !== 6) {
      const fault = await this.#runs(runsOf(writes), (run) => this.#link.writeMany(run.address, run.words));
      if (fault === undefined) {
        this.#function = 16;
        return undefined;
      }
      const tryOther = this.#function === 'auto' && WORTH_ANOTHER_FUNCTION.has(fault.exception ?? 0);
      if (!tryOther) return fault.text;
    }
    const singles = writes.flatMap(({ point, words }) =>
      words.map((word, i) => ({ address: point.address + i, words: [word], names: [point.name] })),
    );
    const fault = await this.#runs(singles, (run) => this.#link.writeOne(run.address, run.words[0] ?? 0));
    if (fault !== undefined) return fault.text;
    this.#function = 6;
    return undefined;
  }

  async #runs(
    runs: readonly Run[],
    send: (run: Run) => Promise<void>,
  ): Promise<{ text: string; exception: number | undefined } | undefined> {
    const done: string[] = [];
    for (const run of runs) {
      try {
        await send(run);
      } catch (error) {
        if (!(error instanceof ModbusError) || error.fault !== 'MODBUS_EXCEPTION') throw error;
        const before = done.length === 0 ? 'nothing was written' : `${done.join(', ')} had been written`;
        const text = `${run.names.join(', ')}: ${messageOf(error)}; ${before}`;
        return { text, exception: error.exception };
      }
      done.push(...run.names);
      this.#onWritten(run.names);
    }
    return undefined;
  }
}

/**
 * Neighbouring points in one request: they come into force together. Where they do not all adjoin, the order of
 * writing is kept: what puts a limit into force is never sent before the limit.
 */
export function runsOf(writes: readonly PointWrite[]): Run[] {
  const byAddress = [...writes].sort((a, b) => a.point.address - b.point.address);
  const runs = joined(byAddress);
  return runs.length === 1 ? runs : joined(writes);
}

function joined(writes: readonly PointWrite[]): Run[] {
  const runs: { address: number; words: number[]; names: string[] }[] = [];
  for (const { point, words } of writes) {
    const last = runs.at(-1);
    if (last !== undefined && last.address + last.words.length === point.address) {
      last.words.push(...words);
      last.names.push(point.name);
    } else runs.push({ address: point.address, words: [...words], names: [point.name] });
  }
  return runs;
}
