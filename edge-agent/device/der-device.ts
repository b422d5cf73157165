/**
 * Port: one DER's device, as the agent sees it (steps 1, 11, 12). Injection is positive. Behind it: SunSpec and
 * other register maps over Modbus, and OPC UA. Every implementation passes `conformance.ts`.
 *
 * All methods throw a FieldbidError when the device cannot be asked (`retryable` says whether trying again can
 * help); what the device answers, refusals included, is returned.
 */

export interface DerIdentity {
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly version: string | null;
  /** What measures and what controls, in the device's own terms: `SunSpec 103`, `SunSpec 123`. */
  readonly measurement: string;
  readonly control: string | null;
  /** Device profile in use. */
  readonly profile: string;
  /** Whether the device drops a limit by itself when nobody repeats the command. */
  readonly hasRevertTimer: boolean;
  /** What ends a limit when the agent, its machine or the link dies. */
  readonly deadMan: DeadMan;
  /** What a person should know before handing over control. */
  readonly warnings: readonly string[];
}

export type OperatingState =
  | 'off'
  | 'sleeping'
  | 'starting'
  | 'mppt'
  | 'throttled'
  | 'shutting-down'
  | 'fault'
  | 'standby';

export interface LimitState {
  /** Percent of WMax, as the register says. */
  readonly pct: number;
  readonly enabled: boolean;
  /** Seconds until the device drops the limit by itself, as written; 0 never; null not implemented. */
  readonly revert_s: number | null;
}

/**
 * What brings a device to its safe state when nobody commands it any more. `revert-timer`: armed by every command.
 * `heartbeat`: a counter that the agent keeps moving. `watchdog`: the device's own time-out, set at commissioning.
 * `none`: a limit stays for ever.
 */
export interface DeadMan {
  readonly kind: 'revert-timer' | 'heartbeat' | 'watchdog' | 'none';
  /** Seconds of silence after which the device acts; null: as commanded (`revert-timer`), or never (`none`). */
  readonly timeout_s: number | null;
  /** What it then does. */
  readonly safeState: 'uncontrolled' | 'limited' | 'off';
}

/** State of a battery behind the device. Null: the device does not say. */
export interface StorageState {
  /** State of charge, percent. */
  readonly soc_pct: number | null;
  readonly capacity_Wh: number | null;
  /** Energy that could be delivered now, Wh. */
  readonly available_Wh: number | null;
}

/** One request's answer, for dumps and disputes. */
export interface RawRead {
  /** Holding registers (function 3) when left out. */
  readonly table?: 'holding' | 'input';
  readonly address: number;
  readonly words: readonly number[];
  /** Market time, epoch ms. */
  readonly readAt_ms: number;
}

/** One consistent image of the device. Null: the device does not say. */
export interface DerReading {
  /** Market time when the image was complete, epoch ms. */
  readonly readAt_ms: number;
  /** Active power at the terminals, W. */
  readonly power_W: number | null;
  /** Power it could deliver now without a limit, W. */
  readonly available_W: number | null;
  /** What a limit of 100 % means: the WMax setting, else the nameplate, W. */
  readonly rating_W: number | null;
  readonly limit: LimitState | null;
  /** Connected to the grid, as commanded; null without that control. */
  readonly connected: boolean | null;
  readonly state: OperatingState | null;
  /** Line to neutral, one per phase that the device has, V. */
  readonly voltages_V: readonly (number | null)[];
  /** Lifetime energy delivered, Wh. */
  readonly energy_Wh: number | null;
  /** Null or absent: no storage. */
  readonly storage?: StorageState | null;
  readonly raw: readonly RawRead[];
}

export interface LimitCommand {
  /** At most this active power, W, >= 0. */
  readonly limit_W: number;
  /** The device drops the limit by itself after so many seconds unless the command is repeated. */
  readonly revert_s: number;
}

export interface LimitWritten {
  readonly outcome: 'written';
  /** As commanded, percent of WMax: rounded down to the register's step, so never above the limit. */
  readonly commanded_pct: number;
  /** Smallest step of the limit register, percent. */
  readonly step_pct: number;
  /** The device delivers what it is told, not at most that: a battery's set point. */
  readonly setPoint?: boolean;
  /** The profile's floor held the limit above what was asked. */
  readonly raisedToFloor: boolean;
  /** The registers after the write; an echo, never a proof. Null when they could not be read. */
  readonly readBack: LimitState | null;
  /** Whether the read-back is what was commanded, within half a step. */
  readonly echoes: boolean;
}

export interface DeviceRefused {
  readonly outcome: 'refused';
  readonly code:
    | 'NO_CONTROL'
    | 'NO_RATING'
    /** Nothing would end the limit if the agent died. */
    | 'NO_REVERT_TIMER'
    /** A setting in flash is not as it must be: it is written once, at commissioning, by a person's word. */
    | 'NEEDS_PREPARATION'
    /** A register has been written as often today as is good for it. */
    | 'WEAR_BUDGET'
    /** The device answered with an exception. */
    | 'DEVICE_EXCEPTION';
  /** A sentence. */
  readonly reason: string;
}

export interface Released {
  readonly outcome: 'released';
  readonly readBack: LimitState | null;
}

/** A point that operation may write, and between which values. */
export interface AnnouncedWrite {
  /** Each limit, its end, a sign of life, or once before operation, by a person's word (`edge prepare`). */
  readonly occasion: 'limit' | 'release' | 'heartbeat' | 'preparation';
  /** In the device's own terms: `123.WMaxLimPct`, an OPC UA node or a method's argument. */
  readonly point: string;
  /** First register, counted from 0; absent where the device has none (OPC UA). */
  readonly register?: number;
  /** Function codes: the first, or the next where the device refuses it; absent for OPC UA. */
  readonly functions?: readonly number[];
  /** As it goes over the wire, under the scale factor of now: registers, or the node's value. */
  readonly raw: { readonly least: readonly number[]; readonly most: readonly number[] };
  /** The same in `unit`. */
  readonly least: number;
  readonly most: number;
  readonly unit: '%' | 'W' | 's' | '';
}

/** Everything that operation may write to a device, found by planning its least and its largest limit. */
export interface Announcement {
  readonly outcome: 'announced';
  /** What limits it, in its own terms. */
  readonly control: string;
  /** What 100 % means, W. */
  readonly base_W: number;
  /** It is never told less, percent. */
  readonly least_pct: number;
  readonly writes: readonly AnnouncedWrite[];
}

export interface DerDevice {
  /** Connects if needed and says what the device is. */
  identity(): Promise<DerIdentity>;
  /** A fresh image, never from a cache. */
  read(): Promise<DerReading>;
  /**
   * Limits active power. One write transaction; repeating the command re-arms the revert timer.
   * @throws RangeError for a negative or non-finite limit (a bug of the caller).
   */
  applyLimit(command: LimitCommand): Promise<LimitWritten | DeviceRefused>;
  /** Lifts the limit: the device runs by its own default. */
  release(): Promise<Released | DeviceRefused>;
  /**
   * Dry run: all that commands with this revert time, s, may write from now on. Nothing is written. Absent where no
   * hardware can be behind the device.
   */
  announced?(revert_s: number): Promise<Announcement | DeviceRefused>;
  /** Tells the device that its controller is alive; due once a second where `deadMan` is a heartbeat. */
  heartbeat?(): Promise<void>;
  /** Ends the connection; the device keeps what it was told until its revert timer ends. */
  close(): Promise<void>;
}
