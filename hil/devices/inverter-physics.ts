/**
 * How a simulated PV inverter behaves: it follows its limit on a ramp, its revert timer runs out, its energy
 * counter integrates. Computed when somebody looks (`advance`), never by timers, so market time may run at any
 * speed.
 */

/** Simulated inverters of the bench stand behind their own transformer, 480 V line to line: line to neutral, V. */
export const INVERTER_NOMINAL_V = 277.13;

export type InverterState = 'OFF' | 'SLEEPING' | 'MPPT' | 'THROTTLED' | 'STANDBY';

export interface PhysicsOptions {
  /** Nameplate, W. */
  readonly rating_W: number;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** What the sun allows at a market time, W. */
  readonly available_W: (t_ms: number) => number;
  /** Speed of the ramp, percent of rating a second. */
  readonly ramp_pct_per_s: number;
  /** Limit after the revert timer has run out, percent of WMax; null: no limit. */
  readonly revertTo_pct: number | null;
  /** A limit at or below `below_pct` puts it to standby; once lifted it takes `restart_s` to come back. */
  readonly standby?: { readonly below_pct: number; readonly restart_s: number };
  /** Energy of a battery behind it, and its state of charge at the start. */
  readonly battery?: { readonly capacity_Wh: number; readonly soc_pct: number };
}

/** Longest step of the integration, market ms. */
const STEP_MS = 60_000;
/** After a longer pause the energy of what lies before is taken from one step. */
const MOST_STEPS = 3000;
/** Below this an inverter sleeps, share of rating. */
const SLEEP_SHARE = 0.0005;

export class InverterPhysics {
  readonly #options: PhysicsOptions;
  /** What was commanded. */
  limit = { pct: 100, enabled: false };
  connected = true;
  /** WMax setting, W. */
  wMax_W: number;
  /** Obeys commands: false is the fault "echoes and ignores". */
  obeys = true;
  /** What the revert timer falls back to, percent of WMax; null: no limit. */
  revertTo_pct: number | null;
  /** Power that it was told to deliver, W; null: what the sun gives. */
  setPoint_W: number | null = null;
  /** What a set point falls back to, W; null: none, what the sun gives. */
  revertSetPoint_W: number | null = null;
  #standbyUntil_ms = Number.NEGATIVE_INFINITY;
  #stored_Wh: number | null;
  #t_ms: number;
  #power_W: number;
  #energy_Wh: number;
  #revertAt_ms = Number.POSITIVE_INFINITY;
  /** When the silence of its controller has lasted too long; a timer of its own beside that of the command. */
  #silentAt_ms = Number.POSITIVE_INFINITY;

  constructor(options: PhysicsOptions, lifetime_Wh: number) {
    this.#options = options;
    this.wMax_W = options.rating_W;
    this.revertTo_pct = options.revertTo_pct;
    const { battery } = options;
    this.#stored_Wh = battery === undefined ? null : (battery.soc_pct / 100) * battery.capacity_Wh;
    this.#t_ms = options.now();
    this.#energy_Wh = lifetime_Wh;
    this.#power_W = this.#target_W(this.#t_ms);
  }

  /** AC power at the terminals, W. */
  get power_W(): number {
    this.advance();
    return this.#power_W;
  }

  /** Energy delivered since it was built, Wh. */
  get energy_Wh(): number {
    this.advance();
    return this.#energy_Wh;
  }

  /** Limit in force now, percent of WMax; null when none. */
  get limitInForce_pct(): number | null {
    this.advance();
    return this.limit.enabled ? this.limit.pct : null;
  }

  /** What it could deliver now, W. */
  get available_W(): number {
    return this.#available_W(this.#options.now());
  }

  /** Market time, epoch ms. */
  get now_ms(): number {
    return this.#options.now();
  }

  /** State of charge of its battery, percent; null without one. */
  get soc_pct(): number | null {
    this.advance();
    const { battery } = this.#options;
    return battery === undefined || this.#stored_Wh === null
      ? null
      : (100 * this.#stored_Wh) / battery.capacity_Wh;
  }

  /** A sign of life: without another within the time it drops what it was told. */
  heardController(timeout_s: number): void {
    this.advance();
    this.#silentAt_ms = this.#t_ms + timeout_s * 1000;
  }

  /** Seconds until the limit reverts; 0 when no timer runs. */
  get revertLeft_s(): number {
    this.advance();
    return Number.isFinite(this.#revertAt_ms) ? (this.#revertAt_ms - this.#t_ms) / 1000 : 0;
  }

  get state(): InverterState {
    this.advance();
    if ((!this.connected || this.#inStandby(this.#t_ms)) && this.obeys) return 'STANDBY';
    if (this.available_W <= SLEEP_SHARE * this.#options.rating_W) return 'SLEEPING';
    return this.#ceiling_W() < this.available_W ? 'THROTTLED' : 'MPPT';
  }

  /** Starts the revert timer anew, or stops it with 0. */
  armRevert(seconds: number): void {
    this.advance();
    this.#revertAt_ms = seconds > 0 ? this.#t_ms + seconds * 1000 : Number.POSITIVE_INFINITY;
  }

  /** Brings power, timer and energy up to now. */
  advance(): void {
    const now_ms = this.#options.now();
    if (now_ms - this.#t_ms > MOST_STEPS * STEP_MS) this.#step(now_ms - MOST_STEPS * STEP_MS);
    while (this.#t_ms < now_ms) {
      const ends_ms = Math.min(this.#revertAt_ms, this.#silentAt_ms);
      this.#step(Math.min(now_ms, this.#t_ms + STEP_MS, ends_ms));
      if (this.#t_ms >= ends_ms) this.#revert();
    }
  }

  #step(to_ms: number): void {
    const seconds = (to_ms - this.#t_ms) / 1000;
    const from_W = this.#power_W;
    const target_W = this.#target_W(to_ms);
    const ramp_W_per_s = (this.#options.ramp_pct_per_s / 100) * this.#options.rating_W;
    const ramp_s = Math.min(seconds, Math.abs(target_W - from_W) / ramp_W_per_s);
    const reached_W = from_W + Math.sign(target_W - from_W) * ramp_W_per_s * ramp_s;
    this.#power_W = ramp_s < seconds ? target_W : reached_W;
    const delivered_Wh = (((from_W + this.#power_W) / 2) * ramp_s + target_W * (seconds - ramp_s)) / 3600;
    this.#energy_Wh += delivered_Wh;
    if (this.#stored_Wh !== null) this.#stored_Wh = Math.max(0, this.#stored_Wh - delivered_Wh);
    this.#t_ms = to_ms;
  }

  #revert(): void {
    const { revertTo_pct } = this;
    this.#revertAt_ms = Number.POSITIVE_INFINITY;
    this.#silentAt_ms = Number.POSITIVE_INFINITY;
    if (this.setPoint_W !== null) this.setPoint_W = this.revertSetPoint_W;
    if (!this.limit.enabled) return;
    this.limit =
      revertTo_pct === null ? { ...this.limit, enabled: false } : { pct: revertTo_pct, enabled: true };
  }

  /** Whether a limit is too low to go on with; from its end the restart takes its time. */
  #inStandby(t_ms: number): boolean {
    const { standby } = this.#options;
    if (standby === undefined) return false;
    const low = this.limit.enabled && this.limit.pct <= standby.below_pct;
    if (low) this.#standbyUntil_ms = t_ms + standby.restart_s * 1000;
    return low || t_ms < this.#standbyUntil_ms;
  }

  #target_W(t_ms: number): number {
    if (this.obeys && this.#inStandby(t_ms)) return 0;
    const most_W = Math.min(this.#available_W(t_ms), this.#ceiling_W());
    return this.setPoint_W === null || !this.obeys ? most_W : Math.min(this.setPoint_W, most_W);
  }

  #available_W(t_ms: number): number {
    const empty = this.#stored_Wh === 0;
    return empty ? 0 : Math.min(this.#options.rating_W, Math.max(0, this.#options.available_W(t_ms)));
  }

  #ceiling_W(): number {
    if (!this.obeys) return this.#options.rating_W;
    if (!this.connected) return 0;
    const limit_W = this.limit.enabled ? (this.limit.pct / 100) * this.wMax_W : Number.POSITIVE_INFINITY;
    return Math.min(this.wMax_W, limit_W);
  }
}
