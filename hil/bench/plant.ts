/**
 * The bench's stand-in for the real feeder: every minute the power flow is solved with the actual loads and
 * the power at the inverters' terminals, and the voltages go back to the inverters. What the market believes
 * does not enter here.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { isSolved, type PowerFlow } from '@fieldbid/dso/power-flow/power-flow';
import type { MinuteRecord, PacedStep, Pacing } from '../recorder/run-record.ts';
import type { Pace } from './pace.ts';

/** What stands at a DER's bus: a simulated inverter, or a physical one known by its agent's measurements. */
export interface PlantDevice {
  readonly derId: string;
  /** Active power at the terminals now, W, injection positive. */
  terminalPower_W(): number;
  /** What it could deliver now without a limit, W. */
  available_W(): number;
  /** The feeder's voltages at its terminals, pu of nominal, one per phase of the device. */
  setVoltages_pu(voltages_pu: readonly number[]): void;
}

/** Between terminals and feeder, where devices and plant do not share a program: what HELICS carries. */
export interface TerminalLink {
  /** The devices as the feeder sees them. */
  readonly devices: readonly PlantDevice[];
  /** Resolves when the powers of this instant have arrived. */
  gather(): Promise<void>;
  /** Sends the voltages of all nodes, pu, in the order of the model's; undefined: the feeder could not be solved. */
  spread(voltages_pu: readonly number[] | undefined): Promise<void>;
}

export interface PlantOptions {
  readonly time: TimeSource;
  readonly powerFlow: PowerFlow;
  readonly devices: readonly PlantDevice[];
  /** Absent: the devices are looked at directly. */
  readonly link?: Pick<TerminalLink, 'gather' | 'spread'>;
  /** Where each DER is connected: `node.phase` of each phase, in the device's order. */
  readonly connections: ReadonlyMap<string, readonly string[]>;
  /** Actual factor on each load's model value at market time `t_ms`. */
  readonly loadFactors: (t_ms: number) => Readonly<Record<string, number>>;
  /** First and one past the last instant of the day, epoch ms. */
  readonly start_ms: number;
  readonly end_ms: number;
  readonly step_ms: number;
  readonly offset_ms: number;
  /** The wall clock, where market time goes by it; absent on a clock that waits for the work. */
  readonly pace?: Pace;
  readonly onMinute: (minute: MinuteRecord) => void | Promise<void>;
  readonly log: Logger;
}

/** A step that begins later than this share of a step behind its time is an overrun: its voltages are of the past. */
const LATEST_SHARE = 0.5;

export class Plant {
  readonly #options: PlantOptions;
  readonly #index: ReadonlyMap<string, number>;
  readonly #steps: PacedStep[] = [];

  constructor(options: PlantOptions) {
    this.#options = options;
    this.#index = new Map(options.powerFlow.description.nodePhases.map((name, i) => [name, i]));
  }

  /** How well the feeder has kept up with its clock so far: always, on a clock that waits for it. */
  get pacing(): Pacing {
    const { pace, step_ms } = this.#options;
    return { step_ms: pace === undefined ? null : step_ms / pace.speed, steps: [...this.#steps] };
  }

  /** Runs to the end of the day, or until its clock is closed. */
  async run(): Promise<void> {
    const { time, start_ms, end_ms, step_ms, offset_ms, pace } = this.#options;
    try {
      for (let step = start_ms; step < end_ms; step += step_ms) {
        const at_ms = step + offset_ms;
        await time.requestTime(at_ms);
        const late_ms = pace === undefined ? 0 : Math.max(0, pace.now() - at_ms);
        const began = performance.now();
        await this.#solve(at_ms);
        this.#pace(at_ms, late_ms, performance.now() - began);
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    } finally {
      time.close();
    }
  }

  /** @param late_ms market time. @param work_ms real time. */
  #pace(at_ms: number, late_ms: number, work_ms: number): void {
    const { pace, step_ms, log } = this.#options;
    const overran =
      pace !== undefined && (late_ms > LATEST_SHARE * step_ms || late_ms + work_ms * pace.speed > step_ms);
    const step = { at_ms, late_ms: late_ms / (pace?.speed ?? 1), work_ms, overran };
    if (overran) log.warn(step, 'the feeder is behind its clock');
    this.#steps.push(step);
  }

  async #solve(at_ms: number): Promise<void> {
    const { devices, link, powerFlow, loadFactors, onMinute, log } = this.#options;
    await link?.gather();
    const power_W = devices.map((device) => device.terminalPower_W());
    const available_W = devices.map((device) => device.available_W());
    const record = { at_ms, power_W, available_W };
    let failure: string;
    try {
      const result = await powerFlow.solve({
        loadFactors: loadFactors(at_ms),
        derPower_W: Object.fromEntries(devices.map(({ derId }, i) => [derId, power_W[i] ?? 0])),
      });
      if (isSolved(result)) {
        this.#giveBack(result.magnitude_pu);
        await link?.spread(result.magnitude_pu);
        await onMinute({ ...record, voltages_pu: result.magnitude_pu });
        return;
      }
      failure = `${result.failure}: ${result.reason}`;
    } catch (error) {
      failure = messageOf(error);
    }
    log.error({ at_ms, failure }, 'the feeder could not be solved; the inverters keep their voltages');
    await link?.spread(undefined);
    await onMinute({ ...record, voltages_pu: [], failure });
  }

  #giveBack(magnitude_pu: readonly number[]): void {
    for (const device of this.#options.devices) {
      const connection = this.#options.connections.get(device.derId) ?? [];
      device.setVoltages_pu(connection.map((name) => magnitude_pu[this.#index.get(name) ?? -1] ?? 1));
    }
  }
}
