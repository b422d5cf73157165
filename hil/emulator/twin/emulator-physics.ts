/**
 * How a simulated grid emulator behaves: its output follows setpoints at a slew rate, it measures with a small error of
 * its own, it falls back to nominal when its watchdog is not refreshed, and trips on a setpoint beyond its range. Computed
 * when somebody looks, never by timers, so market time may run at any speed.
 */

export interface EmulatorPhysicsOptions {
  /** Phase to neutral, V. */
  readonly nominal_V: number;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Highest setpoint, V; 1.3 times nominal by default. */
  readonly highest_V?: number;
  /** Apparent power, VA. */
  readonly rating_VA?: number;
  /** 100 V/s by default: slow beside real ones, so that it shows. */
  readonly slew_V_per_s?: number;
  /** 60 s by default. */
  readonly watchdog_s?: number;
  /** As whoever set it up has left it; closed by default. */
  readonly output?: 'on' | 'off';
  /** Setpoints come into force by a write of their own. */
  readonly needsApply?: boolean;
}

/** Things that go wrong, switched on and off while it runs. */
export interface EmulatorFaults {
  /** Connections are dropped and not accepted. */
  offline: boolean;
  /** Takes setpoints, reads them back, and its output stays. */
  ignoresSetpoints: boolean;
  /** Answers, but nothing that it shows changes any more, and writes have no effect. */
  frozen: boolean;
  /** Every write is answered with an error. */
  refusesWrites: boolean;
}

export const ALARMS = { none: 0, setpointBeyondRange: 1 } as const;

export const CHANNELS = 3;
/** Registers of 16 bits count hundredths of a volt. */
export const MOST_NOMINAL_V = 480;
const HIGHEST_SHARE = 1.3;
const SLEW_V_PER_S = 100;
const RATING_VA = 1_000_000;
const WATCHDOG_S = 60;
/** What each channel's meter reads beside the truth, share of the voltage. */
const METER_ERRORS = [0.0004, -0.0003, 0.0002];

export class EmulatorPhysics {
  readonly nominal_V: number;
  readonly highest_V: number;
  readonly rating_VA: number;
  readonly watchdog_s: number;
  readonly needsApply: boolean;
  /** Obeys setpoints: false is the fault "echoes and ignores". */
  obeys = true;
  /** Its front panel has it: what comes over the wire is refused. */
  local = false;
  #alarm: number = ALARMS.none;
  readonly #now: () => number;
  readonly #slew_V_per_s: number;
  /** As written, in force, and delivered behind the contactor, V. */
  readonly #written_V: number[];
  readonly #target_V: number[];
  readonly #inside_V: number[];
  #on: boolean;
  #t_ms: number;
  #expires_ms = Number.POSITIVE_INFINITY;
  /** The watchdog has acted since the last setpoint. */
  #fellBack = false;

  constructor(options: EmulatorPhysicsOptions) {
    const { nominal_V } = options;
    if (!(nominal_V > 0 && nominal_V <= MOST_NOMINAL_V))
      throw new RangeError(`a nominal voltage of ${nominal_V} V`);
    this.nominal_V = nominal_V;
    this.highest_V = options.highest_V ?? HIGHEST_SHARE * nominal_V;
    this.rating_VA = options.rating_VA ?? RATING_VA;
    this.watchdog_s = options.watchdog_s ?? WATCHDOG_S;
    this.needsApply = options.needsApply ?? false;
    this.#now = options.now;
    this.#slew_V_per_s = options.slew_V_per_s ?? SLEW_V_PER_S;
    const nominal = (): number[] => Array.from({ length: CHANNELS }, () => nominal_V);
    this.#written_V = nominal();
    this.#target_V = nominal();
    this.#inside_V = nominal();
    this.#on = options.output !== 'off';
    this.#t_ms = options.now();
  }

  get alarm(): number {
    return this.#alarm;
  }

  get on(): boolean {
    return this.#on;
  }

  get fellBack(): boolean {
    this.#advance();
    return this.#fellBack;
  }

  /** Read back as written, V. */
  setpoint_V(channel: number): number {
    this.#advance();
    return this.#written_V[channel] ?? 0;
  }

  /** What stands at its terminals, V by channel. */
  output_V(): number[] {
    this.#advance();
    return this.#inside_V.map((volts) => (this.#on ? volts : 0));
  }

  /** The same as its own meter reads it. */
  measured_V(channel: number): number {
    return (this.output_V()[channel] ?? 0) * (1 + (METER_ERRORS[channel] ?? 0));
  }

  /** @returns false, and trips, when it is beyond the range: alarm, output open. */
  set(channel: number, volts: number): boolean {
    this.#advance();
    if (!(volts >= 0 && volts <= this.highest_V)) {
      this.#alarm = ALARMS.setpointBeyondRange;
      this.#on = false;
      return false;
    }
    this.#written_V[channel] = volts;
    if (!this.needsApply) this.apply();
    return true;
  }

  /** Setpoints come into force. */
  apply(): void {
    this.#advance();
    if (this.obeys) for (const [i, volts] of this.#written_V.entries()) this.#target_V[i] = volts;
    // Behind an open contactor there is nothing to spare.
    if (!this.#on) for (const [i, volts] of this.#target_V.entries()) this.#inside_V[i] = volts;
    this.#fellBack = false;
    this.heard();
  }

  switchOutput(on: boolean): void {
    this.#advance();
    this.#on = on && this.#alarm === ALARMS.none;
  }

  /** A sign of life: without another in time it falls back to nominal. */
  heard(): void {
    this.#advance();
    this.#expires_ms = this.#t_ms + this.watchdog_s * 1000;
  }

  /** As the button on the front panel does. */
  clearAlarm(): void {
    this.#alarm = ALARMS.none;
  }

  /** Brings output and watchdog up to now. */
  #advance(): void {
    const now_ms = this.#now();
    if (this.#expires_ms <= now_ms) {
      this.#slewTo(this.#expires_ms);
      this.#expires_ms = Number.POSITIVE_INFINITY;
      this.#fellBack = true;
      for (const values of [this.#written_V, this.#target_V]) values.fill(this.nominal_V);
    }
    this.#slewTo(now_ms);
  }

  #slewTo(t_ms: number): void {
    if (t_ms <= this.#t_ms) return;
    const most_V = ((t_ms - this.#t_ms) / 1000) * this.#slew_V_per_s;
    for (const [i, target] of this.#target_V.entries()) {
      const missing = target - this.#inside_V[i]!;
      this.#inside_V[i] =
        Math.abs(missing) <= most_V ? target : this.#inside_V[i]! + Math.sign(missing) * most_V;
    }
    this.#t_ms = t_ms;
  }
}
