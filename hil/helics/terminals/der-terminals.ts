/**
 * A DER's end of what HELICS carries between inverters and feeder: at the instant of each power flow its terminal power
 * goes out, and time stands still until the voltages have come back and are set at its terminals.
 */
import { codeOf } from '@fieldbid/core/errors';
import type { PlantDevice } from '../../bench/plant.ts';
import type { Federate } from '../federation/federate.ts';
import { availableKey, powerKey, voltageKey } from '../federation/members.ts';

/** When the feeder is solved. Epoch ms, ms. */
export interface SolveTimes {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly step_ms: number;
  readonly offset_ms: number;
}

export interface DerTerminalsOptions extends SolveTimes {
  readonly federate: Federate;
  readonly device: PlantDevice;
  /** `node.phase` of each phase of the device. */
  readonly connection: readonly string[];
}

/** Resolves at the end of the day, or when the clock is closed. */
export async function runTerminals(options: DerTerminalsOptions): Promise<void> {
  const { federate, device, connection, start_ms, end_ms, step_ms, offset_ms } = options;
  const keys = connection.map(voltageKey);
  const time = federate.join(`terminals of ${device.derId}`);
  try {
    for (let step = start_ms; step < end_ms; step += step_ms) {
      await time.requestTime(step + offset_ms);
      await federate.publish({
        [powerKey(device.derId)]: device.terminalPower_W(),
        [availableKey(device.derId)]: device.available_W(),
      });
      await federate.gather(keys);
      device.setVoltages_pu(keys.map((key) => federate.input(key)?.value ?? 1));
    }
  } catch (error) {
    if (codeOf(error) !== 'TIME_CLOSED') throw error;
  } finally {
    time.close();
  }
}
