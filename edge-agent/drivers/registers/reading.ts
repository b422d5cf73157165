/** Step 1 · One image → what the device says, in the port's terms. What cannot be true is not said. */
import type { DerReading, StorageState } from '../../device/der-device.ts';
import type { DeviceBinding } from './binding.ts';
import { limitState } from './control.ts';
import type { RegisterImage } from './image.ts';

/** Power beyond so many times the rating, and voltages beyond this, are noise: bursts of 0xFFFF after a reset. */
const IMPLAUSIBLE_RATING_SHARE = 2;
const IMPLAUSIBLE_V = 2000;
/** @param known the rating, also where the device shows none at the moment; and when the image was complete. */
export function readingOf(
  binding: DeviceBinding,
  image: RegisterImage,
  known: { rating_W: number | null; readAt_ms: number },
): DerReading {
  const { control, connected } = binding;
  const { rating_W, readAt_ms } = known;
  const connectedRaw = connected === undefined ? null : image.raw(connected.point);
  return {
    readAt_ms,
    power_W: plausiblePower(image.first(binding.power_W), rating_W),
    available_W: plausiblePower(image.first(binding.available_W), rating_W),
    rating_W,
    limit: control === undefined ? null : limitState(control, image),
    connected: connected === undefined || connectedRaw === null ? null : connectedRaw === connected.yes,
    state: stateIn(image, binding),
    voltages_V: binding.voltages_V.map((points) => plausibleVoltage(image.first(points))),
    energy_Wh: image.first(binding.energy_Wh),
    storage: storageIn(image, binding),
    raw: image.reads,
  };
}

function plausiblePower(power_W: number | null, rating_W: number | null): number | null {
  if (power_W === null || rating_W === null) return power_W;
  return Math.abs(power_W) > IMPLAUSIBLE_RATING_SHARE * rating_W ? null : power_W;
}

function plausibleVoltage(voltage_V: number | null): number | null {
  return voltage_V === null || voltage_V < 0 || voltage_V > IMPLAUSIBLE_V ? null : voltage_V;
}

function stateIn(image: RegisterImage, { state }: DeviceBinding): DerReading['state'] {
  for (const { point, states } of state) {
    const found = states[Number(image.raw(point) ?? Number.NaN)];
    if (found !== undefined) return found;
  }
  return null;
}

function storageIn(image: RegisterImage, { storage }: DeviceBinding): StorageState | null {
  if (storage === undefined) return null;
  const soc_pct = image.first(storage.soc_pct);
  const capacity_Wh = image.first(storage.capacity_Wh);
  const said_Wh = image.first(storage.available_Wh);
  if (capacity_Wh === 0) return null; // the model is there, the battery is not
  const derived_Wh = soc_pct === null || capacity_Wh === null ? null : (soc_pct / 100) * capacity_Wh;
  return { soc_pct, capacity_Wh, available_Wh: said_Wh ?? derived_Wh };
}
