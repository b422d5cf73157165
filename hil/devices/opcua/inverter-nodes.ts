/**
 * What a simulated inverter shows as OPC UA nodes, and what a write to them does. Names of the nameplate as in
 * OPC 10000-100 (Devices), 4.5.2; the others are this device's own, as with most inverters.
 */
import { DataType, type DataValue, StatusCodes } from 'node-opcua-client';
import type { InverterPhysics } from '../inverter-physics.ts';
import { powerStep_W } from '../twins/part.ts';
import { addVariables, answerOf, type Quality, type Shown, type StatusCode } from './shown.ts';
import { NAMESPACE_URI } from './simulated-mapping.ts';
import type { AddressSpace } from './simulated-server.ts';

export interface InverterNodesOptions {
  readonly plate: {
    readonly manufacturer: string;
    readonly model: string;
    readonly version: string;
    readonly serial: string;
    readonly rating_W: number;
  };
  readonly physics: InverterPhysics;
  /** Line to neutral, one per phase. */
  readonly voltages_V: readonly number[];
  /** Market time, epoch ms. */
  readonly now: () => number;
}

const STATES = { OFF: 1, SLEEPING: 2, MPPT: 4, THROTTLED: 5, STANDBY: 8 } as const;
const LONGEST_REVERT_S = 65_534;
const VOLTAGE_STEP_V = 0.1;
/** As fine as the register of a SunSpec device: 0.01 %. */
const LIMIT_STEPS_PER_PCT = 100;

export class InverterNodes {
  /** Text of the alarm node. */
  alarm = '';
  /** Name of a node → how good its value is; absent means good. */
  readonly qualities = new Map<string, Quality>();
  readonly #options: InverterNodesOptions;
  #voltages_V: readonly number[];
  #grid_V: (() => readonly number[]) | undefined;
  /** What was written last; read back as it is. */
  readonly #written = { pct: 100, enable: false, revert_s: 0 };
  /** Values at the moment of freezing, and when that was. */
  #frozen: { readonly at_ms: number; readonly values: ReadonlyMap<string, unknown> } | undefined;

  constructor(options: InverterNodesOptions) {
    this.#options = options;
    this.#voltages_V = options.voltages_V;
  }

  setVoltages_V(voltages_V: readonly number[]): void {
    if (voltages_V.length !== this.#voltages_V.length || voltages_V.some((volts) => !(volts >= 0))) {
      throw new RangeError(`${this.#voltages_V.length} voltages are needed, not ${voltages_V.join(', ')}`);
    }
    this.#voltages_V = [...voltages_V];
  }

  followVoltages_V(grid_V: () => readonly number[]): void {
    this.#grid_V = grid_V;
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  /** Frozen, it answers on, but no value and no timestamp changes any more, and writes have no effect. */
  freeze(frozen: boolean): void {
    const values = new Map(this.#shown().map(({ name, get }) => [name, get()]));
    this.#frozen = frozen ? { at_ms: this.#options.now(), values } : undefined;
  }

  addTo(addressSpace: AddressSpace): void {
    const namespace = addressSpace.registerNamespace(NAMESPACE_URI);
    const inverter = namespace.addObject({
      nodeId: 's=Inverter',
      browseName: 'Inverter',
      organizedBy: addressSpace.rootFolder.objects,
    });
    addVariables(namespace, inverter, this.#shown(), {
      answer: (shown) => this.#answer(shown),
      // Frozen, it takes every write and does nothing with it.
      take: (shown, value) => (this.isFrozen ? StatusCodes.Good : shown.set!(value)),
    });
    const argument = (name: string, dataType: DataType) => ({ name, dataType, valueRank: -1 });
    const method = namespace.addMethod(inverter, {
      nodeId: 's=Inverter.SetLimit',
      browseName: 'SetLimit',
      inputArguments: [
        argument('LimitPercent', DataType.Double),
        argument('RevertTime', DataType.UInt32),
        argument('Enable', DataType.Boolean),
      ],
      outputArguments: [],
    });
    method.bindMethod((inputs, _context, done) => {
      const [pct, revert_s, enable] = inputs.map(({ value }) => value as unknown);
      const fits = isPct(pct) && isRevert(revert_s);
      if (fits && !this.isFrozen) {
        Object.assign(this.#written, { pct: rounded(pct), revert_s, enable: enable === true });
        this.#obey();
      }
      done(null, {
        statusCode: fits ? StatusCodes.Good : StatusCodes.BadInvalidArgument,
        outputArguments: [],
      });
    });
  }

  #answer({ name, dataType, get }: Shown): DataValue {
    const frozen = this.#frozen;
    return answerOf(dataType, frozen === undefined ? get() : frozen.values.get(name), {
      at_ms: frozen?.at_ms ?? this.#options.now(),
      quality: this.qualities.get(name) ?? 'Good',
    });
  }

  #shown(): Shown[] {
    const { plate, physics } = this.#options;
    const step_W = powerStep_W(plate.rating_W);
    const inSteps = (value: number, step: number): number =>
      Number((Math.round(value / step) * step).toPrecision(12));
    const written = this.#written;
    const take = (change: Partial<typeof written>): StatusCode => {
      Object.assign(written, { enable: this.#now().enabled }, change);
      this.#obey();
      return StatusCodes.Good;
    };
    return [
      { name: 'Manufacturer', dataType: DataType.LocalizedText, get: () => ({ text: plate.manufacturer }) },
      { name: 'Model', dataType: DataType.LocalizedText, get: () => ({ text: plate.model }) },
      { name: 'SerialNumber', dataType: DataType.String, get: () => plate.serial },
      { name: 'SoftwareRevision', dataType: DataType.String, get: () => plate.version },
      { name: 'ActivePower', dataType: DataType.Double, get: () => inSteps(physics.power_W, step_W) },
      { name: 'AvailablePower', dataType: DataType.Double, get: () => inSteps(physics.available_W, step_W) },
      { name: 'RatedPower', dataType: DataType.Double, get: () => inSteps(physics.wMax_W, step_W) },
      {
        name: 'EnergyTotal',
        dataType: DataType.UInt64,
        get: () => words64(Math.max(1, Math.floor(physics.energy_Wh))),
      },
      { name: 'State', dataType: DataType.Int32, get: () => STATES[physics.state] },
      {
        name: 'Connected',
        dataType: DataType.Boolean,
        get: () => physics.connected,
        set: (value) => {
          physics.advance();
          physics.connected = value === true;
          return StatusCodes.Good;
        },
      },
      ...this.#voltages_V.map((_, i) => ({
        name: `VoltageL${i + 1}`,
        dataType: DataType.Float,
        get: () => inSteps((this.#grid_V?.() ?? this.#voltages_V)[i] ?? 0, VOLTAGE_STEP_V),
      })),
      { name: 'Alarm', dataType: DataType.String, get: () => this.alarm },
      {
        name: 'LimitPercent',
        dataType: DataType.Double,
        get: () => this.#now().pct,
        set: (pct) => (isPct(pct) ? take({ pct: rounded(pct) }) : StatusCodes.BadOutOfRange),
      },
      {
        name: 'LimitRevertTime',
        dataType: DataType.UInt32,
        get: () => written.revert_s,
        set: (revert_s) => (isRevert(revert_s) ? take({ revert_s }) : StatusCodes.BadOutOfRange),
      },
      {
        name: 'LimitEnable',
        dataType: DataType.Boolean,
        get: () => this.#now().enabled,
        set: (enable) => take({ enable: enable === true }),
      },
    ];
  }

  /** The limit as the physics has it: its revert timer may have ended it. */
  #now(): { pct: number; enabled: boolean } {
    const { physics } = this.#options;
    physics.advance();
    return physics.limit;
  }

  /** Takes over what was written. Writing the limit or its timer starts the timer anew. */
  #obey(): void {
    const { physics } = this.#options;
    const { pct, enable, revert_s } = this.#written;
    physics.advance();
    physics.limit = { pct, enabled: enable };
    physics.armRevert(enable ? revert_s : 0);
  }
}

function isPct(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 100;
}

function isRevert(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_REVERT_S;
}

function rounded(pct: number): number {
  return Math.round(pct * LIMIT_STEPS_PER_PCT) / LIMIT_STEPS_PER_PCT;
}

/** UInt64 as the library takes it: [high, low]. */
function words64(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}
