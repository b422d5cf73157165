/**
 * How a simulated PV inverter behaves: it follows its limit on a ramp, its revert timer runs out, its energy
 * counter integrates. Computed when somebody looks (`advance`), never by timers, so market time may run at any
 * speed.
 */

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
  #t_ms: number;
  #power_W: number;
  #energy_Wh: number;
  #revertAt_ms = Number.POSITIVE_INFINITY;

  constructor(options: PhysicsOptions, lifetime_Wh: number) {
    this.#options = options;
    this.wMax_W = options.rating_W;
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

  /** What it could deliver now, W. */
  get available_W(): number {
    return this.#available_W(this.#options.now());
  }

  /** Seconds until the limit reverts; 0 when no timer runs. */
  get revertLeft_s(): number {
    this.advance();
    return Number.isFinite(this.#revertAt_ms) ? (this.#revertAt_ms - this.#t_ms) / 1000 : 0;
  }

  get state(): InverterState {
    this.advance();
    if (!this.connected && this.obeys) return 'STANDBY';
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
      this.#step(Math.min(now_ms, this.#t_ms + STEP_MS, this.#revertAt_ms));
      if (this.#t_ms >= this.#revertAt_ms) this.#revert();
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
    this.#energy_Wh += (((from_W + this.#power_W) / 2) * ramp_s + target_W * (seconds - ramp_s)) / 3600;
    this.#t_ms = to_ms;
  }

  #revert(): void {
    const { revertTo_pct } = this.#options;
    this.#revertAt_ms = Number.POSITIVE_INFINITY;
    this.limit =
      revertTo_pct === null ? { ...this.limit, enabled: false } : { pct: revertTo_pct, enabled: true };
  }

  #target_W(t_ms: number): number {
    return Math.min(this.#available_W(t_ms), this.#ceiling_W());
  }

  #available_W(t_ms: number): number {
    return Math.min(this.#options.rating_W, Math.max(0, this.#options.available_W(t_ms)));
  }

  #ceiling_W(): number {
    if (!this.obeys) return this.#options.rating_W;
    if (!this.connected) return 0;
    const limit_W = this.limit.enabled ? (this.limit.pct / 100) * this.wMax_W : Number.POSITIVE_INFINITY;
    return Math.min(this.wMax_W, limit_W);
  }
}
