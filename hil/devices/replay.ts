/**
 * A dump of a real device as a simulator that takes commands: what the SunSpec models call writable can be written
 * and reads back. Power stays as it was taken, so a limit below it is never obeyed: a device that only echoes.
 */
import { ModbusError } from '@fieldbid/edge-agent/drivers/modbus/errors';
import { modelDefinition } from '@fieldbid/edge-agent/drivers/sunspec/models';
import { walkPoints } from '@fieldbid/edge-agent/drivers/sunspec/read-models';
import { scan } from '@fieldbid/edge-agent/drivers/sunspec/scan';
import { ModbusRefusal, type RegisterDevice } from './modbus-answers.ts';
import { dumpRegisters, readDump } from './register-dump.ts';
import { type Served, serve } from './serve.ts';

export interface Replay {
  readonly registers: RegisterDevice;
  /** SunSpec models that were found in the dump; none for a device without. */
  readonly models: readonly number[];
  /** Registers that can be written. */
  readonly writable: number;
}

/** @param source where the dump comes from, for errors. @throws InputError for a dump that is none. */
export async function replayDump(dump: unknown, source: string): Promise<Replay> {
  const taken = dumpRegisters(dump, source);
  const wordAt = (address: number): number | undefined => readOrNothing(taken, address, 1)?.[0];
  const found = await scan({
    read: async (address, count) => {
      const words = readOrNothing(taken, address, count);
      if (words !== undefined) return [...words];
      throw new ModbusError('MODBUS_EXCEPTION', `no registers ${address}+${count}`, { exception: 2 });
    },
  });
  const models = 'found' in found ? [] : found.models;
  const writable = new Set<number>();
  for (const { id, address, length } of models) {
    const definition = modelDefinition(id);
    if (definition === undefined) continue;
    walkPoints(definition, address, [], {
      end: address + length + 2,
      wordAt,
      visit: (point, at) => {
        for (let i = 0; point.writable && i < point.size; i++) writable.add(at + i);
      },
    });
  }
  return {
    registers: dumpRegisters(dump, source, writable),
    models: models.map(({ id }) => id),
    writable: writable.size,
  };
}

function readOrNothing(
  device: RegisterDevice,
  address: number,
  count: number,
): readonly number[] | undefined {
  try {
    return device.readRegisters(1, address, count, 3);
  } catch (error) {
    if (error instanceof ModbusRefusal) return undefined;
    throw error;
  }
}

/** Serves a dump's file to this machine; every unit id answers. @throws InputError for a file that is none. */
export async function serveDumpFile(file: string, port = 0): Promise<Served> {
  const { registers } = await replayDump(readDump(file), file);
  return serve(registers, { scheme: 'tcp', host: '127.0.0.1', port, unit: 1 });
}
