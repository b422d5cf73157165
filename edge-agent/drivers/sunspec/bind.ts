/**
 * Steps 1 and 11 · SunSpec models → what they are to the agent. Measurement: 701, 101-103 and 111-113 (a device
 * may offer integers and floats side by side, or switch between them). Ratings: 702, 121, 120. Control: 704 before
 * 123 where both exist; 124 or the set point of 704 for storage where the profile says so. Point names are
 * SunSpec's; here is the border where they become the port's.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { OperatingState } from '../../device/der-device.ts';
import type { ControlPath } from '../../profiles/profile.ts';
import type { DeviceBinding } from '../registers/binding.ts';
import type { Companion, ControlBinding } from '../registers/control.ts';
import type { PointRef } from '../registers/point-ref.ts';
import { modelDefinition, type PointDefinition, symbolOf } from './models.ts';
import type { FoundModel, ScanResult } from './scan.ts';

/** Measuring models in order of preference, and what of them is what. */
const MEASUREMENTS: readonly {
  ids: readonly number[];
  phases: readonly string[];
  energy: string;
  state: string;
}[] = [
  { ids: [701], phases: ['VL1', 'VL2', 'VL3'], energy: 'TotWhInj', state: 'InvSt' },
  { ids: [103, 113], phases: ['PhVphA', 'PhVphB', 'PhVphC'], energy: 'WH', state: 'St' },
  { ids: [102, 112], phases: ['PhVphA', 'PhVphB'], energy: 'WH', state: 'St' },
  { ids: [101, 111], phases: ['PhVphA'], energy: 'WH', state: 'St' },
];
/** ACType of model 701: single-phase, split-phase, three-phase. */
const PHASES_OF_AC_TYPE = [1, 2, 3];
const STATE_NAMES: Readonly<Record<string, OperatingState>> = {
  OFF: 'off',
  SLEEPING: 'sleeping',
  STARTING: 'starting',
  MPPT: 'mppt',
  RUNNING: 'mppt',
  THROTTLED: 'throttled',
  SHUTTING_DOWN: 'shutting-down',
  FAULT: 'fault',
  STANDBY: 'standby',
};

/** What the reversion of model 704 and of a family's own registers falls back to. */
export interface RevertTo {
  /** Limit, percent; null: none. */
  readonly limit_pct: number | null;
}

/**
 * @param acType the value of 701.ACType, where there is such a model.
 * @throws FieldbidError `SUNSPEC_NO_INVERTER` when nothing among the models measures active power.
 */
export function bindModels(
  found: ScanResult,
  options: { control: ControlPath; revertTo: RevertTo; acType: number | null },
): DeviceBinding {
  const models = new Models(found.models);
  const kinds = MEASUREMENTS.map((kind) => ({ ...kind, found: models.all(kind.ids) })).filter(
    (k) => k.found.length > 0,
  );
  const [first] = kinds;
  const measuring = kinds.flatMap((kind) => kind.found);
  const [inverter] = measuring;
  if (first === undefined || inverter === undefined) {
    const ids = found.models.map(({ id }) => id).join(', ');
    const early = found.complete ? '' : `; the chain ends early: ${found.fault}`;
    const text = `no model 101-103, 111-113 or 701 among ${ids || 'none'}${early}`;
    throw new FieldbidError('SUNSPEC_NO_INVERTER', text, { retryable: !found.complete });
  }
  const phases =
    inverter.id === 701 ? first.phases.slice(0, PHASES_OF_AC_TYPE[options.acType ?? 2] ?? 3) : first.phases;
  const of = (ids: readonly number[], name: string): PointRef[] => models.points(ids, name);
  const rating_W = [
    ...of([702], 'WMax'),
    ...of([702], 'WMaxRtg'),
    ...of([121], 'WMax'),
    ...of([120], 'WRtg'),
  ];
  const controlled = controlOf(models, rating_W, options);
  const common = found.commons.findLast(({ address }) => address < inverter.address) ?? found.commons[0];
  const text = (name: string): string | null => {
    const value = common?.points.get(name)?.value;
    return typeof value === 'string' ? plainText(value) : null;
  };
  const guarded = [
    ...measuring,
    ...models.all([702, 121, 120]),
    ...(controlled === undefined ? [] : [controlled.model]),
  ];
  return {
    manufacturer: text('Mn'),
    model: text('Md'),
    serial: text('SN'),
    version: text('Vr'),
    sunspecModels: found.models.map(({ id }) => id),
    warnings: found.complete ? [] : [`the model chain ends early: ${found.fault}`],
    measurement: `SunSpec ${measuring.map(({ id }) => id).join(', ')}`,
    guards: guarded.flatMap((model) => refs(model, 'ID').map((point) => ({ point, raw: model.id }))),
    power_W: measuring.flatMap((model) => refs(model, 'W')),
    available_W: of([122], 'WAval'),
    rating_W,
    voltages_V: phases.map((_, phase) =>
      kinds.flatMap((kind) => kind.found.flatMap((m) => refs(m, kind.phases[phase]))),
    ),
    energy_Wh: kinds.flatMap((kind) => kind.found.flatMap((model) => refs(model, kind.energy))),
    state: kinds.flatMap((kind) =>
      kind.found.flatMap((model) =>
        refs(model, kind.state).map((point) => ({ point, states: statesOf(model.id, kind.state) })),
      ),
    ),
    connected: connectedOf(models),
    storage: storageOf(of),
    control: controlled?.control,
    heartbeat: of([715], 'ControllerHb')[0] ?? of([802], 'CtrlHb')[0],
  };
}

/** The models of a chain, looked up by id; several of one id are all kept. */
class Models {
  readonly #found: readonly FoundModel[];

  constructor(found: readonly FoundModel[]) {
    this.#found = found;
  }

  all(ids: readonly number[]): FoundModel[] {
    return ids.flatMap((id) => this.#found.filter((model) => model.id === id).slice(0, 1));
  }

  points(ids: readonly number[], name: string): PointRef[] {
    return this.all(ids).flatMap((model) => refs(model, name));
  }
}

interface Controlled {
  readonly model: FoundModel;
  readonly control: ControlBinding;
}

/** The ways to limit a SunSpec device, in the order in which they are tried when nothing is said. */
function controlOf(
  models: Models,
  rating_W: readonly PointRef[],
  { control, revertTo }: { control: ControlPath; revertTo: RevertTo },
): Controlled | undefined {
  const discharge_W = [...models.points([120], 'MaxDisChaRte'), ...models.points([124], 'WChaMax')];
  const paths: readonly [ControlPath, number, (model: FoundModel) => ControlBinding | undefined, boolean][] =
    [
      ['sunspec-704', 704, (model) => control704(model, rating_W, revertTo), true],
      ['sunspec-704-set', 704, (model) => control704Set(model, rating_W, revertTo), false],
      ['sunspec-123', 123, (model) => control123(model, rating_W), true],
      ['sunspec-124', 124, (model) => control124(model, discharge_W), false],
    ];
  for (const [path, id, make, byItself] of paths) {
    if (path !== control && !(control === 'auto' && byItself)) continue;
    for (const model of models.all([id])) {
      const made = make(model);
      if (made !== undefined) return { model, control: made };
    }
  }
  return undefined;
}

/** Model 123, immediate controls: WMaxLimPct of WMax. Timers are uint16, 0xFFFF reserved. */
function control123(model: FoundModel, base_W: readonly PointRef[]): ControlBinding | undefined {
  return build(model, base_W, {
    limit: 'WMaxLimPct',
    enable: ['WMaxLim_Ena', 1, 0],
    revert: ['WMaxLimPct_RvrtTms', 65_534],
    companions: { WMaxLimPct_WinTms: 0, WMaxLimPct_RmpTms: 0 },
  });
}

/** Model 704, DER AC controls: as IEEE 1547-2018 wants it; the reversion time is uint32. */
function control704(
  model: FoundModel,
  base_W: readonly PointRef[],
  { limit_pct }: RevertTo,
): ControlBinding | undefined {
  return build(model, base_W, {
    limit: 'WMaxLimPct',
    enable: ['WMaxLimPctEna', 1, 0],
    revert: ['WMaxLimPctRvrtTms', 0xffff_fffe],
    companions: { WMaxLimPctRvrt: limit_pct ?? 100, WMaxLimPctEnaRvrt: limit_pct === null ? 0 : 1 },
  });
}

/**
 * Model 704 as a set point in watts: storage delivers what it is told, not at most that. What it does without a set
 * point is its own affair: to be at zero, or at any power, when the agent dies it needs one to fall back to.
 */
function control704Set(
  model: FoundModel,
  base_W: readonly PointRef[],
  { limit_pct }: RevertTo,
): ControlBinding | undefined {
  const made = build(model, base_W, {
    limit: 'WSet',
    unit: 'W',
    enable: ['WSetEna', 1, 0],
    revert: ['WSetRvrtTms', 0xffff_fffe],
    companions: { WSetMod: 1, WSetEnaRvrt: limit_pct === null ? 0 : 1 },
  });
  if (made === undefined) return undefined;
  const fallback = refs(model, 'WSetRvrt').map(
    (point): Companion => ({ point, value: limit_pct ?? 0, ofBase: true }),
  );
  return { ...made, setPoint: true, companions: [...made.companions, ...fallback] };
}

/** Model 124, basic storage: discharge as percent of the largest discharge rate; StorCtl_Mod bit 1 is discharge. */
function control124(model: FoundModel, base_W: readonly PointRef[]): ControlBinding | undefined {
  return build(model, base_W, {
    limit: 'OutWRte',
    enable: ['StorCtl_Mod', 2, 0],
    revert: ['InOutWRte_RvrtTms', 65_534],
    companions: { InOutWRte_WinTms: 0, InOutWRte_RmpTms: 0 },
  });
}

function build(
  model: FoundModel,
  base_W: readonly PointRef[],
  points: {
    limit: string;
    unit?: 'pct' | 'W';
    enable: [name: string, on: number, off: number];
    revert: [name: string, longest_s: number];
    companions: Readonly<Record<string, number>>;
  },
): ControlBinding | undefined {
  const limit = pointRef(model, points.limit);
  const [enableName, on, off] = points.enable;
  const enable = pointRef(model, enableName);
  if (limit === undefined || enable === undefined) return undefined;
  const [revertName, longest_s] = points.revert;
  const revert = pointRef(model, revertName);
  const companions = Object.entries(points.companions).flatMap(([name, value]): Companion[] =>
    refs(model, name).map((point) => ({ point, value })),
  );
  return {
    name: `SunSpec ${model.id}`,
    limit,
    unit: points.unit ?? 'pct',
    base_W,
    enable: { point: enable, on, off },
    revert: revert === undefined ? undefined : { point: revert, longest_s },
    companions,
  };
}

function connectedOf(models: Models): DeviceBinding['connected'] {
  const [commanded] = models.points([123], 'Conn');
  if (commanded !== undefined) return { point: commanded, yes: 1 };
  const [measured] = models.points([701], 'ConnSt');
  return measured === undefined ? undefined : { point: measured, yes: 1 };
}

function storageOf(of: (ids: readonly number[], name: string) => PointRef[]): DeviceBinding['storage'] {
  const soc_pct = [...of([713], 'SoC'), ...of([802], 'SoC'), ...of([124], 'ChaState')];
  if (soc_pct.length === 0) return undefined;
  return {
    soc_pct,
    available_Wh: of([713], 'WHAvail'),
    capacity_Wh: [...of([713], 'WHRtg'), ...of([802], 'WHRtg'), ...of([120], 'WHRtg')],
  };
}

function statesOf(modelId: number, name: string): Record<number, OperatingState> {
  const point = modelDefinition(modelId)?.points.find((p) => p.name === name);
  const states: Record<number, OperatingState> = {};
  for (const value of Object.values(point?.symbols ?? {})) {
    const state = STATE_NAMES[(point === undefined ? undefined : symbolOf(point, value)) ?? ''];
    if (state !== undefined) states[value] = state;
  }
  return states;
}

/** A name as people write it: what stands behind a NUL, and blanks around it, are a device's sloppiness. */
export function plainText(text: string): string | null {
  const [plain = ''] = text.split('\0');
  return plain.trim() === '' ? null : plain.trim();
}

function refs(model: FoundModel, name: string | undefined): PointRef[] {
  const ref = name === undefined ? undefined : pointRef(model, name);
  return ref === undefined ? [] : [ref];
}

/** A point of a model's fixed part; undefined when the device's model ends before it. @throws RangeError for a bug. */
export function pointRef(model: FoundModel, name: string): PointRef | undefined {
  const points = modelDefinition(model.id)?.points ?? [];
  const point = points.find((p) => p.name === name);
  if (point === undefined) throw new RangeError(`SunSpec model ${model.id} has no point ${name}`);
  const ends = (p: PointDefinition): number => p.offset + p.size;
  if (ends(point) > model.length + 2) return undefined;
  const make = (p: PointDefinition, sf: PointRef['sf']): PointRef => ({
    name: `${model.id}.${p.name}`,
    table: 'holding',
    address: model.address + p.offset,
    size: p.size,
    type: p.type,
    sf,
    wordSwap: false,
    notImplemented: undefined,
  });
  if (typeof point.sf !== 'string') return make(point, point.sf ?? 0);
  const factor = points.find((p) => p.name === point.sf);
  if (factor === undefined || ends(factor) > model.length + 2) return undefined;
  return make(point, make(factor, 0));
}
