/**
 * Twins of the device families in edge-agent/profiles: what a client meets at such a device, quirks included.
 * Facts are from the sources that the profiles name; a twin shows what its profile has to cope with, it is no
 * model of a product.
 */
import type { InverterState } from '../inverter-physics.ts';
import type { FrontOptions } from './front.ts';
import { type Control123Options, common, control123, measurement, ratings, status } from './models-1xx.ts';
import { battery, capacity702, control704, heartbeat715, measurement701 } from './models-7xx.ts';
import type { OwnMap } from './own-registers.ts';
import type { Nameplate, Part } from './part.ts';

export type FamilyName =
  | 'generic-1xx'
  | 'generic-7xx'
  | 'generic-storage'
  | 'fronius'
  | 'fronius-float'
  | 'sma'
  | 'solaredge'
  | 'kostal'
  | 'fimer'
  | 'enphase'
  | 'huawei-sun2000'
  | 'sungrow-sg';

/** The twin that stands for a profile where none is named. */
export function familyOf(profile: string): FamilyName {
  return (
    (Object.entries(FAMILIES) as [FamilyName, TwinFamily][]).find(
      ([, one]) => one.profile === profile,
    )?.[0] ?? 'generic-1xx'
  );
}

export interface FamilyOptions {
  /** WAval is implemented. */
  readonly available: boolean;
  readonly control: Control123Options;
}

export interface TwinFamily {
  /** The profile that fits it. */
  readonly profile: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly unit: number;
  readonly base: number;
  front(plate: Nameplate, options: FamilyOptions): Omit<FrontOptions, 'base'>;
  /** Function codes that it does not take for writing. */
  readonly refuses?: readonly (6 | 16)[];
  /** Registers in one request, at most. */
  readonly maxRead?: number;
  /** A limit at or below this puts it to standby. */
  readonly standby?: { readonly below_pct: number; readonly restart_s: number };
  /** Time-out of its own for silence, s, after which it drops a limit. */
  readonly watchdog_s?: number;
  /** Watt-hours per watt of rating behind it. */
  readonly storage_h?: number;
}

const generic1xx = (plate: Nameplate, { available, control }: FamilyOptions, float = false): Part[] => [
  common(plate),
  measurement(plate, float),
  ratings(plate),
  status(plate, available),
  control123(control),
];

export const FAMILIES: Readonly<Record<FamilyName, TwinFamily>> = {
  'generic-1xx': {
    ...{ profile: 'generic-1xx', manufacturer: 'fieldbid', model: 'Simulated PV', unit: 1, base: 40_000 },
    front: (plate, options) => ({ parts: generic1xx(plate, options) }),
  },
  'generic-7xx': {
    ...{ profile: 'generic-7xx', manufacturer: 'fieldbid', model: 'Simulated DER', unit: 1, base: 40_000 },
    front: (plate) => ({
      parts: [common(plate), measurement701(plate), capacity702(plate), control704(plate), heartbeat715(10)],
    }),
  },
  'generic-storage': {
    ...{
      profile: 'generic-storage',
      manufacturer: 'fieldbid',
      model: 'Simulated storage',
      unit: 1,
      base: 40_000,
    },
    storage_h: 2,
    front: (plate) => ({
      parts: [
        common(plate),
        measurement701(plate),
        capacity702(plate),
        control704(plate),
        battery(plate, 2 * plate.rating_W),
      ],
    }),
  },
  fronius: {
    ...{ profile: 'fronius', manufacturer: 'Fronius', model: 'Symo twin', unit: 1, base: 40_000 },
    front: (plate, options) => ({ parts: generic1xx(plate, options) }),
  },
  'fronius-float': {
    ...{ profile: 'fronius', manufacturer: 'Fronius', model: 'Symo twin', unit: 1, base: 40_000 },
    front: (plate, options) => ({ parts: generic1xx(plate, options, true) }),
  },
  sma: {
    ...{ profile: 'sma', manufacturer: 'SMA', model: 'Sunny Boy twin', unit: 126, base: 40_000 },
    watchdog_s: 600,
    front: (plate, { control }) => ({
      parts: generic1xx(plate, {
        available: false,
        control: { timers: false, readsBack: 'zero and disconnected', ...control },
      }),
    }),
  },
  solaredge: {
    ...{ profile: 'solaredge', manufacturer: 'SolarEdge', model: 'SE twin', unit: 1, base: 40_000 },
    front: (plate) => ({ parts: [common(plate), measurement(plate)], own: solarEdgeControl(plate) }),
  },
  kostal: {
    ...{ profile: 'kostal', manufacturer: 'KOSTAL', model: 'PLENTICORE twin', unit: 71, base: 40_000 },
    maxRead: 64,
    front: (plate, options) => ({
      parts: [
        common(plate),
        measurement(plate),
        measurement(plate, true),
        ratings(plate),
        status(plate, false),
        control123(options.control),
      ],
    }),
  },
  fimer: {
    ...{ profile: 'fimer', manufacturer: 'FIMER', model: 'PVS twin', unit: 2, base: 40_000 },
    refuses: [6],
    standby: { below_pct: 0, restart_s: 60 },
    front: (plate, options) => ({ parts: generic1xx(plate, options) }),
  },
  enphase: {
    ...{
      profile: 'enphase',
      manufacturer: 'Enphase Energy',
      model: 'IQ Gateway twin',
      unit: 126,
      base: 40_000,
    },
    refuses: [16],
    front: (plate, options) => ({
      // A gateway in front has a common model of its own.
      parts: [common({ ...plate, model: 'Gateway', serial: 'GW' }), ...generic1xx(plate, options)],
    }),
  },
  'huawei-sun2000': {
    ...{ profile: 'huawei-sun2000', manufacturer: 'Huawei', model: 'SUN2000 twin', unit: 1, base: 0 },
    front: (plate) => ({ parts: [], own: huawei(plate) }),
  },
  'sungrow-sg': {
    ...{ profile: 'sungrow-sg', manufacturer: 'Sungrow', model: 'SG twin', unit: 1, base: 0 },
    front: (plate) => ({ parts: [], own: sungrow(plate) }),
  },
};

const holding = { table: 'holding', sf: 0, wordSwap: false } as const;
const input = { table: 'input', sf: 0, wordSwap: false } as const;

/** Dynamic power control: float32 and uint32 with the low word first; the dynamic limit is not kept. */
function solarEdgeControl(plate: Nameplate): OwnMap {
  const float = { ...holding, type: 'float32', wordSwap: true } as const;
  return {
    points: [
      { name: 'enable', point: { ...holding, register: 0xf300, type: 'uint16' }, value: 0, takes: [0, 1] },
      { name: 'rating', point: { ...float, register: 0xf304 }, value: plate.rating_W },
      {
        name: 'timeout',
        point: { ...holding, register: 0xf308, type: 'uint32', wordSwap: true },
        value: 60,
        takes: [0, 86_400],
      },
      { name: 'fallback', point: { ...float, register: 0xf30a }, value: 0, takes: [0, 100] },
      { name: 'limit', point: { ...float, register: 0xf322 }, value: 100, takes: [0, 100] },
    ],
    obey: (_names, value, physics) => {
      const enabled = value('enable') === 1;
      physics.limit = { pct: value('limit'), enabled };
      physics.revertTo_pct = value('fallback');
      physics.armRevert(enabled ? value('timeout') : 0);
    },
  };
}

const HUAWEI_STATES: Record<InverterState, number> = {
  OFF: 0x0301,
  SLEEPING: 0xa000,
  MPPT: 0x0200,
  THROTTLED: 0x0201,
  STANDBY: 0x0000,
};

function huawei(plate: Nameplate): OwnMap {
  return {
    points: [
      {
        name: 'model',
        point: { ...holding, register: 30_000, type: 'string', words: 15 },
        show: () => plate.model,
      },
      {
        name: 'serial',
        point: { ...holding, register: 30_015, type: 'string', words: 10 },
        show: () => plate.serial,
      },
      { name: 'rating', point: { ...holding, register: 30_073, type: 'uint32' }, value: plate.rating_W },
      ...[0, 1, 2].map((i) => ({
        name: `voltage ${i}`,
        point: { ...holding, register: 32_069 + i, type: 'uint16', sf: -1 } as const,
        show: ({ voltages_V }: { voltages_V: readonly number[] }) => voltages_V[i] ?? 0,
      })),
      {
        name: 'power',
        point: { ...holding, register: 32_080, type: 'int32' },
        show: ({ physics }) => physics.power_W,
      },
      {
        name: 'state',
        point: { ...holding, register: 32_089, type: 'uint16' },
        show: ({ physics }) => HUAWEI_STATES[physics.state],
      },
      {
        name: 'energy',
        point: { ...holding, register: 32_106, type: 'uint32', sf: 1 },
        show: ({ physics }) => physics.energy_Wh,
      },
      {
        name: 'limit',
        point: { ...holding, register: 40_125, type: 'int16', sf: -1 },
        value: 100,
        takes: [0, 100],
      },
    ],
    obey: (_names, value, physics) => {
      const pct = value('limit');
      physics.limit = { pct, enabled: pct < 100 };
    },
  };
}

const SUNGROW_STATES: Record<InverterState, number> = {
  OFF: 0x8000,
  SLEEPING: 0x1400,
  MPPT: 0x0000,
  THROTTLED: 0x8100,
  STANDBY: 0x1400,
};

/** Measurement in input registers, control in holding ones. */
function sungrow(plate: Nameplate): OwnMap {
  return {
    points: [
      {
        name: 'serial',
        point: { ...input, register: 4989, type: 'string', words: 10 },
        show: () => plate.serial,
      },
      {
        name: 'rating',
        point: { ...input, register: 5000, type: 'uint16', sf: 2 },
        show: () => plate.rating_W,
      },
      {
        name: 'energy',
        point: { ...input, register: 5003, type: 'uint32', wordSwap: true, sf: 3 },
        show: ({ physics }) => physics.energy_Wh,
      },
      ...[0, 1, 2].map((i) => ({
        name: `voltage ${i}`,
        point: { ...input, register: 5018 + i, type: 'uint16', sf: -1 } as const,
        show: ({ voltages_V }: { voltages_V: readonly number[] }) => voltages_V[i] ?? 0,
      })),
      {
        name: 'power',
        point: { ...input, register: 5030, type: 'uint32', wordSwap: true },
        show: ({ physics }) => physics.power_W,
      },
      {
        name: 'state',
        point: { ...input, register: 5037, type: 'uint16' },
        show: ({ physics }) => SUNGROW_STATES[physics.state],
      },
      {
        name: 'enable',
        point: { ...holding, register: 5006, type: 'uint16' },
        value: 0x55,
        takes: [0x55, 0xaa],
      },
      {
        name: 'limit',
        point: { ...holding, register: 5007, type: 'uint16', sf: -1 },
        value: 100,
        takes: [0, 110],
      },
    ],
    obey: (_names, value, physics) => {
      physics.limit = { pct: Math.min(100, value('limit')), enabled: value('enable') === 0xaa };
    },
  };
}
