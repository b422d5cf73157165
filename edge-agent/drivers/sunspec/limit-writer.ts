/**
 * Step 11 · Writes the limit's registers: all five at once (function 16) where the device takes that, else one
 * by one (function 6), the enabling register last. Which of them works is learnt from the device's answers.
 */
import { messageOf } from '@fieldbid/core/errors';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import { LIMIT_POINTS, type LimitWords } from './limit-words.ts';
import { pointDefinition } from './models.ts';

/** Exceptions after which the other function is worth an attempt: function, address or value not accepted. */
const WORTH_ANOTHER_FUNCTION = new Set([1, 2, 3]);

export class LimitWriter {
  readonly #link: RegisterLink;
  #function: 'auto' | 6 | 16;

  constructor(link: RegisterLink, writeFunction: 'auto' | 6 | 16) {
    this.#link = link;
    this.#function = writeFunction;
  }

  /**
   * @param address of model 123's ID register.
   * @returns why the device refused, with what was written before; undefined when it took everything.
   * @throws ModbusError when there was no answer.
   */
  async writeLimit(address: number, { words, implemented }: LimitWords): Promise<string | undefined> {
    const at = (name: string): number => address + pointDefinition(123, name).offset;
    return this.#write(
      () => this.#link.writeMany(at('WMaxLimPct'), words),
      LIMIT_POINTS.map((name, i) => ({ name, address: at(name), word: words[i] ?? 0 })).filter(({ name }) =>
        implemented.includes(name),
      ),
    );
  }

  /** WMaxLim_Ena = 0. Answers as `writeLimit`. */
  async disable(address: number): Promise<string | undefined> {
    const ena = address + pointDefinition(123, 'WMaxLim_Ena').offset;
    return this.#write(
      () => this.#link.writeMany(ena, [0]),
      [{ name: 'WMaxLim_Ena', address: ena, word: 0 }],
    );
  }

  async #write(
    atOnce: () => Promise<void>,
    singles: readonly { name: string; address: number; word: number }[],
  ): Promise<string | undefined> {
    if (this.#function !== 6) {
      const fault = await refusalOf(atOnce);
      if (fault === undefined) {
        this.#function = 16;
        return undefined;
      }
      const tryOther = this.#function === 'auto' && WORTH_ANOTHER_FUNCTION.has(fault.exception ?? 0);
      if (!tryOther) return messageOf(fault);
    }
    const done: string[] = [];
    for (const { name, address, word } of singles) {
      const fault = await refusalOf(() => this.#link.writeOne(address, word));
      if (fault !== undefined) {
        const before = done.length === 0 ? 'nothing was written' : `${done.join(', ')} had been written`;
        return `${name}: ${messageOf(fault)}; ${before}`;
      }
      done.push(name);
    }
    this.#function = 6;
    return undefined;
  }
}

/** The exception that a write met; undefined when it was taken. @throws every other fault. */
async function refusalOf(write: () => Promise<void>): Promise<ModbusError | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    if (error instanceof ModbusError && error.fault === 'MODBUS_EXCEPTION') return error;
    throw error;
  }
}
