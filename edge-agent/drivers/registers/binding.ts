/**
 * Steps 1 and 11 · What of a device's registers is what to the agent. SunSpec models bind themselves
 * (sunspec/bind.ts), other families by the map in their profile (map/bind.ts). Lists are in order of preference:
 * the first point that says something counts.
 */
import type { OperatingState } from '../../device/der-device.ts';
import type { ControlBinding } from './control.ts';
import type { PointRef } from './point-ref.ts';

export interface DeviceBinding {
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly version: string | null;
  /** Ids of the SunSpec models found; empty for other maps. */
  readonly sunspecModels: readonly number[];
  /** What a person should know about the way it was found. */
  readonly warnings: readonly string[];

  /** What measures, in the device's own terms: `SunSpec 103`. */
  readonly measurement: string;
  /** Registers that must still hold what they held: else the map has moved and nothing read from it counts. */
  readonly guards: readonly { readonly point: PointRef; readonly raw: number }[];
  readonly power_W: readonly PointRef[];
  readonly available_W: readonly PointRef[];
  readonly rating_W: readonly PointRef[];
  /** Line to neutral: for each phase its points. */
  readonly voltages_V: readonly (readonly PointRef[])[];
  readonly energy_Wh: readonly PointRef[];
  readonly state: readonly {
    readonly point: PointRef;
    readonly states: Readonly<Record<number, OperatingState>>;
  }[];
  /** Connected to the grid, as commanded. */
  readonly connected: { readonly point: PointRef; readonly yes: number } | undefined;
  readonly storage: StorageBinding | undefined;

  readonly control: ControlBinding | undefined;
  /** Counted up once a second by a controller that is alive. */
  readonly heartbeat: PointRef | undefined;
}

export interface StorageBinding {
  readonly soc_pct: readonly PointRef[];
  /** Energy that could be delivered, Wh. */
  readonly available_Wh: readonly PointRef[];
  readonly capacity_Wh: readonly PointRef[];
}

/** Points of a reading. */
export function measuredPoints(binding: DeviceBinding): PointRef[] {
  const { storage } = binding;
  return [
    ...binding.guards.map(({ point }) => point),
    ...binding.power_W,
    ...binding.available_W,
    ...binding.rating_W,
    ...binding.voltages_V.flat(),
    ...binding.energy_Wh,
    ...binding.state.map(({ point }) => point),
    ...(binding.connected === undefined ? [] : [binding.connected.point]),
    ...(storage === undefined ? [] : [...storage.soc_pct, ...storage.available_Wh, ...storage.capacity_Wh]),
  ];
}
