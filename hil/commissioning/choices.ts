/** What the owner of a found device decides: where it stands, under which profile, at which risk factor, for whom. */
import { InputError } from '@fieldbid/core/errors';
import { realNumber, wholeNumber } from './asker.ts';
import { type FoundDevice, keysOf } from './found-device.ts';

/** What `--place` says of a device; what is absent is asked for, or proposed. */
export interface PlaceChoice {
  /** A DER of the feeder, or `none` to leave the device out. */
  readonly der?: string;
  readonly profile?: string;
  readonly rf?: number;
  readonly dera?: string;
  /** The device's own time-out for silence, as it is set in the device, s. */
  readonly watchdog?: number;
}

export const LEAVE_OUT = 'none';
const EXPECTED = 'DEVICE=DER[,profile=NAME|FILE][,rf=PERCENT][,dera=ID][,watchdog=SECONDS]';
export const riskFactor = realNumber(-1000, 1000);
export const watchdogTime = wholeNumber(1, 86_400);

/** `--place` for one of the devices; the last one that names it counts. @throws InputError. */
export function choiceFor(device: FoundDevice, places: readonly string[] = []): PlaceChoice {
  let choice: PlaceChoice = {};
  for (const text of places) {
    const key = keysOf(device).find((one) => text.startsWith(`${one}=`));
    if (key !== undefined) choice = { ...choice, ...parsed(text, text.slice(key.length + 1)) };
  }
  return choice;
}

/** @throws InputError for a `--place` or `--accept-no-dead-man` that names none of the devices. */
export function checkKeys(
  devices: readonly FoundDevice[],
  places: readonly string[] = [],
  accepted: readonly string[] = [],
) {
  const keys = devices.flatMap(keysOf);
  const expected = `a serial number or address of ${keys.join(', ') || '(nothing was found)'}`;
  const strange = places.find((text) => !keys.some((key) => text.startsWith(`${key}=`)));
  if (strange !== undefined) {
    throw new InputError({ source: '--place', path: '', found: strange, expected: `${expected}, then =DER` });
  }
  const unknown = accepted.find((text) => !keys.includes(text));
  if (unknown === undefined) return;
  throw new InputError({ source: '--accept-no-dead-man', path: '', found: unknown, expected });
}

function parsed(text: string, choice: string): PlaceChoice {
  const wrong = (found: string, expected: string): InputError =>
    new InputError({ source: '--place', path: '', found, expected });
  const [der = '', ...settings] = choice.split(',');
  const result: Record<string, string | number> = der === '' ? {} : { der };
  for (const setting of settings) {
    const [, name = '', value = ''] = /^([a-z]+)=(.+)$/.exec(setting) ?? [];
    try {
      if (name === 'rf') result[name] = riskFactor(value);
      else if (name === 'watchdog') result[name] = watchdogTime(value);
      else if (name === 'profile' || name === 'dera') result[name] = value;
      else throw wrong(text, EXPECTED);
    } catch (error) {
      if (error instanceof RangeError) throw wrong(setting, error.message);
      throw error;
    }
  }
  return result as PlaceChoice;
}
