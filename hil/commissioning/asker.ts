/** Questions on a terminal, each with a default and an option that answers it; without a terminal the default is taken. */
import { createInterface, type Interface } from 'node:readline/promises';
import { FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';

export interface Question<T> {
  readonly text: string;
  /** Option that answers it, for scripts. */
  readonly option: string;
  /** What that option gave. */
  readonly given: string | undefined;
  /** Taken where nobody answers; absent: there has to be an answer. */
  readonly assumed?: string;
  /** @throws an error whose message says what is expected. */
  readonly read: (text: string) => T;
}

/** Ends the program as Ctrl-C does everywhere: 128 + SIGINT. */
export const INTERRUPTED = 130;

export class Asker {
  readonly #lines: Interface | undefined;
  #reject: ((reason: FieldbidError) => void) | undefined;

  /**
   * @param interactive a person sits at the terminal.
   * @param onInterrupt called when Ctrl-C comes while nothing is asked.
   */
  constructor(interactive: boolean, onInterrupt: () => void) {
    if (!interactive) return;
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    const ended = (): void => {
      if (this.#reject === undefined) onInterrupt();
      else this.#reject(new FieldbidError('INTERRUPTED', 'interrupted: nothing was written'));
    };
    lines.on('SIGINT', ended);
    lines.on('close', ended);
    this.#lines = lines;
  }

  get interactive(): boolean {
    return this.#lines !== undefined;
  }

  /** @throws InputError for an option that is wrong, or that is missing where nobody can be asked. */
  async ask<T>({ text, option, given, assumed, read }: Question<T>): Promise<T> {
    if (given !== undefined) return fromOption(option, given, read);
    if (this.#lines === undefined) {
      if (assumed !== undefined) return fromOption(option, assumed, read);
      throw new InputError({
        source: option,
        path: '',
        found: 'nothing',
        expected: `an answer to: ${text} (there is no terminal to ask on)`,
      });
    }
    for (;;) {
      const shown = assumed === undefined || assumed === '' ? '' : ` [${assumed}]`;
      const answer = (await this.#line(`${text}${shown}: `)).trim();
      if (answer === '' && assumed === undefined) continue;
      try {
        return read(answer === '' ? (assumed ?? '') : answer);
      } catch (error) {
        console.log(`  ${messageOf(error)}`);
      }
    }
  }

  async confirm(text: string, assumed: boolean): Promise<boolean> {
    if (this.#lines === undefined) return assumed;
    const answer = (await this.#line(`${text} [${assumed ? 'Y/n' : 'y/N'}]: `)).trim().toLowerCase();
    return answer === '' ? assumed : /^y(es)?$/.test(answer);
  }

  close(): void {
    this.#lines?.removeAllListeners('close');
    this.#lines?.close();
  }

  #line(prompt: string): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      this.#reject = reject;
      this.#lines?.question(prompt).then(resolve, reject);
    }).finally(() => {
      this.#reject = undefined;
    });
  }
}

function fromOption<T>(option: string, text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      { source: option, path: '', found: JSON.stringify(text), expected: messageOf(error) },
      { cause: error },
    );
  }
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new RangeError(`a whole number from ${least} to ${most}`);
  };
}

export function realNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text !== '' && value >= least && value <= most) return value;
    throw new RangeError(`a number from ${least} to ${most}`);
  };
}

export function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((one) => one === text);
    if (value !== undefined) return value;
    throw new RangeError(`one of ${values.join(', ')}`);
  };
}
