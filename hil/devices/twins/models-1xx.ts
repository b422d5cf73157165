/** Parts of a device with the SunSpec models 1, 101/103 or 111/113, 120, 121, 122, 123. */
import type { ModelContent, RegisterMap } from '../register-map.ts';
import { EFFICIENCY, electricsOf, FULL_LOAD_DC_V, LARGEST_CURRENT } from './electrics.ts';
import { exponentFor, type Nameplate, type Part, powerExponent, type Range } from './part.ts';

const LIMIT_EXPONENT = -2;
/** Longest time that a timing register takes, s: uint16, 0xFFFF is "not implemented". */
export const LONGEST_TIME_S = 65_534;
const STATES = { OFF: 1, SLEEPING: 2, MPPT: 4, THROTTLED: 5, STANDBY: 8 } as const;
const NOTHING = { show: () => {} };

export function common(plate: Nameplate): Part {
  const { manufacturer, model, version, serial, unit } = plate;
  const fixed = { Mn: manufacturer, Md: model, Vr: version, SN: serial, DA: unit };
  return { models: [{ id: 1, exponents: {}, fixed }], ...NOTHING };
}

export function measurementModel({ phases }: Pick<Nameplate, 'phases'>, float = false): number {
  return (float ? 110 : 100) + phases;
}

/** 101, 103 (integers with scale factors) or 111, 113 (floats). */
export function measurement(plate: Nameplate, float = false): Part {
  const id = measurementModel(plate, float);
  const power = powerExponent(plate.rating_W);
  const rated_A = plate.rating_W / (plate.phases * plate.nominal_V);
  const current = exponentFor(LARGEST_CURRENT * plate.phases * rated_A, -2);
  const dcCurrent = exponentFor(plate.rating_W / EFFICIENCY / FULL_LOAD_DC_V, -2);
  const exponents: ModelContent['exponents'] = float
    ? {}
    : {
        ...{ A_SF: current, V_SF: -1, W_SF: power, Hz_SF: -2, VA_SF: power, VAr_SF: power, PF_SF: -1 },
        ...{ WH_SF: 0, DCA_SF: dcCurrent, DCV_SF: -1, DCW_SF: power, Tmp_SF: -1 },
      };
  const fixed = { Evt1: 0, Evt2: 0, VAr: 0, Hz: plate.nominal_Hz };
  return {
    models: [{ id, exponents, fixed }],
    show: (map, present) => {
      const { physics, voltages_V } = present;
      const { currents_A, lines_V, dc_W, dc_V, cabinet_C, sink_C } = electricsOf(present);
      const { power_W, energy_Wh, state } = physics;
      const values: Record<string, number | null> = {
        ...{ W: power_W, VA: power_W, PF: 100, A: currents_A.reduce((sum, amps) => sum + amps, 0) },
        // acc32 wraps; 0 would read as "not implemented".
        ...{ WH: Math.max(1, Math.floor(energy_Wh) % 2 ** 32), St: STATES[state] },
        ...{ DCW: dc_W, DCV: dc_V, DCA: dc_V > 0 ? dc_W / dc_V : 0, TmpCab: cabinet_C, TmpSnk: sink_C },
      };
      for (const [i, phase] of ['A', 'B', 'C'].slice(0, plate.phases).entries()) {
        values[`Aph${phase}`] = currents_A[i] ?? null;
        values[`PhVph${phase}`] = voltages_V[i] ?? null;
      }
      for (const [i, pair] of ['AB', 'BC', 'CA'].entries()) {
        if (lines_V[i] !== undefined) values[`PPVph${pair}`] = lines_V[i];
      }
      for (const [name, value] of Object.entries(values)) map.set(id, name, value);
    },
  };
}

/** 120 and 121. WMax may be set, down to one step. */
export function ratings(plate: Nameplate): Part {
  const { rating_W, nominal_V, phases, nominal_Hz } = plate;
  const power = powerExponent(rating_W);
  const rated_A = rating_W / (phases * nominal_V);
  const reactive_var = 0.44 * rating_W;
  const current = exponentFor(LARGEST_CURRENT * phases * rated_A, -2);
  const nameplate: ModelContent = {
    id: 120,
    exponents: { WRtg_SF: power, VARtg_SF: power, VArRtg_SF: power, ARtg_SF: current, PFRtg_SF: -2 },
    fixed: {
      ...{ DERTyp: 4, WRtg: rating_W, VARtg: rating_W, ARtg: rated_A },
      ...{ VArRtgQ1: reactive_var, VArRtgQ2: reactive_var, VArRtgQ3: -reactive_var, VArRtgQ4: -reactive_var },
      ...{ PFRtgQ1: 0.9, PFRtgQ2: 0.9, PFRtgQ3: -0.9, PFRtgQ4: -0.9 },
    },
  };
  const settings: ModelContent = {
    id: 121,
    exponents: { WMax_SF: power, VRef_SF: 0, VRefOfs_SF: 0, VMinMax_SF: 0, VAMax_SF: power, ECPNomHz_SF: -2 },
    fixed: {
      ...{ WMax: rating_W, VRef: nominal_V, VRefOfs: 0, VMax: 1.1 * nominal_V, VMin: 0.88 * nominal_V },
      ...{ VAMax: rating_W, ECPNomHz: nominal_Hz },
    },
  };
  return {
    models: [nameplate, settings],
    show: () => {},
    takes: { '121.WMax': [1, Math.round(rating_W / 10 ** power)] },
    obey: (map, names, physics) => {
      if (names.includes('121.WMax')) physics.wMax_W = map.value(121, 'WMax') ?? rating_W;
    },
  };
}

/** 122. @param available false: WAval is not implemented, as on many real devices. */
export function status(plate: Nameplate, available = true): Part {
  return {
    models: [
      {
        id: 122,
        exponents: { WAval_SF: powerExponent(plate.rating_W) },
        fixed: { StorConn: 0, StActCtl: 0 },
      },
    ],
    show: (map, { physics }) => {
      const { state, energy_Wh, available_W } = physics;
      const connected = physics.connected ? 1 : 0;
      map.set(122, 'PVConn', state === 'SLEEPING' ? connected : connected | 0b110);
      map.set(122, 'ECPConn', connected);
      map.set(122, 'ActWh', Math.max(1, Math.floor(energy_Wh)));
      map.set(122, 'WAval', available ? available_W : null);
      map.set(122, 'StActCtl', physics.limit.enabled ? 1 : 0);
    },
  };
}

export interface Control123Options {
  /** False: the timing registers are not implemented. */
  readonly timers?: boolean;
  /** What a client reads of the limit; by default what is in force. */
  readonly readsBack?: 'in force' | 'zero and disconnected';
  /** True: WMaxLim_Ena takes a 1 and stays 0. */
  readonly enableStuck?: boolean;
}

/** 123. Writing the limit or its timer starts the timer anew. */
export function control123(options: Control123Options = {}): Part {
  const { timers = true, readsBack = 'in force', enableStuck = false } = options;
  const time: Range = timers ? [0, LONGEST_TIME_S] : null;
  return {
    models: [
      {
        id: 123,
        exponents: { WMaxLimPct_SF: LIMIT_EXPONENT, OutPFSet_SF: -2, VArPct_SF: 0 },
        fixed: {
          ...{ Conn: 1, WMaxLimPct: 100, WMaxLim_Ena: 0, OutPFSet: 1, OutPFSet_Ena: 0, VArPct_Ena: 0 },
          ...(timers
            ? {
                Conn_WinTms: 0,
                Conn_RvrtTms: 0,
                WMaxLimPct_WinTms: 0,
                WMaxLimPct_RvrtTms: 0,
                WMaxLimPct_RmpTms: 0,
              }
            : {}),
        },
      },
    ],
    show: (map, { physics }) => {
      const zero = readsBack !== 'in force';
      map.set(123, 'Conn', physics.connected && !zero ? 1 : 0);
      map.set(123, 'WMaxLimPct', zero ? 0 : physics.limit.pct);
      map.set(123, 'WMaxLim_Ena', zero || physics.limit.enabled ? 1 : 0);
    },
    takes: {
      '123.Conn': [0, 1],
      // The scale factor may move, and with it what 100 % is; more is not taken when it is obeyed.
      '123.WMaxLimPct': [0, 100 * 10 ** -LIMIT_EXPONENT],
      '123.WMaxLimPct_WinTms': time,
      '123.WMaxLimPct_RvrtTms': time,
      '123.WMaxLimPct_RmpTms': time,
      '123.WMaxLim_Ena': [0, 1],
    },
    obey: (map, names, physics) => {
      if (names.includes('123.Conn')) physics.connected = map.wordAt(123, 'Conn') === 1;
      if (!names.some((name) => name.startsWith('123.WMaxLim'))) return;
      const written = (name: string): boolean => names.includes(`123.${name}`);
      const enabled = enableStuck
        ? false
        : written('WMaxLim_Ena')
          ? map.wordAt(123, 'WMaxLim_Ena') === 1
          : physics.limit.enabled;
      const pct = written('WMaxLimPct')
        ? Math.min(100, map.value(123, 'WMaxLimPct') ?? 100)
        : physics.limit.pct;
      physics.limit = { pct, enabled };
      physics.armRevert(enabled ? revertSeconds(map, 123, 'WMaxLimPct_RvrtTms') : 0);
    },
  };
}

/** Seconds of a timer; 0 where it is not implemented. */
export function revertSeconds(map: RegisterMap, modelId: number, name: string): number {
  return map.value(modelId, name) ?? 0;
}
