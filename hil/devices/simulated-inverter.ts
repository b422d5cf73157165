/**
 * A simulated DER that is a real Modbus device: a SunSpec PV inverter by default, or the twin of another family
 * (twins/families.ts). It stands where the hardware would: agents speak to it over a socket and cannot tell the
 * difference. Sunlight and grid voltage come from outside; time is market time, looked up whenever somebody asks.
 */
import { FaultyLine } from '../faults/line.ts';
import { InverterPhysics } from './inverter-physics.ts';
import {
  ILLEGAL_FUNCTION,
  ILLEGAL_VALUE,
  ModbusRefusal,
  NO_SUCH_UNIT,
  type RegisterDevice,
} from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';
import { FAMILIES, type FamilyName, type FamilyOptions, type TwinFamily } from './twins/families.ts';
import { Front } from './twins/front.ts';
import { measurementModel } from './twins/models-1xx.ts';
import { type Nameplate, powerExponent } from './twins/part.ts';

/** Ways of real devices that a bench wants to meet; a family has its own beside these (a scenario's `quirks`). */
export interface Quirks {
  /** Function 6, or function 16, is answered with exception 1. */
  readonly refusesWriteSingle?: boolean;
  readonly refusesWriteMultiple?: boolean;
  /** WMaxLimPct_RvrtTms and the other timing registers are not implemented. */
  readonly noRevertTimer?: boolean;
  /** WAval is not implemented. */
  readonly noAvailablePower?: boolean;
  /** Obeys, and reads back a limit of 0 % and "disconnected" whatever it does. */
  readonly readsBackZero?: boolean;
  /** WMaxLim_Ena takes a 1 and stays 0: limits never come into force. */
  readonly enableStuck?: boolean;
  /** Scale factors of power and limit move every minute. */
  readonly movingScales?: boolean;
  /** A limit at or below `below_pct` ends in standby, and its end in a restart of `restart_s`. */
  readonly standby?: { readonly below_pct: number; readonly restart_s: number };
  /** At night the measured points are "not implemented". */
  readonly nightSentinels?: boolean;
}

/** Things that go wrong, switched on and off while it runs. */
export interface Faults {
  /** Connections are dropped and not accepted. */
  offline: boolean;
  /** Takes limits, reads them back, and delivers what the sun gives. */
  ignoreLimit: boolean;
  /** Answers, but nothing in the registers changes any more, writes included. */
  frozen: boolean;
}

/** The same, and what only registers can do. */
export interface RegisterFaults extends Faults {
  /** Every register reads 0xFFFF, as after a nightly reset of some devices. */
  noise: boolean;
}

export interface SimulatedInverterOptions {
  readonly serial: string;
  /** One letter for a single-phase inverter, `ABC` for a three-phase one. */
  readonly phases: string;
  /** Nameplate, W. */
  readonly rating_W: number;
  /** Line to neutral, V. */
  readonly nominal_V: number;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** PV power before any limit, W, at a market time. */
  readonly available_W: (t_ms: number) => number;
  readonly nominal_Hz?: number;
  /** Which family's registers and ways it has; a plain SunSpec inverter by default. */
  readonly family?: FamilyName;
  /** Modbus unit id that it answers to; the family's by default, mostly 1. */
  readonly unit?: number;
  /** Address of the marker; the family's by default, mostly 40000. */
  readonly base?: number;
  /** Ramp, percent of rating a second; 25 by default: the whole range in 4 s. */
  readonly ramp_pct_per_s?: number;
  /** What the revert timer falls back to: a limit in percent of WMax, or null for none (default). */
  readonly revert?: { readonly limit_pct: number } | null;
  /** Time-out of its own for silence, s; the family's by default. */
  readonly watchdog_s?: number;
  /** Energy counter at the start, Wh. */
  readonly lifetime_Wh?: number;
  readonly quirks?: Quirks;
}

const DEFAULT_LIFETIME_WH = 1_000_000;

export class SimulatedInverter {
  readonly faults: RegisterFaults;
  /** What befalls its answers on their way (Modbus TCP). */
  readonly line: FaultyLine;
  /** What clients read and write, for servers on other media (`serve`). */
  readonly registers: RegisterDevice;
  /** Registers written by clients: point name → how often. */
  readonly writes = new Map<string, number>();
  /** Write requests taken. */
  writeTransactions = 0;
  readonly #options: SimulatedInverterOptions;
  readonly #quirks: Quirks;
  readonly #unit: number;
  readonly #physics: InverterPhysics;
  readonly #server: ModbusServer;
  readonly #now: () => number;
  #family: TwinFamily;
  #plate: Nameplate;
  #front: Front;
  #voltages_V: number[];
  #grid_V: (() => readonly number[]) | undefined;
  #shownAt_ms = Number.NaN;
  #offline = false;
  #port = 0;

  constructor(options: SimulatedInverterOptions) {
    const { rating_W, nominal_V, quirks = {} } = options;
    if (!(rating_W > 0 && rating_W <= 10_000_000)) throw new RangeError(`a rating of ${rating_W} W`);
    const phases = phaseCount(options.phases);
    this.#options = options;
    this.#quirks = quirks;
    this.#now = options.now;
    this.#family = FAMILIES[options.family ?? 'generic-1xx'];
    this.#unit = options.unit ?? this.#family.unit;
    this.#plate = plateOf(this.#family, options, phases, this.#unit);
    this.#front = this.#makeFront();
    const { storage_h } = this.#family;
    const standby = quirks.standby ?? this.#family.standby;
    this.#physics = new InverterPhysics(
      {
        rating_W,
        now: options.now,
        available_W: options.available_W,
        ramp_pct_per_s: options.ramp_pct_per_s ?? 25,
        revertTo_pct: options.revert?.limit_pct ?? null,
        ...(standby === undefined ? {} : { standby }),
        ...(storage_h === undefined ? {} : { battery: { capacity_Wh: storage_h * rating_W, soc_pct: 80 } }),
      },
      options.lifetime_Wh ?? DEFAULT_LIFETIME_WH,
    );
    this.#voltages_V = Array.from({ length: phases }, () => nominal_V);
    this.registers = {
      isOnline: () => !this.#offline,
      readRegisters: (id, address, count, code) => this.#read(id, address, count, code),
      writeRegisters: (id, address, words, code) => this.#write(id, address, words, code),
    };
    this.line = new FaultyLine(options.now);
    this.#server = new ModbusServer(this.registers, 'tcp', (body) => this.line.strike(body));
    this.faults = this.#switches();
    this.#show();
  }

  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  async listen(host: string, port: number): Promise<{ port: number }> {
    const bound = await this.#server.listen(host, port);
    this.#port = bound.port;
    return bound;
  }

  /** Modbus unit id that it answers to. */
  get unit(): number {
    return this.#unit;
  }

  /** The TCP port that it answers on; 0 before `listen`. */
  get port(): number {
    return this.#port;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** True AC power now, W, injection positive: what a meter at the terminals would see. */
  terminalPower_W(): number {
    return this.#physics.power_W;
  }

  /** True lifetime energy, Wh. */
  energy_Wh(): number {
    return this.#physics.energy_Wh;
  }

  /** Limit in force now, percent of WMax; null when none. */
  limitInForce_pct(): number | null {
    return this.#physics.limitInForce_pct;
  }

  /** Grid voltage at the terminals, line to neutral, one per phase of the inverter, V. */
  setVoltages_V(voltages_V: readonly number[]): void {
    if (voltages_V.length !== this.#voltages_V.length || voltages_V.some((volts) => !(volts >= 0))) {
      throw new RangeError(`${this.#voltages_V.length} voltages are needed, not ${voltages_V.join(', ')}`);
    }
    this.#voltages_V = [...voltages_V];
    this.#shownAt_ms = Number.NaN;
  }

  /** Takes its voltage, V, from what stands before its terminals whenever somebody looks, and no longer from those set. */
  followVoltages_V(grid_V: () => readonly number[]): void {
    this.#grid_V = grid_V;
    this.#shownAt_ms = Number.NaN;
  }

  /** The same in per unit of its nominal voltage. */
  setVoltages_pu(voltages_pu: readonly number[]): void {
    this.setVoltages_V(voltages_pu.map((pu) => pu * this.#plate.nominal_V));
  }

  /** Model that measures a plain SunSpec inverter: 101 or 103. */
  get inverterModel(): number {
    return measurementModel(this.#plate);
  }

  /** Changes its registers to another family's while it runs, as a switch between integers and floats does. */
  become(family: FamilyName): void {
    this.#family = FAMILIES[family];
    this.#plate = plateOf(this.#family, this.#options, this.#plate.phases, this.#unit);
    this.#front = this.#makeFront();
    this.#shownAt_ms = Number.NaN;
  }

  #makeFront(): Front {
    const { noAvailablePower, noRevertTimer, readsBackZero, enableStuck } = this.#quirks;
    const control: FamilyOptions['control'] = {
      ...(noRevertTimer === true ? { timers: false } : {}),
      ...(readsBackZero === true ? { readsBack: 'zero and disconnected' as const } : {}),
      ...(enableStuck === true ? { enableStuck } : {}),
    };
    const made = this.#family.front(this.#plate, { available: noAvailablePower !== true, control });
    return new Front({ base: this.#options.base ?? this.#family.base, ...made });
  }

  #switches(): RegisterFaults {
    const inverter = this;
    let frozen = false;
    return {
      noise: false,
      get offline() {
        return inverter.#offline;
      },
      set offline(offline) {
        inverter.#offline = offline;
        if (offline) inverter.#server.dropClients();
      },
      get ignoreLimit() {
        return !inverter.#physics.obeys;
      },
      set ignoreLimit(ignore) {
        inverter.#physics.advance();
        inverter.#physics.obeys = !ignore;
        inverter.#shownAt_ms = Number.NaN;
      },
      get frozen() {
        return frozen;
      },
      set frozen(value) {
        inverter.#show();
        frozen = value;
        inverter.#shownAt_ms = Number.NaN;
      },
    };
  }

  #read(unit: number, address: number, count: number, functionCode: 3 | 4): readonly number[] {
    this.#checkUnit(unit);
    const { maxRead = 125 } = this.#family;
    if (count > maxRead) throw new ModbusRefusal(ILLEGAL_VALUE, `${count} registers`);
    this.#heard();
    this.#show();
    const words = this.#front.read(functionCode === 3 ? 'holding' : 'input', address, count);
    return this.faults.noise ? words.map(() => 0xffff) : words;
  }

  #write(unit: number, address: number, words: readonly number[], functionCode: 6 | 16): void {
    this.#checkUnit(unit);
    const { refusesWriteSingle, refusesWriteMultiple } = this.#quirks;
    const refused = functionCode === 6 ? refusesWriteSingle : refusesWriteMultiple;
    if (refused === true || this.#family.refuses?.includes(functionCode) === true) {
      throw new ModbusRefusal(ILLEGAL_FUNCTION, `function ${functionCode}`);
    }
    this.#heard();
    this.#physics.advance();
    const names = this.#front.write(address, words, !this.faults.frozen);
    this.writeTransactions++;
    for (const name of names) this.writes.set(name, (this.writes.get(name) ?? 0) + 1);
    if (this.faults.frozen) return;
    this.#front.obey(names, this.#physics);
    this.#shownAt_ms = Number.NaN;
  }

  /** A device with a watchdog of its own takes any request as a sign of life. */
  #heard(): void {
    const watchdog_s = this.#options.watchdog_s ?? this.#family.watchdog_s;
    if (watchdog_s !== undefined) this.#physics.heardController(watchdog_s);
  }

  #show(): void {
    const now_ms = this.#now();
    // What stands before its terminals may change while time stands still: a contactor takes none.
    const isCurrent = this.#shownAt_ms === now_ms && this.#grid_V === undefined;
    if (isCurrent || this.faults.frozen) return;
    if (this.#grid_V !== undefined) this.setVoltages_V(this.#grid_V());
    if (this.#quirks.movingScales === true) this.#moveScales(now_ms);
    this.#front.show({ plate: this.#plate, physics: this.#physics, voltages_V: this.#voltages_V });
    const asleep = this.#quirks.nightSentinels === true && this.#physics.state === 'SLEEPING';
    if (asleep) this.#front.map?.blank(this.inverterModel);
    this.#shownAt_ms = now_ms;
  }

  #moveScales(now_ms: number): void {
    const step = Math.floor(now_ms / 60_000) % 2;
    this.#front.map?.setExponent(this.inverterModel, 'W_SF', powerExponent(this.#plate.rating_W) + step);
    this.#front.map?.setExponent(123, 'WMaxLimPct_SF', -2 + step);
  }

  #checkUnit(unit: number): void {
    if (unit !== this.#unit) throw new ModbusRefusal(NO_SUCH_UNIT, `unit ${unit}`);
  }
}

function plateOf(
  family: TwinFamily,
  { serial, rating_W, nominal_V, nominal_Hz = 60 }: SimulatedInverterOptions,
  phases: 1 | 3,
  unit: number,
): Nameplate {
  const { manufacturer, model } = family;
  const own = { manufacturer, model: `${model} ${phases}ph`, version: '1.0', serial, unit, phases };
  return { ...own, rating_W, nominal_V, nominal_Hz };
}

function phaseCount(phases: string): 1 | 3 {
  if (/^[ABC]$/.test(phases)) return 1;
  if (phases === 'ABC') return 3;
  throw new RangeError(`phases ${JSON.stringify(phases)}: A, B, C or ABC`);
}
