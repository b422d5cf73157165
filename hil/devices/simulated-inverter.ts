/**
 * A PV inverter that is a real SunSpec Modbus TCP server (models 1, 101 or 103, 120-123). It stands where the
 * hardware would: agents speak to it over a socket and cannot tell the difference. Sunlight and grid voltage
 * come from outside; time is market time, looked up whenever somebody asks.
 */
import { InverterPhysics } from './inverter-physics.ts';
import { chainFor, checkWord, inverterModel, type Nameplate, showPresent } from './inverter-registers.ts';
import { ILLEGAL_FUNCTION, ModbusRefusal, NO_SUCH_UNIT, type RegisterDevice } from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';
import { RegisterMap } from './register-map.ts';

/** Ways of real devices that a bench wants to meet. */
export interface Quirks {
  /** Function 16 is answered with exception 1. */
  readonly refusesWriteMultiple?: boolean;
  /** WMaxLimPct_RvrtTms is not implemented. */
  readonly noRevertTimer?: boolean;
  /** WAval is not implemented. */
  readonly noAvailablePower?: boolean;
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
  /** Modbus unit id that it answers to; 1 by default. */
  readonly unit?: number;
  /** Address of the marker; 40000 by default. */
  readonly base?: number;
  /** Ramp, percent of rating a second; 25 by default: the whole range in 4 s. */
  readonly ramp_pct_per_s?: number;
  /** What the revert timer falls back to: a limit in percent of WMax, or null for none (default). */
  readonly revert?: { readonly limit_pct: number } | null;
  /** Energy counter at the start, Wh. */
  readonly lifetime_Wh?: number;
  readonly quirks?: Quirks;
}

const DEFAULT_LIFETIME_WH = 1_000_000;

export class SimulatedInverter {
  readonly faults: Faults;
  /** What clients read and write, for servers on other media (`serve`). */
  readonly registers: RegisterDevice;
  /** Registers written by clients: point name → how often. */
  readonly writes = new Map<string, number>();
  /** Write requests taken. */
  writeTransactions = 0;
  readonly #plate: Nameplate;
  readonly #quirks: Quirks;
  readonly #unit: number;
  readonly #map: RegisterMap;
  readonly #physics: InverterPhysics;
  readonly #server: ModbusServer;
  readonly #now: () => number;
  #voltages_V: number[];
  #shownAt_ms = Number.NaN;
  #offline = false;
  #port = 0;

  constructor(options: SimulatedInverterOptions) {
    const { rating_W, nominal_V, quirks = {}, unit = 1 } = options;
    if (!(rating_W > 0 && rating_W <= 10_000_000)) throw new RangeError(`a rating of ${rating_W} W`);
    const phases = phaseCount(options.phases);
    this.#quirks = quirks;
    this.#unit = unit;
    this.#now = options.now;
    this.#plate = {
      manufacturer: 'fieldbid',
      model: phases === 3 ? 'Simulated PV 3ph' : 'Simulated PV 1ph',
      version: '1.0',
      serial: options.serial,
      rating_W,
      nominal_V,
      nominal_Hz: options.nominal_Hz ?? 60,
      phases,
      hasRevertTimer: quirks.noRevertTimer !== true,
      unit,
    };
    this.#map = new RegisterMap(options.base ?? 40_000, chainFor(this.#plate));
    this.#physics = new InverterPhysics(
      {
        rating_W,
        now: options.now,
        available_W: options.available_W,
        ramp_pct_per_s: options.ramp_pct_per_s ?? 25,
        revertTo_pct: options.revert?.limit_pct ?? null,
      },
      options.lifetime_Wh ?? DEFAULT_LIFETIME_WH,
    );
    this.#voltages_V = Array.from({ length: phases }, () => nominal_V);
    this.registers = {
      isOnline: () => !this.#offline,
      readRegisters: (id, address, count) => this.#read(id, address, count),
      writeRegisters: (id, address, words, code) => this.#write(id, address, words, code),
    };
    this.#server = new ModbusServer(this.registers);
    this.faults = this.#switches();
    this.#show();
  }

  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  async listen(host: string, port: number): Promise<{ port: number }> {
    const bound = await this.#server.listen(host, port);
    this.#port = bound.port;
    return bound;
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
    this.#physics.advance();
    return this.#physics.limit.enabled ? this.#physics.limit.pct : null;
  }

  /** Grid voltage at the terminals, line to neutral, one per phase of the inverter, V. */
  setVoltages_V(voltages_V: readonly number[]): void {
    if (voltages_V.length !== this.#voltages_V.length || voltages_V.some((volts) => !(volts >= 0))) {
      throw new RangeError(`${this.#voltages_V.length} voltages are needed, not ${voltages_V.join(', ')}`);
    }
    this.#voltages_V = [...voltages_V];
    this.#shownAt_ms = Number.NaN;
  }

  /** The same in per unit of its nominal voltage. */
  setVoltages_pu(voltages_pu: readonly number[]): void {
    this.setVoltages_V(voltages_pu.map((pu) => pu * this.#plate.nominal_V));
  }

  /** Model that measures: 101 or 103. */
  get inverterModel(): number {
    return inverterModel(this.#plate);
  }

  #switches(): Faults {
    const inverter = this;
    let frozen = false;
    return {
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

  #read(unit: number, address: number, count: number): number[] {
    this.#checkUnit(unit);
    this.#show();
    return this.#map.read(address, count);
  }

  #write(unit: number, address: number, words: readonly number[], functionCode: 6 | 16): void {
    this.#checkUnit(unit);
    if (functionCode === 16 && this.#quirks.refusesWriteMultiple === true) {
      throw new ModbusRefusal(ILLEGAL_FUNCTION, 'function 16');
    }
    const points = this.#map.writablePoints(address, words.length);
    const changes = points.map((point, i) => {
      const word = words[i] ?? 0;
      checkWord(this.#map, this.#plate, point.modelId, point.definition.name, word);
      return { name: point.definition.name, address: point.address, word };
    });
    this.writeTransactions++;
    for (const { name } of changes) this.writes.set(name, (this.writes.get(name) ?? 0) + 1);
    if (this.faults.frozen) return;
    this.#physics.advance();
    for (const change of changes) this.#map.setWords(change.address, [change.word]);
    this.#obey(changes.map(({ name }) => name));
    this.#shownAt_ms = Number.NaN;
  }

  /** Takes over what the registers say now. Writing the limit or its timer starts the timer anew. */
  #obey(names: readonly string[]): void {
    const map = this.#map;
    const physics = this.#physics;
    physics.connected = map.wordAt(123, 'Conn') === 1;
    physics.wMax_W = map.wordAt(121, 'WMax') * map.step(121, 'WMax');
    if (!names.some((name) => name.startsWith('WMaxLim'))) return;
    const enabled = map.wordAt(123, 'WMaxLim_Ena') === 1;
    physics.limit = { pct: map.wordAt(123, 'WMaxLimPct') * map.step(123, 'WMaxLimPct'), enabled };
    const revert_s = this.#plate.hasRevertTimer ? map.wordAt(123, 'WMaxLimPct_RvrtTms') : 0;
    physics.armRevert(enabled ? revert_s : 0);
  }

  #show(): void {
    const now_ms = this.#now();
    if (this.#shownAt_ms === now_ms || this.faults.frozen) return;
    showPresent(this.#map, this.#plate, this.#physics, this.#voltages_V);
    if (this.#quirks.noAvailablePower === true) this.#map.set(122, 'WAval', null);
    this.#shownAt_ms = now_ms;
  }

  #checkUnit(unit: number): void {
    if (unit !== this.#unit) throw new ModbusRefusal(NO_SUCH_UNIT, `unit ${unit}`);
  }
}

function phaseCount(phases: string): 1 | 3 {
  if (/^[ABC]$/.test(phases)) return 1;
  if (phases === 'ABC') return 3;
  throw new RangeError(`phases ${JSON.stringify(phases)}: A, B, C or ABC`);
}
