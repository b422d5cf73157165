/**
 * A PV inverter that is a real OPC UA server: encrypted, with a certificate of its own and a user. The same physics
 * as the SunSpec one (inverter-physics.ts), measured with the same resolution; sunlight and grid voltage come from
 * outside, time is market time.
 */
import { InverterPhysics } from '../inverter-physics.ts';
import type { Faults } from '../simulated-inverter.ts';
import { InverterNodes } from './inverter-nodes.ts';
import { SimulatedServer } from './simulated-server.ts';

export interface SimulatedOpcUaInverterOptions {
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
  /** Where its certificate and key lie, and those of clients; made on first use. */
  readonly pkiFolder: string;
  /** Who may enter; anybody when absent. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Ramp, percent of rating a second; 25 by default. */
  readonly ramp_pct_per_s?: number;
  /** Energy counter at the start, Wh. */
  readonly lifetime_Wh?: number;
}

export const RESOURCE_PATH = '/inverter';
const DEFAULT_LIFETIME_WH = 1_000_000;

export class SimulatedOpcUaInverter {
  readonly faults: Faults;
  /** Write and Call requests that were taken. */
  writeTransactions = 0;
  /** When the last of them was answered, market epoch ms. */
  lastWriteAt_ms = Number.NEGATIVE_INFINITY;
  readonly #options: SimulatedOpcUaInverterOptions;
  readonly #physics: InverterPhysics;
  readonly #nodes: InverterNodes;
  readonly #server: SimulatedServer;

  constructor(options: SimulatedOpcUaInverterOptions) {
    const { rating_W, nominal_V, phases } = options;
    if (!(rating_W > 0 && rating_W <= 10_000_000)) throw new RangeError(`a rating of ${rating_W} W`);
    if (!/^([ABC]|ABC)$/.test(phases)) throw new RangeError(`phases ${phases}: A, B, C or ABC`);
    this.#options = options;
    this.#physics = new InverterPhysics(
      {
        rating_W,
        now: options.now,
        available_W: options.available_W,
        ramp_pct_per_s: options.ramp_pct_per_s ?? 25,
        revertTo_pct: null,
      },
      options.lifetime_Wh ?? DEFAULT_LIFETIME_WH,
    );
    this.#nodes = new InverterNodes({
      plate: {
        manufacturer: 'fieldbid',
        model: phases.length === 3 ? 'Simulated PV 3ph' : 'Simulated PV 1ph',
        version: '1.0',
        serial: options.serial,
        rating_W,
      },
      physics: this.#physics,
      voltages_V: Array.from(phases, () => nominal_V),
      now: options.now,
    });
    const { pkiFolder, user } = options;
    this.#server = new SimulatedServer({
      resourcePath: RESOURCE_PATH,
      name: 'fieldbid simulated inverter',
      pkiFolder,
      ...(user === undefined ? {} : { user }),
      addNodes: (addressSpace) => this.#nodes.addTo(addressSpace),
      onTaken: () => {
        this.writeTransactions++;
        this.lastWriteAt_ms = options.now();
      },
    });
    this.faults = this.#switches();
  }

  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  listen(host: string, port: number): Promise<{ port: number; endpoint: string }> {
    return this.#server.listen(host, port);
  }

  /** The TCP port that it answers on; 0 before `listen`. */
  get port(): number {
    return this.#server.port;
  }

  /** PEM: what a client's owner trusts. */
  get certificateFile(): string {
    return this.#server.certificateFile;
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

  /** Limit in force now, percent of the rating; null when none. */
  limitInForce_pct(): number | null {
    return this.#physics.limitInForce_pct;
  }

  /** Grid voltage at the terminals in per unit of nominal, one per phase. */
  setVoltages_pu(voltages_pu: readonly number[]): void {
    this.#nodes.setVoltages_V(voltages_pu.map((pu) => pu * this.#options.nominal_V));
  }

  /** Takes its voltage, V, from what stands before its terminals whenever somebody looks. */
  followVoltages_V(grid_V: () => readonly number[]): void {
    this.#nodes.followVoltages_V(grid_V);
  }

  /** Text of its alarm node. */
  setAlarm(text: string): void {
    this.#nodes.alarm = text;
  }

  /** How good a node's value is from now on: `ActivePower`, `Uncertain`. */
  setQuality(node: string, quality: 'Good' | 'Uncertain' | 'Bad'): void {
    this.#nodes.qualities.set(node, quality);
  }

  /** Loses its clients' subscriptions without a word, as a server with a full memory may. */
  forgetSubscriptions(): void {
    this.#server.forgetSubscriptions();
  }

  #switches(): Faults {
    const inverter = this;
    return {
      get offline() {
        return inverter.#server.offline;
      },
      set offline(offline) {
        inverter.#server.offline = offline;
      },
      get ignoreLimit() {
        return !inverter.#physics.obeys;
      },
      set ignoreLimit(ignore) {
        inverter.#physics.advance();
        inverter.#physics.obeys = !ignore;
      },
      get frozen() {
        return inverter.#nodes.isFrozen;
      },
      set frozen(frozen) {
        inverter.#nodes.freeze(frozen);
      },
    };
  }
}
