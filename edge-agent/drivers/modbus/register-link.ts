/**
 * Registers of one device, whatever carries them. Devices behind one host and port, or on one serial port, share
 * one bus: many inverters and gateways take a single client.
 */
import { InputError } from '@fieldbid/core/errors';
import { MAX_READ, ModbusBus, type RegisterTable, type UnitStats } from './bus.ts';
import type { BackOff, ExchangeTiming } from './connection.ts';
import { type Endpoint, endpointText, mediumText } from './endpoint.ts';
import { mediumOf } from './medium.ts';

export { MAX_READ, MAX_WRITE, type RegisterTable, type UnitStats } from './bus.ts';

export interface RegisterLink {
  /** How people call it in messages: the endpoint. */
  readonly name: string;
  /** The most registers of one read, 1 to 125: the profile's, or less when the device was seen to refuse more. */
  maxRead: number;
  /** Counts of this unit since the start. */
  readonly stats: Readonly<UnitStats>;
  /** Holding (function 3, default) or input registers (function 4), at most 125. @throws ModbusError. */
  read(address: number, count: number, table?: RegisterTable): Promise<number[]>;
  /** One register (function 6). @throws ModbusError. */
  writeOne(address: number, word: number): Promise<void>;
  /** Several at once (function 16). @throws ModbusError. */
  writeMany(address: number, words: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

/** How one device wants to be spoken to, and by which clock its bus backs off. */
export interface LinkTiming extends ExchangeTiming {
  /** The most registers that the device gives in one answer, 1 to 125; 125 by default. */
  readonly maxRead?: number;
  /** Of the first link holds for all on a bus: the clock, ms; real time by default. */
  readonly now?: () => number;
  readonly backOff?: BackOff;
}

interface SharedBus {
  readonly bus: ModbusBus;
  /** Everything about the medium but the unit. */
  readonly line: string;
  users: number;
}

/** Hands out links, one bus per host and port or per serial port. */
export class ModbusLinks {
  readonly #shared = new Map<string, SharedBus>();

  /** @throws InputError when the same port is in use already with other frames or line settings. */
  open(endpoint: Endpoint, timing: LinkTiming = {}): RegisterLink {
    const key = mediumText(endpoint);
    const line = endpointText({ ...endpoint, unit: 1 });
    const entry = this.#shared.get(key) ?? { bus: openBus(endpoint, timing), line, users: 0 };
    if (entry.line !== line) {
      const [source, found] = [
        endpointText(endpoint),
        'other settings than the devices before it on this port',
      ];
      throw new InputError({ source, path: '', found, expected: `as in ${entry.line}` });
    }
    this.#shared.set(key, entry);
    entry.users++;
    const { bus } = entry;
    const { unit } = endpoint;
    let open = true;
    return {
      name: endpointText(endpoint),
      maxRead: Math.min(timing.maxRead ?? MAX_READ, MAX_READ),
      get stats() {
        return bus.stats(unit);
      },
      read: (address, count, table) => bus.read(unit, address, count, table, timing),
      writeOne: (address, word) => bus.writeOne(unit, address, word, timing),
      writeMany: (address, words) => bus.writeMany(unit, address, words, timing),
      close: async () => {
        if (!open) return;
        open = false;
        entry.users--;
        if (entry.users > 0) return;
        if (this.#shared.get(key) === entry) this.#shared.delete(key);
        await bus.close();
      },
    };
  }
}

function openBus(endpoint: Endpoint, { now, backOff }: LinkTiming): ModbusBus {
  return new ModbusBus({
    medium: mediumOf(endpoint),
    ...(now === undefined ? {} : { now }),
    ...(backOff === undefined ? {} : { backOff }),
  });
}
