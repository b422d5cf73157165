/**
 * Steps 1 and 11 · A SunSpec device as a DerDevice: scanned once, bound by its models, with what the profile's own
 * registers replace (SolarEdge limits power outside of SunSpec).
 */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { DeviceProfile } from '../../profiles/profile.ts';
import type { RegisterMap } from '../../profiles/register-map.ts';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import { boundControl, boundMap } from '../registers/bind-map.ts';
import type { DeviceBinding } from '../registers/binding.ts';
import { RegisterDevice } from '../registers/register-device.ts';
import { bindModels, pointRef } from './bind.ts';
import { type ScanResult, scan } from './scan.ts';

export interface SunSpecDeviceOptions {
  readonly link: RegisterLink;
  readonly profile: DeviceProfile;
  /** Market time, epoch ms. */
  readonly now: () => number;
}

export function sunSpecDevice(options: SunSpecDeviceOptions): RegisterDevice {
  const { link, profile } = options;
  return new RegisterDevice({ ...options, bind: () => bindSunSpec(link, profile) });
}

/** @throws FieldbidError `SUNSPEC_NOT_FOUND`, `SUNSPEC_NO_INVERTER`; ModbusError. */
export async function bindSunSpec(link: RegisterLink, profile: DeviceProfile): Promise<DeviceBinding> {
  const { bases, maxRead } = profile.modbus;
  const found = await scan(link, { maxRead, ...(bases === undefined ? {} : { bases }) });
  if ('found' in found) {
    const text = `${link.name} is no SunSpec device: ${found.fault}`;
    throw new FieldbidError('SUNSPEC_NOT_FOUND', text, { retryable: true });
  }
  try {
    const binding = bindModels(found, {
      control: profile.control,
      revertTo: { limit_pct: profile.revertTo_pct ?? null },
      acType: await acType(link, found),
    });
    if (profile.registers === undefined) return binding;
    return withOwnRegisters(binding, profile.registers, profile);
  } catch (error) {
    if (!(error instanceof FieldbidError) || error instanceof ModbusError) throw error;
    throw new FieldbidError(error.code, `${link.name}: ${messageOf(error)}`, {
      cause: error,
      retryable: error.retryable,
    });
  }
}

/** What the profile says of the family's own registers goes before SunSpec's. */
function withOwnRegisters(
  found: DeviceBinding,
  registers: RegisterMap,
  { name, control }: DeviceProfile,
): DeviceBinding {
  const own = boundMap(registers, name);
  const rating_W = [...own.rating_W, ...found.rating_W];
  const takesOwn = registers.control !== undefined && ['auto', 'registers'].includes(control);
  return {
    ...found,
    rating_W,
    power_W: [...own.power_W, ...found.power_W],
    available_W: [...own.available_W, ...found.available_W],
    energy_Wh: [...own.energy_Wh, ...found.energy_Wh],
    state: [...own.state, ...found.state],
    control:
      takesOwn && registers.control !== undefined
        ? boundControl(registers.control, rating_W, name)
        : found.control,
  };
}

/** 701.ACType says how many phases there are; it does not change while a device runs. */
async function acType(link: RegisterLink, { models, blocks }: ScanResult): Promise<number | null> {
  const model = models.find(({ id }) => id === 701);
  const point = model === undefined ? undefined : pointRef(model, 'ACType');
  if (point === undefined) return null;
  const at = point.address;
  const block = blocks.find(({ address, words }) => address <= at && at < address + words.length);
  const word = block?.words[at - block.address] ?? (await link.read(at, 1))[0];
  return word === undefined || word === 0xffff ? null : word;
}
