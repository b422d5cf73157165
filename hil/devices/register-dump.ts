/**
 * A register dump of a real device, served as it was taken: reads only what the dump holds. With `writable` those
 * registers keep what is written to them; nothing else follows, the measured power least of all.
 */
import { readText } from '@fieldbid/core/config';
import { InputError, messageOf } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { ILLEGAL_ADDRESS, ModbusRefusal, type RegisterDevice } from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';

export const RegisterDump = Type.Object({
  /** Word by address, counted from 0. */
  registers: Type.Record(
    Type.String({ pattern: '^\\d{1,5}$' }),
    Type.Integer({ minimum: 0, maximum: 65_535 }),
  ),
});

/** A dump's file, as JSON. @throws InputError for a file that is missing, or none. */
export function readDump(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const found = `no JSON (${messageOf(cause)})`;
    throw new InputError({ source: file, path: '', found, expected: 'a register dump' }, { cause });
  }
}

/** @param writable none by default. @throws InputError for a dump that is none. */
export function dumpRegisters(
  dump: unknown,
  source: string,
  writable: ReadonlySet<number> = new Set(),
): RegisterDevice {
  const { registers } = parse(RegisterDump, dump, source);
  const words = new Map(Object.entries(registers).map(([address, word]) => [Number(address), word]));
  return {
    isOnline: () => true,
    readRegisters: (_unit, address, count) =>
      Array.from({ length: count }, (_, i) => {
        const word = words.get(address + i);
        if (word === undefined) throw new ModbusRefusal(ILLEGAL_ADDRESS, `no register ${address + i}`);
        return word;
      }),
    writeRegisters: (_unit, address, values) => {
      const refused = values.findIndex((_, i) => !writable.has(address + i) || !words.has(address + i));
      if (refused !== -1) {
        throw new ModbusRefusal(ILLEGAL_ADDRESS, `register ${address + refused} of a dump cannot be written`);
      }
      values.forEach((word, i) => void words.set(address + i, word));
    },
  };
}

/** @throws InputError for a dump that is none. */
export function serveDump(dump: unknown, source: string): ModbusServer {
  return new ModbusServer(dumpRegisters(dump, source));
}
