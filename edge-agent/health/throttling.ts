/**
 * What a Raspberry Pi says of its supply and its own slowing down, from the kernel: no program is run and no device
 * opened, so that the service needs no rights for it. Elsewhere there is nothing of the kind.
 * @see https://www.raspberrypi.com/documentation/computers/os.html#get_throttled (bits)
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Throttling {
  /** The supply is below 4.63 V now; null: not said. */
  readonly undervoltage: boolean | null;
  /** The processor is slowed down now, by heat or supply; null: not said. */
  readonly throttled: boolean | null;
  /** One of the two has happened since the machine was started; null: not said. */
  readonly sinceBoot: boolean | null;
}

const FIRMWARE = 'devices/platform/soc/soc:firmware/get_throttled';
const UNDERVOLTAGE_NOW = 1 << 0;
/** Frequency capped, throttled, soft temperature limit. */
const SLOWED_NOW = (1 << 1) | (1 << 2) | (1 << 3);
const SINCE_BOOT = (1 << 16) | (1 << 17) | (1 << 18) | (1 << 19);

/** @param sys where sysfs is. */
export function throttling(sys = '/sys'): Throttling {
  const word = textOf(join(sys, FIRMWARE));
  if (word !== undefined && /^[0-9a-f]+$/i.test(word)) {
    const bits = Number.parseInt(word, 16);
    return {
      undervoltage: (bits & UNDERVOLTAGE_NOW) !== 0,
      throttled: (bits & SLOWED_NOW) !== 0,
      sinceBoot: (bits & SINCE_BOOT) !== 0,
    };
  }
  return { undervoltage: supplyAlarm(sys), throttled: null, sinceBoot: null };
}

/** The kernel's driver rpi_volt shows the same alarm as a sensor. */
function supplyAlarm(sys: string): boolean | null {
  const folder = join(sys, 'class/hwmon');
  let sensors: string[];
  try {
    sensors = readdirSync(folder);
  } catch {
    return null;
  }
  const supply = sensors.find((sensor) => textOf(join(folder, sensor, 'name')) === 'rpi_volt');
  const alarm = supply === undefined ? undefined : textOf(join(folder, supply, 'in0_lcrit_alarm'));
  return alarm === undefined ? null : alarm === '1';
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
