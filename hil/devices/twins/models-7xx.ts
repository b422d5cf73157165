/** Parts of a device with the SunSpec models of IEEE 1547-2018: 701, 702, 704, 713, 715; and 802 for a battery. */
import type { RegisterMap } from '../register-map.ts';
import { electricsOf, LARGEST_CURRENT } from './electrics.ts';
import { revertSeconds } from './models-1xx.ts';
import { exponentFor, type Nameplate, type Part, powerExponent } from './part.ts';

const STATES = { OFF: 0, SLEEPING: 1, MPPT: 3, THROTTLED: 4, STANDBY: 7 } as const;
const LIMIT_EXPONENT = -1;
const LONGEST_TIME_S = 0xffff_fffe;

export function measurement701(plate: Nameplate): Part {
  const power = powerExponent(plate.rating_W);
  const rated_A = plate.rating_W / (plate.phases * plate.nominal_V);
  return {
    models: [
      {
        id: 701,
        exponents: {
          ...{
            A_SF: exponentFor(LARGEST_CURRENT * plate.phases * rated_A, -2),
            V_SF: -1,
            Hz_SF: -3,
            W_SF: power,
          },
          ...{ PF_SF: -3, VA_SF: power, Var_SF: power, TotWh_SF: 0, Tmp_SF: -1 },
        },
        fixed: {
          ...{ ACType: plate.phases === 1 ? 0 : 2, ConnSt: 1, Alrm: 0, DERMode: 1 },
          ...{ Hz: plate.nominal_Hz, Var: 0, TotWhAbs: 0 },
        },
      },
    ],
    show: (map, present) => {
      const { physics, voltages_V } = present;
      const { currents_A, lines_V, cabinet_C, sink_C } = electricsOf(present);
      const set = (name: string, value: number | null): void => map.set(701, name, value);
      set('St', physics.state === 'OFF' ? 0 : 1);
      set('InvSt', STATES[physics.state]);
      set('ConnSt', physics.connected ? 1 : 0);
      set('W', physics.power_W);
      set('VA', physics.power_W);
      set('PF', 1);
      set(
        'A',
        currents_A.reduce((sum, amps) => sum + amps, 0),
      );
      set('TotWhInj', Math.floor(physics.energy_Wh));
      set('TmpCab', cabinet_C);
      set('TmpSnk', sink_C);
      for (let phase = 1; phase <= plate.phases; phase++) {
        set(`WL${phase}`, physics.power_W / plate.phases);
        set(`AL${phase}`, currents_A[phase - 1] ?? null);
        set(`VL${phase}`, voltages_V[phase - 1] ?? null);
      }
      for (const [i, pair] of ['VL1L2', 'VL2L3', 'VL3L1'].entries()) {
        if (lines_V[i] !== undefined) set(pair, lines_V[i]);
      }
    },
  };
}

export function capacity702(plate: Nameplate): Part {
  const { rating_W, nominal_V } = plate;
  const power = powerExponent(rating_W);
  return {
    models: [
      {
        id: 702,
        exponents: { W_SF: power, PF_SF: -3, VA_SF: power, Var_SF: power, V_SF: -1, A_SF: -1, S_SF: 0 },
        fixed: {
          ...{ WMaxRtg: rating_W, VAMaxRtg: rating_W, VNomRtg: nominal_V, CtrlModes: 0b10, WMax: rating_W },
          ...{ VAMax: rating_W, VNom: nominal_V, VMaxRtg: 1.1 * nominal_V, VMinRtg: 0.88 * nominal_V },
        },
      },
    ],
    show: () => {},
    takes: { '702.WMax': [1, Math.round(rating_W / 10 ** power)] },
    obey: (map, names, physics) => {
      if (names.includes('702.WMax')) physics.wMax_W = map.value(702, 'WMax') ?? rating_W;
    },
  };
}

/** 704: limit (WMaxLimPct) and set point (WSet), each with its own reversion. */
export function control704(plate: Nameplate): Part {
  const most = 100 * 10 ** -LIMIT_EXPONENT;
  const power = powerExponent(plate.rating_W);
  const rating = Math.round(plate.rating_W / 10 ** power);
  return {
    models: [
      {
        id: 704,
        exponents: { PF_SF: -3, WMaxLimPct_SF: LIMIT_EXPONENT, WSet_SF: power, WSetPct_SF: LIMIT_EXPONENT },
        fixed: {
          ...{ WMaxLimPctEna: 0, WMaxLimPct: 100, WMaxLimPctRvrt: 100, WMaxLimPctEnaRvrt: 0 },
          ...{ WMaxLimPctRvrtTms: 0, WMaxLimPctRvrtRem: 0, WSetEna: 0, WSetMod: 1, WSet: 0, WSetRvrt: 0 },
          ...{ WSetEnaRvrt: 0, WSetRvrtTms: 0, WSetRvrtRem: 0 },
        },
      },
    ],
    show: (map, { physics }) => {
      map.set(704, 'WMaxLimPct', physics.limit.pct);
      map.set(704, 'WMaxLimPctEna', physics.limit.enabled ? 1 : 0);
      map.set(704, 'WMaxLimPctRvrtRem', Math.ceil(physics.revertLeft_s));
      map.set(704, 'WSetEna', physics.setPoint_W === null ? 0 : 1);
    },
    takes: {
      '704.WMaxLimPctEna': [0, 1],
      '704.WMaxLimPct': [0, most],
      '704.WMaxLimPctRvrt': [0, most],
      '704.WMaxLimPctEnaRvrt': [0, 1],
      '704.WMaxLimPctRvrtTms': [0, LONGEST_TIME_S],
      '704.WSetEna': [0, 1],
      '704.WSetMod': [0, 1],
      '704.WSet': [-rating, rating],
      '704.WSetRvrt': [-rating, rating],
      '704.WSetEnaRvrt': [0, 1],
      '704.WSetRvrtTms': [0, LONGEST_TIME_S],
    },
    obey: (map, names, physics) => {
      const flag = (name: string): boolean => map.wordAt(704, name) === 1;
      if (names.some((name) => name.startsWith('704.WMaxLim'))) {
        const enabled = flag('WMaxLimPctEna');
        physics.limit = { pct: map.value(704, 'WMaxLimPct') ?? 100, enabled };
        physics.revertTo_pct = flag('WMaxLimPctEnaRvrt') ? (map.value(704, 'WMaxLimPctRvrt') ?? 100) : null;
        physics.armRevert(enabled ? revertSeconds(map, 704, 'WMaxLimPctRvrtTms') : 0);
      }
      if (names.some((name) => name.startsWith('704.WSet'))) {
        physics.setPoint_W = flag('WSetEna') ? (map.value(704, 'WSet') ?? 0) : null;
        physics.armRevert(flag('WSetEna') ? revertSeconds(map, 704, 'WSetRvrtTms') : 0);
      }
    },
  };
}

/** 715: without its heartbeat for `timeout_s` the device drops what it was told. */
export function heartbeat715(timeout_s: number): Part {
  return {
    models: [
      { id: 715, exponents: {}, fixed: { LocRemCtl: 0, DERHb: 0, ControllerHb: 0, AlarmReset: 0, OpCtl: 0 } },
    ],
    show: (map, { physics }) => map.set(715, 'DERHb', Math.floor(physics.now_ms / 1000) % 0xffff_fffe),
    takes: { '715.ControllerHb': [0, 0xffff_fffe] },
    obey: (_map, names, physics) => {
      if (names.includes('715.ControllerHb')) physics.heardController(timeout_s);
    },
  };
}

/** 713 and 802: a battery as it says of itself. */
export function battery(plate: Nameplate, capacity_Wh: number): Part {
  const energy = exponentFor(capacity_Wh);
  const power = powerExponent(plate.rating_W);
  const show = (map: RegisterMap, soc_pct: number): void => {
    map.set(713, 'WHAvail', (soc_pct / 100) * capacity_Wh);
    map.set(713, 'SoC', soc_pct);
    map.set(802, 'SoC', soc_pct);
  };
  return {
    models: [
      { id: 713, exponents: { WH_SF: energy, Pct_SF: -1 }, fixed: { WHRtg: capacity_Wh, SoH: 100, Sta: 0 } },
      {
        id: 802,
        exponents: {
          ...{
            WHRtg_SF: energy,
            WChaDisChaMax_SF: power,
            SoC_SF: -1,
            SoH_SF: -1,
            V_SF: -1,
            A_SF: -1,
            AMax_SF: -1,
            W_SF: power,
          },
        },
        fixed: {
          ...{
            WHRtg: capacity_Wh,
            WChaRteMax: plate.rating_W,
            WDisChaRteMax: plate.rating_W,
            SoCMax: 100,
            SoCMin: 5,
          },
          ...{ SoH: 100, ChaSt: 6, LocRemCtl: 0, Hb: 0, CtrlHb: 0, Typ: 4, State: 3, V: 400 },
        },
      },
    ],
    show: (map, { physics }) => show(map, physics.soc_pct ?? 0),
    takes: { '802.CtrlHb': [0, 65_534] },
    obey: (_map, names, physics) => {
      if (names.includes('802.CtrlHb')) physics.heardController(10);
    },
  };
}
