/** What the commands that look at one device have in common: endpoint, profile, patience. */
import { type Command, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { messageOf } from '@fieldbid/core/errors';
import { openRegisterDevice } from '../device/open-device.ts';
import { parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { ModbusLinks, type RegisterLink } from '../drivers/modbus/register-link.ts';
import type { RegisterDevice } from '../drivers/registers/register-device.ts';
import { DEFAULT_PROFILE, type DeviceProfile, loadProfile } from '../profiles/profile.ts';

export const ENDPOINT =
  'tcp://HOST:PORT?unit=N, rtu+tcp://HOST:PORT?unit=N or rtu:///dev/ttyUSB0?baud=9600&parity=none&unit=N ' +
  '(quote it: the shell takes ? and & for itself)';

export interface TargetOptions {
  profile: string;
  timeout?: number;
  maxRead?: number;
  anyTransactionId?: boolean;
  json?: boolean;
  /** A person stands beside it: a device that nothing would free is limited all the same. */
  withoutTimer?: boolean;
}

/** Adds the endpoint and the options that say how to speak to it. */
export function targetOptions(command: Command): Command {
  return command
    .argument('<endpoint>', ENDPOINT)
    .option(
      '--profile <name>',
      'device profile (`fieldbid edge profiles` lists them), or a .yaml file',
      DEFAULT_PROFILE,
    )
    .option('--timeout <ms>', 'for one answer; some devices take a second', whole(10, 60_000))
    .option('--max-read <n>', 'registers in one request, at most', whole(2, 125))
    .option('--any-transaction-id', 'for gateways that answer under transaction ids of their own')
    .option('--json', 'print as JSON, for scripts');
}

/** The profile, with what the command line changes of it. @throws InputError. */
export function profileFor({
  profile,
  timeout,
  maxRead,
  anyTransactionId,
  withoutTimer,
}: TargetOptions): DeviceProfile {
  const loaded = loadProfile(profile);
  const modbus = {
    ...loaded.modbus,
    ...(timeout === undefined ? {} : { deadline_ms: timeout }),
    ...(maxRead === undefined ? {} : { maxRead }),
    ...(anyTransactionId === undefined ? {} : { anyTransactionId }),
  };
  const limit = withoutTimer === true ? { ...loaded.limit, revertTimer: 'optional' as const } : loaded.limit;
  return { ...loaded, modbus, limit };
}

/**
 * Reads once more where a gateway was seen to answer under transaction ids of its own: said, and harmless as long as
 * nothing is written.
 */
export async function forReading<T extends TargetOptions>(
  options: T,
  body: (options: T) => Promise<void>,
): Promise<void> {
  try {
    await body(options);
  } catch (error) {
    if (options.anyTransactionId === true || !messageOf(error).includes('another transaction id'))
      throw error;
    console.error(
      'fieldbid: its answers carry other transaction ids; read with --any-transaction-id (modbus.anyTransactionId in a profile)',
    );
    await body({ ...options, anyTransactionId: true });
  }
}

/** Runs `body` with a device and closes it afterwards, whatever happens. */
export async function withDevice<T>(
  endpoint: string,
  options: TargetOptions,
  body: (device: RegisterDevice, profile: DeviceProfile) => Promise<T>,
): Promise<T> {
  const { device, profile } = openRegisterDevice({ endpoint, profile: profileFor(options), now: Date.now });
  try {
    return await body(device, profile);
  } finally {
    await device.close();
  }
}

/** The same with bare registers. */
export async function withLink<T>(
  endpoint: string,
  options: TargetOptions,
  body: (link: RegisterLink, profile: DeviceProfile) => Promise<T>,
): Promise<T> {
  const profile = profileFor(options);
  const link = new ModbusLinks().open(parseEndpoint(endpoint), profile.modbus);
  try {
    return await body(link, profile);
  } finally {
    await link.close();
  }
}

export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
  };
}

/** Rows of a table for people: the first column as wide as it needs to be. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

export function watts(value: number | null): string {
  return value === null ? 'not said' : `${Math.round(value)} W`;
}

/** Unit ids such as `1-10,126`, each once. @throws InvalidArgumentError. */
export function unitList(text: string): number[] {
  const units = text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    if (
      !/^\d{1,3}(-\d{1,3})?$/.test(part) ||
      from === undefined ||
      to === undefined ||
      from > to ||
      to > 255
    ) {
      throw new InvalidArgumentError('expected unit ids 0 to 255, such as 1-10,126');
    }
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return [...new Set(units)];
}
