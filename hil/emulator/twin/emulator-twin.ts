/** What a simulated grid emulator is, whatever it speaks. */
import { fileURLToPath } from 'node:url';
import type { EmulatorFaults, EmulatorPhysics } from './emulator-physics.ts';

export interface EmulatorTwin {
  readonly physics: EmulatorPhysics;
  readonly faults: EmulatorFaults;
  /** Setpoints that clients wrote and it took, in the order of their coming: channel and V. */
  readonly taken: readonly (readonly [channel: number, volts: number])[];
  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  listen(host: string, port: number): Promise<{ port: number; endpoint: string }>;
  close(): Promise<void>;
}

export const TWIN_SERIAL = 'GE-SIM-1';

/** The mapping of the twin: an example for others as well. */
export function twinMapping(protocol: 'modbus' | 'opcua'): string {
  return fileURLToPath(new URL(`../mappings/twin-${protocol}.yaml`, import.meta.url));
}
