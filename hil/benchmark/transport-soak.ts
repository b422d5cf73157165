/**
 * Many reads through a fault proxy, each checked: does the value belong to the register and unit that were asked?
 * The registers name themselves, so a value that reached the wrong request shows.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import modbusSerial from 'modbus-serial';
import { ModbusServer } from '../devices/modbus-server.ts';
import { type FaultCounts, ModbusFaultProxy } from '../faults/modbus-proxy.ts';
import type { FaultRule } from '../faults/rules.ts';

export interface SoakResult {
  readonly reads: number;
  /** Reads that gave the value of the register and unit asked for. */
  readonly right: number;
  /** Reads that gave another value. */
  readonly wrong: number;
  /** Reads that failed with an error. */
  readonly failed: number;
  /** Reads whose promise had not settled long after the deadline. */
  readonly unsettled: number;
  readonly faults: FaultCounts;
  readonly duration_ms: number;
}

export interface SoakOptions {
  readonly reads: number;
  readonly connections: number;
  readonly seed: number;
  /** Ends it earlier, real ms: a client that has lost its place in the stream waits for each read in vain. */
  readonly longest_ms?: number;
}

const HOST = '127.0.0.1';
const DEADLINE_MS = 100;
/** No promise may take longer than this, whatever happens on a busy machine. */
const GUARD_MS = 10_000;
/** Of bare modbus-serial promises never settle: the loop goes on sooner. */
const BARE_GUARD_MS = 1000;

const rule = (fault: FaultRule['fault'], probability: number, delay_ms = 5): FaultRule => ({
  ...{ fault, probability, delay_ms, exception: 6 },
});
/** All faults at once. Those that cost a deadline are rarer. */
const RULES: readonly FaultRule[] = [
  rule('delay', 0.005),
  rule('late', 0.001, 2.5 * DEADLINE_MS),
  rule('duplicate', 0.005),
  rule('wrongTransactionId', 0.001),
  rule('wrongUnit', 0.002),
  rule('split', 0.005),
  rule('truncate', 0.001),
  rule('reset', 0.002),
  rule('exception', 0.002),
  rule('drop', 0.001),
];

interface Client {
  read(address: number, count: number): Promise<number[]>;
  close(): Promise<void>;
}

/** Through our transport, one connection per unit. */
export function soak(options: SoakOptions): Promise<SoakResult> {
  return run(options, GUARD_MS, (port, unit) => {
    const endpoint = { scheme: 'tcp', host: HOST, port, unit } as const;
    return new ModbusLinks().open(endpoint, { deadline_ms: DEADLINE_MS });
  });
}

/** Through modbus-serial as its own documentation uses it: a timeout, and connecting again when it is not open. */
export function bareSoak(options: SoakOptions): Promise<SoakResult> {
  return run(options, BARE_GUARD_MS, (port, unit) => {
    let client = new modbusSerial.default();
    const connect = async (): Promise<void> => {
      client = new modbusSerial.default();
      client.on('error', () => {});
      await client.connectTCP(HOST, { port });
      client.setID(unit);
      client.setTimeout(DEADLINE_MS);
    };
    return {
      read: async (address, count) => {
        if (!client.isOpen) await connect();
        return (await client.readHoldingRegisters(address, count)).data;
      },
      close: async () => client.destroy(() => {}),
    };
  });
}

async function run(
  { reads, connections, seed, longest_ms = Number.POSITIVE_INFINITY }: SoakOptions,
  guard_ms: number,
  open: (port: number, unit: number) => Client,
): Promise<SoakResult> {
  const device = new ModbusServer({
    isOnline: () => true,
    // Even registers hold their address, odd ones their unit.
    readRegisters: (unit, address, count) =>
      Array.from({ length: count }, (_, i) => ((address + i) % 2 === 0 ? address + i : unit)),
    writeRegisters: () => {},
  });
  const target = { host: HOST, port: (await device.listen(HOST, 0)).port };
  const proxy = new ModbusFaultProxy({ target, rules: RULES, seed });
  const { port } = await proxy.listen(HOST, 0);
  const counts = { reads: 0, right: 0, wrong: 0, failed: 0, unsettled: 0 };
  const began = performance.now();
  const one = async (unit: number): Promise<void> => {
    const client = open(port, unit);
    let address = 0;
    // Each its own share, so that the same seed meets the same faults.
    const share = Math.ceil((reads - unit + 1) / connections);
    for (let i = 0; i < share && performance.now() - began < longest_ms; i++) {
      counts.reads++;
      address = (address + 2) % 65_534;
      const outcome = await guarded(client.read(address, 2), guard_ms);
      if (Array.isArray(outcome)) {
        const isRight = outcome.length === 2 && outcome[0] === address && outcome[1] === unit;
        counts[isRight ? 'right' : 'wrong']++;
      } else if (outcome === 'unsettled') counts.unsettled++;
      else {
        counts.failed++;
        await holdBack(outcome.error);
      }
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: connections }, (_, i) => one(i + 1)));
  const duration_ms = performance.now() - began;
  await proxy.close();
  await device.close();
  return { ...counts, faults: proxy.counts, duration_ms };
}

async function guarded(
  read: Promise<number[]>,
  guard_ms: number,
): Promise<number[] | 'unsettled' | { error: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const guard = new Promise<'unsettled'>((resolve) => {
    timer = setTimeout(resolve, guard_ms, 'unsettled');
  });
  try {
    return await Promise.race([read.catch((error: unknown) => ({ error })), guard]);
  } finally {
    clearTimeout(timer);
  }
}

/** A unit that lost two answers in a row is asked later: asking before would only count refusals. */
async function holdBack(error: unknown): Promise<void> {
  const wait_ms = error instanceof FieldbidError ? error.details.retryIn_ms : undefined;
  if (typeof wait_ms === 'number') await new Promise((resolve) => setTimeout(resolve, wait_ms));
}
