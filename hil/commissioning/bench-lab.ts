/** For tests: simulated devices behind lines that keep what is asked of them. */
import { createServer } from 'node:net';
import type { AnnouncedWrite } from '@fieldbid/edge-agent/device/der-device';
import type { ExecutionContext } from 'ava';
import type { RegisterDevice } from '../devices/modbus-answers.ts';
import { ModbusServer } from '../devices/modbus-server.ts';
import { SimulatedInverter, type SimulatedInverterOptions } from '../devices/simulated-inverter.ts';
import type { RecordedWrite } from '../testing/modbus-recorder.ts';
import { type ModbusRecorder, recordModbus } from '../testing/modbus-recorder.ts';
import type { FindOptions } from './find-devices.ts';
import type { HardwarePlan } from './hardware-plan.ts';

export const NOON_MS = Date.parse('2026-06-21T12:00:00Z');

export interface RecordedTwin {
  readonly twin: SimulatedInverter;
  readonly line: ModbusRecorder;
  readonly address: string;
}

/** A twin at noon, its line recorded, closed after the test. */
export async function recordedTwin(
  t: ExecutionContext,
  options: Partial<SimulatedInverterOptions> = {},
): Promise<RecordedTwin> {
  const twin = new SimulatedInverter({
    ...{ serial: 'TWIN-1', phases: 'ABC', rating_W: 10_000, nominal_V: 230 },
    now: () => NOON_MS,
    available_W: () => 9000,
    ...options,
  });
  const { port } = await twin.listen('127.0.0.1', 0);
  const line = await recordModbus(port);
  t.teardown(async () => {
    await line.close();
    await twin.close();
  });
  return { twin, line, address: `tcp://127.0.0.1:${line.port}` };
}

/** A Modbus server that is no SunSpec device. */
export async function plainServer(
  t: ExecutionContext,
  readRegisters: RegisterDevice['readRegisters'],
): Promise<string> {
  const server = new ModbusServer({ isOnline: () => true, readRegisters, writeRegisters: () => {} });
  const { port } = await server.listen('127.0.0.1', 0);
  t.teardown(() => server.close());
  return `tcp://127.0.0.1:${port}`;
}

/** Takes connections and says nothing. */
export async function silentPort(t: ExecutionContext): Promise<string> {
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer((socket) => void sockets.add(socket));
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `tcp://127.0.0.1:${port}`;
}

export const LOOK: FindOptions = {
  units: [1, 2, 71, 126],
  // Patient: a busy machine must not look like a silent unit. Twins refuse other unit ids at once.
  ...{ answer_ms: 20_000, connect_ms: 20_000, interval_min: 15, opcua: {} },
  onProgress: () => {},
};

export function announcedOf({ announced }: HardwarePlan): readonly AnnouncedWrite[] {
  return announced.outcome === 'announced' ? announced.writes : [];
}

/** Of several registers the first is the high one; a positive float32 grows with its bits (IEEE 754). */
export const numberOf = (words: readonly number[]): number =>
  words.reduce((sum, word) => sum * 0x10000 + word, 0);
export const lowWordFirst = (words: readonly number[]): number => numberOf([...words].reverse());

/** A write whose registers, function or values were not announced for operation; undefined when all were. */
export function notAnnounced(
  writes: readonly RecordedWrite[],
  announced: readonly AnnouncedWrite[],
  read = numberOf,
): string | undefined {
  for (const write of writes) {
    for (let at = 0; at < write.words.length; ) {
      const address = write.address + at;
      const fits = announced.filter(
        ({ register, occasion }) => register === address && occasion !== 'preparation',
      );
      const size = fits[0]?.raw.least.length ?? 1;
      // Register by register only where the function writes one.
      const words = write.words.slice(at, at + size);
      const inRange = fits.some(
        ({ raw, functions }) =>
          functions?.includes(write.function) === true &&
          words.length === raw.least.length &&
          read(words) >= read(raw.least) &&
          read(words) <= read(raw.most),
      );
      if (!inRange) return `function ${write.function}, register ${address}: ${words.join(' ')}`;
      at += size;
    }
  }
  return undefined;
}
