/** All registers of a simulated device: its chain of SunSpec models and those of its family's own. */
import type { InverterPhysics } from '../inverter-physics.ts';
import { ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusRefusal } from '../modbus-answers.ts';
import { RegisterMap } from '../register-map.ts';
import { type OwnMap, OwnRegisters } from './own-registers.ts';
import type { Part, Present } from './part.ts';

export interface FrontOptions {
  /** Address of the marker. */
  readonly base: number;
  /** Parts of the SunSpec chain, in its order; none: no SunSpec device. */
  readonly parts: readonly Part[];
  readonly own?: OwnMap;
}

export class Front {
  readonly map: RegisterMap | undefined;
  readonly #parts: readonly Part[];
  readonly #own: OwnRegisters | undefined;

  constructor({ base, parts, own }: FrontOptions) {
    this.#parts = parts;
    this.map =
      parts.length === 0
        ? undefined
        : new RegisterMap(
            base,
            parts.flatMap(({ models }) => models),
          );
    this.#own = own === undefined ? undefined : new OwnRegisters(own);
  }

  /** @throws ModbusRefusal 2 where there is nothing. */
  read(table: 'holding' | 'input', address: number, count: number): readonly number[] {
    if (this.#own?.covers(table, address) === true) return this.#own.read(table, address, count);
    if (this.map === undefined || table === 'input') {
      throw new ModbusRefusal(ILLEGAL_ADDRESS, `no registers from ${address}`);
    }
    return this.map.read(address, count);
  }

  /**
   * Takes all words or none. @param keep false: says yes and keeps nothing.
   * @returns the points written. @throws ModbusRefusal.
   */
  write(address: number, words: readonly number[], keep: boolean): string[] {
    if (this.#own?.covers('holding', address) === true) return this.#own.write(address, words, keep);
    if (this.map === undefined) throw new ModbusRefusal(ILLEGAL_ADDRESS, `no registers from ${address}`);
    const changes = this.map.changes(address, words);
    for (const { modelId, name, raw, words: own } of changes) {
      const key = `${modelId}.${name}`;
      const range = this.#parts.find(({ takes }) => takes?.[key] !== undefined)?.takes?.[key];
      // A block write passes over registers that the device does not have with their "not implemented" word.
      const fits = raw === null ? range === null : range != null && raw >= range[0] && raw <= range[1];
      if (!fits) throw new ModbusRefusal(ILLEGAL_VALUE, `${own.join(' ')} in ${key}`);
    }
    if (keep) for (const change of changes) this.map.setWords(change.address, change.words);
    return changes.map(({ modelId, name }) => `${modelId}.${name}`);
  }

  /** Passes on what was written. */
  obey(names: readonly string[], physics: InverterPhysics): void {
    if (this.map !== undefined) for (const part of this.#parts) part.obey?.(this.map, names, physics);
    this.#own?.obey(names, physics);
  }

  show(present: Present): void {
    if (this.map !== undefined) for (const part of this.#parts) part.show(this.map, present);
    this.#own?.show(present);
  }
}
