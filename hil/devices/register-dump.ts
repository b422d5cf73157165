/** A register dump of a real device, served as it was taken: reads only what the dump holds. */
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { ILLEGAL_ADDRESS, ModbusRefusal } from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';

export const RegisterDump = Type.Object({
  /** Word by address, counted from 0. */
  registers: Type.Record(
    Type.String({ pattern: '^\\d{1,5}$' }),
    Type.Integer({ minimum: 0, maximum: 65_535 }),
  ),
});

/** @throws InputError for a dump that is none. */
export function serveDump(dump: unknown, source: string): ModbusServer {
  const { registers } = parse(RegisterDump, dump, source);
  return new ModbusServer({
    isOnline: () => true,
    readRegisters: (_unit, address, count) =>
      Array.from({ length: count }, (_, i) => {
        const word = registers[String(address + i)];
        if (word === undefined) throw new ModbusRefusal(ILLEGAL_ADDRESS, `no register ${address + i}`);
        return word;
      }),
    writeRegisters: (_unit, address) => {
      throw new ModbusRefusal(ILLEGAL_ADDRESS, `register ${address} of a dump cannot be written`);
    },
  });
}
