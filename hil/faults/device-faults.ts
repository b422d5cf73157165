/** Faults of the simulated devices themselves, and of the lines to those that speak Modbus TCP. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { FaultKind, FaultOffer, FaultOrder } from '@fieldbid/core/lab/faults';
import type { Faults, RegisterFaults } from '../devices/simulated-inverter.ts';
import type { FaultyLine, LineRule } from './line.ts';
import { type Begun, type FaultSource, offerOf } from './source.ts';

/** A simulated device, whatever it speaks. */
export interface FaultyDevice {
  readonly derId: string;
  readonly faults: Faults | RegisterFaults;
  /** Modbus TCP, with nothing else between it and its agent. */
  readonly line?: FaultyLine;
}

const SWITCHES: Partial<Record<FaultKind, [keyof RegisterFaults, string]>> = {
  'device-offline': ['offline', 'connections are dropped, and none is taken'],
  'device-frozen': ['frozen', 'answers, and no register changes any more'],
  'device-ignores-limit': ['ignoreLimit', 'takes limits, reads them back, and does not obey'],
  'device-noise': ['noise', 'every register reads 0xFFFF'],
};

/** Real ms by which answers are late, where the order does not say: longer than an agent waits for one. */
const LATE_MS = 3000;

const LINES: Partial<Record<FaultKind, (order: FaultOrder) => { rule: LineRule; note: string }>> = {
  'answers-late': ({ delay_ms = LATE_MS }) => ({
    rule: { fault: 'late', delay_ms },
    note: `answers come ${delay_ms} ms late`,
  }),
  'answers-corrupt': () => ({ rule: { fault: 'truncate' }, note: 'answers break off in their middle' }),
  'answers-wrong-id': () => ({
    rule: { fault: 'wrongTransactionId' },
    note: 'answers carry another transaction id',
  }),
};

/** @param seed of the run: where answers break off, and which ids they carry. */
export function deviceFaults(devices: readonly FaultyDevice[], seed: number | string): FaultSource {
  const byId = new Map(devices.map((device) => [device.derId, device]));
  const having = (fits: (device: FaultyDevice) => boolean): string[] =>
    devices.filter(fits).map(({ derId }) => derId);
  return {
    offers: () => [
      ...Object.entries(SWITCHES).flatMap(([fault, [name]]) =>
        offerOf(
          fault as FaultKind,
          having(({ faults }) => name in faults),
        ),
      ),
      ...Object.keys(LINES).flatMap((fault): FaultOffer[] =>
        offerOf(
          fault as FaultKind,
          having(({ line }) => line !== undefined),
        ),
      ),
    ],
    begin: async (order): Promise<Begun> => {
      const device = byId.get(order.target ?? '');
      if (device === undefined) throw new TypeError(`${order.target} was checked to be a simulated device`);
      const [name, note] = SWITCHES[order.fault] ?? [];
      if (name !== undefined && note !== undefined) {
        const faults = device.faults as RegisterFaults;
        faults[name] = true;
        return {
          note,
          end: () => {
            faults[name] = false;
          },
        };
      }
      const line = LINES[order.fault]?.(order);
      if (line === undefined) throw new TypeError(`${order.fault} is no fault of a device`);
      if (device.line?.isDisturbed === true)
        throw new FieldbidError('FAULT_IMPOSSIBLE', 'its line has another fault already');
      device.line?.disturb(line.rule, `${seed} ${device.derId} ${order.fault}`);
      return { note: line.note, end: () => device.line?.restore() };
    },
  };
}
