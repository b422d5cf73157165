/** Steps 1 and 11 · A family's own registers, as its profile describes them → what they are to the agent. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { DeviceProfile } from '../../profiles/profile.ts';
import type { MappedControl, MappedPoint, RegisterMap } from '../../profiles/register-map.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import type { DeviceBinding } from './binding.ts';
import type { ControlBinding } from './control.ts';
import { RegisterImage } from './image.ts';
import { type PointRef, rawOf } from './point-ref.ts';

const WORDS: Partial<Record<MappedPoint['type'], number>> = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  float32: 2,
  int64: 4,
  uint64: 4,
};
const DEFAULT_TEXT_WORDS = 16;

/** @throws FieldbidError `WRONG_DEVICE` when a guard does not hold; ModbusError. */
export async function bindMap(
  link: RegisterLink,
  { name, registers = { guards: [], voltages_V: [] } }: DeviceProfile,
): Promise<DeviceBinding> {
  const guards = registers.guards.map(({ point, raw }, i) => ({
    point: mapped(`guard ${i + 1}`, point),
    raw,
  }));
  for (const { point, raw } of guards) {
    const found = rawOf(point, await link.read(point.address, point.size, point.table));
    if (found === raw) continue;
    const text = `${link.name}: register ${point.address} is ${found}, a device of profile ${name} has ${raw} there`;
    throw new FieldbidError('WRONG_DEVICE', text);
  }
  const texts = await Promise.all(
    ([registers.model, registers.serial, registers.version] as const).map((point) => textAt(link, point)),
  );
  const [model = null, serial = null, version = null] = texts;
  return { ...boundMap(registers, name), guards, model, serial, version };
}

/** What the map itself says; nothing is read. */
export function boundMap(registers: RegisterMap, family: string): DeviceBinding {
  const point = (key: string, found: MappedPoint | undefined): PointRef[] =>
    found === undefined ? [] : [mapped(key, found)];
  const { state, control } = registers;
  const rating_W = point('rating_W', registers.rating_W);
  return {
    manufacturer: registers.manufacturer ?? null,
    ...{ model: null, serial: null, version: null, sunspecModels: [], warnings: [] },
    measurement: `registers of ${family}`,
    guards: [],
    power_W: point('power_W', registers.power_W),
    available_W: point('available_W', registers.available_W),
    rating_W,
    voltages_V: registers.voltages_V.map((found, i) => [mapped(`voltages_V ${i + 1}`, found)]),
    energy_Wh: point('energy_Wh', registers.energy_Wh),
    state: state === undefined ? [] : [{ point: mapped('state', state.point), states: state.states }],
    connected: undefined,
    storage: undefined,
    control: control === undefined ? undefined : boundControl(control, rating_W, family),
    heartbeat: undefined,
  };
}

/** The profile's own way to limit a device. @param base_W what 100 % means. */
export function boundControl(
  control: MappedControl,
  base_W: readonly PointRef[],
  family: string,
): ControlBinding {
  const { enable, revert, companions, step } = control;
  return {
    name: `registers of ${family}`,
    limit: mapped('limit', control.limit),
    unit: control.unit,
    base_W,
    enable: enable === undefined ? undefined : { ...enable, point: mapped('enable', enable.point) },
    revert: revert === undefined ? undefined : { ...revert, point: mapped('revert', revert.point) },
    companions: companions.map(({ point, value }, i) => ({
      point: mapped(`companion ${i + 1}`, point),
      value,
    })),
    ...(step === undefined ? {} : { smallestStep: step }),
  };
}

export function mapped(key: string, point: MappedPoint): PointRef {
  const size = WORDS[point.type] ?? point.words ?? DEFAULT_TEXT_WORDS;
  return {
    name: point.name ?? key,
    table: point.table,
    address: point.register,
    size,
    type: point.type,
    sf: point.sf,
    wordSwap: point.wordSwap,
    notImplemented: point.notImplemented,
  };
}

async function textAt(link: RegisterLink, point: MappedPoint | undefined): Promise<string | null> {
  if (point === undefined) return null;
  const ref = mapped('text', point);
  const words = await link.read(ref.address, ref.size, ref.table);
  const image = new RegisterImage([{ table: ref.table, address: ref.address, words, readAt_ms: 0 }]);
  const raw = image.raw(ref);
  return raw === null ? null : String(raw);
}
