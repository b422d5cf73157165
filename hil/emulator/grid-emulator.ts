/**
 * Port: a grid emulator, the programmable AC source that a physical inverter's terminals hang on. It is told voltages
 * and says what it delivers; who decides what it is told, and whether it has obeyed, is the control (control.ts).
 * Voltages are phase to neutral, RMS, V, one per channel. Angles are the emulator's own: 120 degrees apart.
 */

export interface EmulatorIdentity {
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  /** Name of the mapping that it is read by. */
  readonly mapping: string;
  /** Voltage that it is meant for, V; null: it does not say. */
  readonly nominal_V: number | null;
  /** Highest voltage that it takes as a setpoint, V. */
  readonly highest_V: number | null;
  /** Apparent power that it can source or sink, VA. */
  readonly rating_VA: number | null;
  readonly channels: number;
  /** It falls back by itself after so long without a refresh, s; null: it has no watchdog. */
  readonly watchdog_s: number | null;
  /** Smallest step of a setpoint, V. */
  readonly resolution_V: number;
}

export interface EmulatorReading {
  /** Epoch ms. */
  readonly readAt_ms: number;
  /** null where it does not say. */
  readonly output: 'on' | 'off' | null;
  /** `local`: its front panel has it, and what comes over the wire is not obeyed. */
  readonly control: 'remote' | 'local' | null;
  /** What is wrong with it, in its own words; null: nothing, or it does not say. */
  readonly alarm: string | null;
  readonly channels: readonly {
    /** What its setpoint reads back: an echo, never a proof. */
    readonly setpoint_V: number | null;
    /** What it measures at its terminals. */
    readonly measured_V: number | null;
  }[];
}

export interface EmulatorRefused {
  readonly outcome: 'refused';
  readonly reason: string;
}

export interface EmulatorWritten {
  readonly outcome: 'written';
}

/** Voltages by channel, V; null: this channel is left as it is. */
export type ChannelVoltages = readonly (number | null)[];

export interface GridEmulator {
  /** As people know it: its endpoint. */
  readonly name: string;
  /** @throws FieldbidError when it does not answer; InputError when the mapping does not fit it. */
  identity(): Promise<EmulatorIdentity>;
  /** Everything that it shows, of one moment. @throws as `identity`. */
  read(): Promise<EmulatorReading>;
  /**
   * Writes setpoints, all at once where the device takes that.
   * @throws RangeError for what is no voltage; FieldbidError when there was no answer.
   */
  setVoltages(voltages_V: ChannelVoltages): Promise<EmulatorWritten | EmulatorRefused>;
  /** Closes or opens its output. @throws FieldbidError when there was no answer. */
  setOutput(on: boolean): Promise<EmulatorWritten | EmulatorRefused>;
  /** A sign of life for its watchdog; nothing where it has none. @throws FieldbidError when there was no answer. */
  refresh(): Promise<EmulatorWritten | EmulatorRefused>;
  /** What `setVoltages` would write, a line for each register or node; nothing is written. */
  planned(voltages_V: ChannelVoltages): readonly string[];
  close(): Promise<void>;
}
