/**
 * What a simulated inverter shows in its SunSpec registers, and what a write to them may be. Values hang
 * together: currents follow from power and voltage, DC from AC, temperatures from load.
 */
import type { InverterPhysics } from './inverter-physics.ts';
import { ILLEGAL_VALUE, ModbusRefusal } from './modbus-answers.ts';
import type { ModelContent, RegisterMap } from './register-map.ts';

export interface Nameplate {
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
  readonly serial: string;
  readonly rating_W: number;
  /** Line to neutral, V. */
  readonly nominal_V: number;
  readonly nominal_Hz: number;
  /** Number of phases, 1 or 3. */
  readonly phases: 1 | 3;
  /** False: WMaxLimPct_RvrtTms is not implemented. */
  readonly hasRevertTimer: boolean;
  /** Register address of the device, model 1 DA. */
  readonly unit: number;
}

const EFFICIENCY = 0.97;
/** A PV string sags under load. */
const IDLE_DC_V = 680;
const FULL_LOAD_DC_V = 600;
/** An inverter limits its current when the grid's voltage collapses, share of the rated one. */
const LARGEST_CURRENT = 1.2;
const AMBIENT_C = 25;
/** Cabinet above ambient at full load, K; the heat sink gets warmer. */
const CABINET_RISE_K = 18;
const SINK_RISE_K = 32;
const LIMIT_EXPONENT = -2;
/** Longest time that a timing register takes, s. */
const LONGEST_TIME_S = 65_534;

/** The smallest exponent, from `finest` on, with which `largest` fits into an int16. */
function exponentFor(largest: number, finest = 0): number {
  let exponent = finest;
  while (largest / 10 ** exponent > 32_000) exponent++;
  return exponent;
}

/** What it can tell apart when it measures power, W: the finest that fits its registers. */
export function powerStep_W(rating_W: number): number {
  return 10 ** exponentFor(1.25 * rating_W);
}

/** Models 1, 101 or 103, 120, 121, 122, 123, with all that stays as it is. */
export function chainFor(plate: Nameplate): ModelContent[] {
  const { rating_W, nominal_V, phases } = plate;
  const power = exponentFor(1.25 * rating_W);
  const rated_A = rating_W / (phases * nominal_V);
  const reactive_var = 0.44 * rating_W;
  const current = exponentFor(LARGEST_CURRENT * phases * rated_A, -2);
  const dcCurrent = exponentFor(rating_W / EFFICIENCY / FULL_LOAD_DC_V, -2);
  return [
    {
      id: 1,
      exponents: {},
      fixed: { Mn: plate.manufacturer, Md: plate.model, Vr: plate.version, SN: plate.serial, DA: plate.unit },
    },
    {
      id: inverterModel(plate),
      exponents: {
        ...{ A_SF: current, V_SF: -1, W_SF: power, Hz_SF: -2, VA_SF: power, VAr_SF: power, PF_SF: -1 },
        ...{ WH_SF: 0, DCA_SF: dcCurrent, DCV_SF: -1, DCW_SF: power, Tmp_SF: -1 },
      },
      fixed: { Evt1: 0, Evt2: 0, VAr: 0, Hz: plate.nominal_Hz },
    },
    {
      id: 120,
      exponents: {
        ...{ WRtg_SF: power, VARtg_SF: power, VArRtg_SF: power, ARtg_SF: current, PFRtg_SF: -2 },
      },
      fixed: {
        ...{ DERTyp: 4, WRtg: rating_W, VARtg: rating_W, ARtg: rated_A },
        ...{
          VArRtgQ1: reactive_var,
          VArRtgQ2: reactive_var,
          VArRtgQ3: -reactive_var,
          VArRtgQ4: -reactive_var,
        },
        ...{ PFRtgQ1: 0.9, PFRtgQ2: 0.9, PFRtgQ3: -0.9, PFRtgQ4: -0.9 },
      },
    },
    {
      id: 121,
      exponents: {
        WMax_SF: power,
        VRef_SF: 0,
        VRefOfs_SF: 0,
        VMinMax_SF: 0,
        VAMax_SF: power,
        ECPNomHz_SF: -2,
      },
      fixed: {
        ...{ WMax: rating_W, VRef: nominal_V, VRefOfs: 0, VMax: 1.1 * nominal_V, VMin: 0.88 * nominal_V },
        ...{ VAMax: rating_W, ECPNomHz: plate.nominal_Hz },
      },
    },
    { id: 122, exponents: { WAval_SF: power }, fixed: { StorConn: 0, StActCtl: 0 } },
    {
      id: 123,
      exponents: { WMaxLimPct_SF: LIMIT_EXPONENT, OutPFSet_SF: -2, VArPct_SF: 0 },
      fixed: {
        ...{ Conn_WinTms: 0, Conn_RvrtTms: 0, Conn: 1, WMaxLimPct: 100, WMaxLimPct_WinTms: 0 },
        ...{ WMaxLimPct_RmpTms: 0, WMaxLim_Ena: 0, OutPFSet: 1, OutPFSet_Ena: 0, VArPct_Ena: 0 },
        ...(plate.hasRevertTimer ? { WMaxLimPct_RvrtTms: 0 } : {}),
      },
    },
  ];
}

export function inverterModel(plate: Pick<Nameplate, 'phases'>): 101 | 103 {
  return plate.phases === 3 ? 103 : 101;
}

const STATES = { OFF: 1, SLEEPING: 2, MPPT: 4, THROTTLED: 5, STANDBY: 8 } as const;

/** Puts the present into the registers. `voltages_V`: line to neutral, one per phase. */
export function showPresent(
  map: RegisterMap,
  plate: Nameplate,
  physics: InverterPhysics,
  voltages_V: readonly number[],
): void {
  const id = inverterModel(plate);
  const { power_W, available_W, state } = physics;
  const load = power_W / plate.rating_W;
  const most_A = (LARGEST_CURRENT * plate.rating_W) / plate.phases / plate.nominal_V;
  const currents = voltages_V.map((volts) =>
    volts > 0 ? Math.min(most_A, power_W / plate.phases / volts) : 0,
  );
  map.set(id, 'W', power_W);
  map.set(id, 'VA', power_W);
  map.set(id, 'PF', 100);
  map.set(
    id,
    'A',
    currents.reduce((sum, amps) => sum + amps, 0),
  );
  for (const [i, phase] of ['A', 'B', 'C'].entries()) {
    if (i >= plate.phases) break;
    map.set(id, `Aph${phase}`, currents[i] ?? null);
    map.set(id, `PhVph${phase}`, voltages_V[i] ?? null);
  }
  if (plate.phases === 3) {
    const [a = 0, b = 0, c = 0] = voltages_V;
    map.set(id, 'PPVphAB', lineToLine(a, b));
    map.set(id, 'PPVphBC', lineToLine(b, c));
    map.set(id, 'PPVphCA', lineToLine(c, a));
  }
  // acc32 wraps; 0 would read as "not implemented".
  map.set(id, 'WH', Math.max(1, Math.floor(physics.energy_Wh) % 2 ** 32));
  const dc_W = power_W / EFFICIENCY;
  const dc_V = state === 'SLEEPING' ? 0 : IDLE_DC_V + (FULL_LOAD_DC_V - IDLE_DC_V) * load;
  map.set(id, 'DCW', dc_W);
  map.set(id, 'DCV', dc_V);
  map.set(id, 'DCA', dc_V > 0 ? dc_W / dc_V : 0);
  map.set(id, 'TmpCab', AMBIENT_C + CABINET_RISE_K * load);
  map.set(id, 'TmpSnk', AMBIENT_C + SINK_RISE_K * load);
  map.set(id, 'St', STATES[state]);
  const connected = physics.connected ? 1 : 0;
  map.set(122, 'PVConn', state === 'SLEEPING' ? connected : connected | 0b110);
  map.set(122, 'ECPConn', connected);
  map.set(122, 'ActWh', Math.max(1, Math.floor(physics.energy_Wh)));
  map.set(122, 'WAval', available_W);
  map.set(122, 'StActCtl', physics.limit.enabled ? 1 : 0);
  map.set(123, 'Conn', connected);
  map.set(123, 'WMaxLimPct', physics.limit.pct);
  map.set(123, 'WMaxLim_Ena', physics.limit.enabled ? 1 : 0);
}

/** Phasors 120 degrees apart. */
function lineToLine(a_V: number, b_V: number): number {
  return Math.sqrt(a_V * a_V + b_V * b_V + a_V * b_V);
}

/**
 * Whether a word may stand in a writable register.
 * @throws ModbusRefusal 3 when not.
 */
export function checkWord(
  map: RegisterMap,
  plate: Nameplate,
  model: number,
  name: string,
  word: number,
): void {
  const most = largest(map, plate, name);
  const least = name === 'WMax' ? 1 : 0;
  // A block write passes over registers that the device does not have with their "not implemented" word.
  const absent = name === 'WMaxLimPct_RvrtTms' && !plate.hasRevertTimer && word === 0xffff;
  if (absent || (most !== undefined && word >= least && word <= most)) return;
  throw new ModbusRefusal(ILLEGAL_VALUE, `${word} in ${name} of model ${model}`);
}

function largest(map: RegisterMap, plate: Nameplate, name: string): number | undefined {
  switch (name) {
    case 'WMaxLimPct':
      return 100 * 10 ** -LIMIT_EXPONENT;
    case 'WMaxLim_Ena':
    case 'Conn':
      return 1;
    case 'WMax':
      return Math.round(plate.rating_W / map.step(121, 'WMax'));
    case 'WMaxLimPct_RvrtTms':
      return plate.hasRevertTimer ? LONGEST_TIME_S : undefined;
    case 'WMaxLimPct_WinTms':
    case 'WMaxLimPct_RmpTms':
      return LONGEST_TIME_S;
    default:
      return undefined; // settings that this device does not act on are not taken
  }
}
