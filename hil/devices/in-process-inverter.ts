/**
 * A simulated inverter without registers and sockets: the same physics (inverter-physics.ts), spoken to by calls. For
 * runs with more devices than a machine has sockets for; everything else uses the real servers.
 */
import type {
  DerDevice,
  DerIdentity,
  DerReading,
  LimitCommand,
  LimitState,
  LimitWritten,
  OperatingState,
  Released,
} from '@fieldbid/edge-agent/device/der-device';
import { ModbusError } from '@fieldbid/edge-agent/drivers/modbus/errors';
import { InverterPhysics, type InverterState } from './inverter-physics.ts';
import type { Faults, SimulatedInverterOptions } from './simulated-inverter.ts';

/** As fine as the register of a SunSpec device with two decimals. */
const STEP_PCT = 0.01;
const RAMP_PCT_PER_S = 25;
const LIFETIME_WH = 1_000_000;

const STATES: Readonly<Record<InverterState, OperatingState>> = {
  OFF: 'off',
  SLEEPING: 'sleeping',
  MPPT: 'mppt',
  THROTTLED: 'throttled',
  STANDBY: 'standby',
};

export class InProcessInverter implements DerDevice {
  readonly faults: Faults;
  /** Commands taken. */
  writeTransactions = 0;
  readonly #options: SimulatedInverterOptions;
  readonly #physics: InverterPhysics;
  #voltages_V: number[];
  #grid_V: (() => readonly number[]) | undefined;
  #revert_s = 0;
  #frozen: DerReading | undefined;

  constructor(options: SimulatedInverterOptions) {
    const { rating_W, now, available_W, ramp_pct_per_s = RAMP_PCT_PER_S, revert } = options;
    this.#options = options;
    this.#physics = new InverterPhysics(
      { rating_W, now, available_W, ramp_pct_per_s, revertTo_pct: revert?.limit_pct ?? null },
      options.lifetime_Wh ?? LIFETIME_WH,
    );
    this.#voltages_V = [...options.phases].map(() => options.nominal_V);
    const physics = this.#physics;
    const image = () => this.#image();
    const hold = (frozen: DerReading | undefined) => {
      this.#frozen = frozen;
    };
    const isFrozen = () => this.#frozen !== undefined;
    this.faults = {
      offline: false,
      get ignoreLimit() {
        return !physics.obeys;
      },
      set ignoreLimit(ignore) {
        physics.advance();
        physics.obeys = !ignore;
      },
      get frozen() {
        return isFrozen();
      },
      set frozen(frozen) {
        hold(frozen ? image() : undefined);
      },
    };
  }

  /** None: nothing listens. */
  get port(): number {
    return 0;
  }

  terminalPower_W(): number {
    return this.#physics.power_W;
  }

  energy_Wh(): number {
    return this.#physics.energy_Wh;
  }

  limitInForce_pct(): number | null {
    return this.#physics.limitInForce_pct;
  }

  setVoltages_pu(voltages_pu: readonly number[]): void {
    this.#voltages_V = voltages_pu.map((pu) => pu * this.#options.nominal_V);
  }

  /** Takes its voltage, V, from what stands before its terminals whenever somebody looks. */
  followVoltages_V(grid_V: () => readonly number[]): void {
    this.#grid_V = grid_V;
  }

  async identity(): Promise<DerIdentity> {
    this.#requireOnline();
    return {
      ...{ manufacturer: 'fieldbid', model: 'In-process PV', serial: this.#options.serial, version: '1.0' },
      ...{ measurement: 'in process', control: 'in process', profile: 'in-process', hasRevertTimer: true },
      deadMan: { kind: 'revert-timer', timeout_s: null, safeState: 'uncontrolled' },
      warnings: [],
    };
  }

  async read(): Promise<DerReading> {
    this.#requireOnline();
    return this.#frozen ?? this.#image();
  }

  async applyLimit({ limit_W, revert_s }: LimitCommand): Promise<LimitWritten> {
    if (!(limit_W >= 0 && Number.isFinite(limit_W))) throw new RangeError(`a limit of ${limit_W} W`);
    this.#requireOnline();
    const pct = Math.min(100, Math.floor((100 * limit_W) / this.#physics.wMax_W / STEP_PCT) * STEP_PCT);
    this.writeTransactions++;
    if (this.#frozen === undefined) {
      this.#physics.advance();
      this.#physics.limit = { pct, enabled: true };
      this.#revert_s = revert_s;
      this.#physics.armRevert(revert_s);
    }
    const readBack = this.#frozen?.limit ?? this.#limit();
    return {
      ...{ outcome: 'written', commanded_pct: pct, step_pct: STEP_PCT, raisedToFloor: false, readBack },
      echoes: readBack.enabled && Math.abs(readBack.pct - pct) < STEP_PCT / 2,
    };
  }

  async release(): Promise<Released> {
    this.#requireOnline();
    this.writeTransactions++;
    this.#physics.advance();
    this.#physics.limit = { pct: 100, enabled: false };
    this.#physics.armRevert(0);
    return { outcome: 'released', readBack: this.#limit() };
  }

  async close(): Promise<void> {}

  #image(): DerReading {
    const { now, rating_W } = this.#options;
    const physics = this.#physics;
    return {
      ...{ readAt_ms: now(), power_W: physics.power_W, available_W: physics.available_W, rating_W },
      ...{ limit: this.#limit(), connected: physics.connected, state: STATES[physics.state] },
      ...{
        voltages_V: this.#grid_V?.() ?? this.#voltages_V,
        energy_Wh: Math.floor(physics.energy_Wh),
        raw: [],
      },
    };
  }

  #limit(): LimitState {
    this.#physics.advance();
    return { ...this.#physics.limit, revert_s: this.#revert_s };
  }

  #requireOnline(): void {
    if (!this.faults.offline) return;
    throw new ModbusError('MODBUS_CONNECTION', `${this.#options.serial} is off`);
  }
}
