/**
 * What the bench does with a grid emulator: looks before it takes over, follows the feeder within limits and in steps,
 * believes only what the emulator measures at its terminals, and walks it back at the end. The voltage's step in the
 * order of things is after the feeder has been solved and before the inverters are read again.
 */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { EmulatorIdentity, EmulatorReading, GridEmulator } from './grid-emulator.ts';
import { nextSetpoint, type Range, rangeOf, setpointFor } from './limits.ts';
import type { EmulatorLimits, EmulatorSection } from './section.ts';
import { type ChannelOutcome, channelOutcomes, type Way } from './verdict.ts';

/** The clock that an emulator's settling goes by. */
export interface Pace {
  /** Epoch ms. */
  now(): number;
  wait(duration_ms: number): Promise<void>;
}

/** Of a physical emulator: it settles by the wall clock, whatever the market's. */
export const REAL_PACE: Pace = {
  now: Date.now,
  wait: (duration_ms) => new Promise((resolve) => setTimeout(resolve, duration_ms)),
};

export interface ControlOptions {
  readonly emulator: GridEmulator;
  readonly section: Pick<EmulatorSection, 'nominal_V' | 'enable' | 'safe'> & {
    readonly limits: EmulatorLimits;
  };
  /** Channels that follow the feeder, from 0, in the order in which voltages are asked for. */
  readonly channels: readonly number[];
  /** What hangs on it, VA; compared with its rating. */
  readonly load_VA?: number;
  readonly pace: Pace;
}

/** How it was left. */
export interface EmulatorLeft {
  /** It is where the scenario wants it to be, as measured. */
  readonly safe: boolean;
  readonly output: EmulatorReading['output'];
  /** By channel that is followed, V; null: it did not say. */
  readonly measured_V: readonly (number | null)[];
  /** A sentence. */
  readonly text: string;
}

/** Looks at the output within the settling time. */
const LOOKS = 20;
/** Of nominal: an output below this is open. */
const OPEN_SHARE = 0.05;
/** Nominal voltages of scenario and emulator may differ by so much. */
const NOMINAL_SHARE = 0.01;

export class EmulatorControl {
  readonly #options: ControlOptions;
  #range: Range | undefined;
  /** Followed last, V by channel. */
  #wanted_V: number[];
  /** What it measured last, V by channel that is followed; null: nothing yet, or it does not say. */
  #measured_V: readonly (number | null)[];
  #last: EmulatorReading | undefined;
  /** Something was written. */
  #touched = false;
  #stopped = false;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#wanted_V = options.channels.map(() => options.section.nominal_V);
    this.#measured_V = options.channels.map(() => null);
  }

  get measured_V(): readonly (number | null)[] {
    return this.#measured_V;
  }

  /** Looks, and writes nothing. @returns why it is not taken over. @throws FieldbidError when it does not answer. */
  async examine(): Promise<string | undefined> {
    const { emulator, section } = this.#options;
    const identity = await emulator.identity();
    const unfit = this.#unfit(identity);
    if (unfit !== undefined) return unfit;
    this.#range = rangeOf(section.limits, section.nominal_V, identity.resolution_V);
    return this.#unready(await this.#read());
  }

  /**
   * Looks at the emulator; with `enable`, and only then, closes its output, at nominal voltage.
   * @returns why it is not taken over; undefined when it is. @throws FieldbidError when it does not answer.
   */
  async takeOver(): Promise<string | undefined> {
    const { section } = this.#options;
    const reason = await this.examine();
    if (reason !== undefined || this.#last?.output === 'on') return reason;
    // Whoever closes the output finds nominal voltage, whatever was set there before.
    const nominal = await this.#write(this.#at(section.nominal_V));
    if (nominal !== undefined) return nominal;
    return section.enable ? this.#close() : undefined;
  }

  /**
   * Follows the feeder for one step. What is not finite keeps the channel's last voltage.
   * @param asked_pu by channel that is followed. @returns what became of it, by channel; never throws a FieldbidError.
   */
  async follow(asked_pu: readonly (number | undefined)[]): Promise<ChannelOutcome[]> {
    const { section, channels } = this.#options;
    const known = channels.map((_, i) => (Number.isFinite(asked_pu[i]) ? asked_pu[i] : undefined));
    const about = {
      ...{ asked_pu: known, limits: section.limits, nominal_V: section.nominal_V },
    };
    let way: Way = { sent_V: channels.map(() => null), measured_V: channels.map(() => null) };
    const progress = (found: Way): void => {
      way = found;
    };
    try {
      if (this.#range === undefined) {
        const reason = await this.takeOver();
        if (reason !== undefined) return channelOutcomes(about, { ...way, refused: reason });
      }
      const range = this.#range!;
      this.#wanted_V = known.map((pu, i) =>
        pu === undefined
          ? (this.#wanted_V[i] ?? section.nominal_V)
          : setpointFor(pu * section.nominal_V, range),
      );
      const refused = await this.#walk(this.#wanted_V, progress);
      return channelOutcomes(about, { ...way, ...refused });
    } catch (error) {
      if (!(error instanceof FieldbidError)) throw error;
      this.#measured_V = channels.map(() => null);
      // Its identity is looked at again when it is back: another one may stand there then.
      this.#range = undefined;
      return channelOutcomes(about, { ...way, measured_V: this.#measured_V, lost: error });
    }
  }

  /** Something was written: it would not be as it was found. */
  get touched(): boolean {
    return this.#touched;
  }

  /** What is under way ends before its next write; `leave` is what may come then. */
  stop(): void {
    this.#stopped = true;
  }

  /** A sign of life for its watchdog. @throws FieldbidError when there was no answer. */
  async refresh(): Promise<void> {
    if (this.#touched) await this.#options.emulator.refresh();
  }

  /** Walks it back to its safe state, as far as it goes; never throws a FieldbidError. */
  async leave(): Promise<EmulatorLeft> {
    const { section, channels, emulator } = this.#options;
    this.#stopped = false;
    if (!this.#touched) return { ...(await this.#seen()), safe: true, text: 'as it was found' };
    try {
      const refused = await this.#walk(this.#at(section.nominal_V), () => {});
      if (refused.refused === undefined && refused.off !== true && section.safe === 'off') {
        const answer = await emulator.setOutput(false);
        if (answer.outcome === 'refused')
          return { ...(await this.#seen()), safe: false, text: answer.reason };
        await this.#until(({ measured_V }) => measured_V.every((volts) => this.#isOpen(volts)));
      }
      const seen = await this.#seen();
      const { nominal_V, limits } = section;
      const near = (volts: number | null): boolean =>
        volts !== null && Math.abs(volts - nominal_V) <= limits.tolerance_pu * nominal_V;
      const open = seen.output === 'off' && seen.measured_V.every((volts) => this.#isOpen(volts));
      const safe = open || (section.safe === 'nominal' && seen.measured_V.every(near));
      const because = refused.refused ?? (safe ? undefined : 'it does not follow');
      return { ...seen, safe, text: because ?? (open ? 'with its output open' : 'at nominal voltage') };
    } catch (error) {
      if (!(error instanceof FieldbidError)) throw error;
      const measured_V = channels.map(() => null);
      return { safe: false, output: null, measured_V, text: `it could not be reached: ${messageOf(error)}` };
    }
  }

  /**
   * Step by step to the goal, each confirmed by what the output measures.
   * @returns why it ended before; nothing when it arrived. @throws FieldbidError when there was no answer.
   */
  async #walk(
    goal_V: readonly number[],
    progress: (way: Way) => void,
  ): Promise<Pick<Way, 'refused' | 'off' | 'echo_V'>> {
    const { channels, emulator, section } = this.#options;
    const range =
      this.#range ?? rangeOf(section.limits, section.nominal_V, (await emulator.identity()).resolution_V);
    const tolerance_V = section.limits.tolerance_pu * section.nominal_V;
    let reading = await this.#read();
    let sent_V: readonly (number | null)[] = channels.map(() => null);
    for (;;) {
      progress({ sent_V, measured_V: this.#measured_V });
      const reason = this.#stopped ? 'the run was being ended' : this.#unready(reading);
      if (reason !== undefined) return { refused: reason };
      if (reading.output === 'off') {
        // Whoever closes it finds nominal voltage, and not what the feeder had when it was opened.
        const refused = await this.#write(this.#at(section.nominal_V));
        return refused === undefined ? { off: true } : { refused };
      }
      const from_V = this.#measured_V.map((volts) => volts ?? Number.NaN);
      if (from_V.some(Number.isNaN)) return { refused: 'it does not say what it delivers; nothing was set' };
      const next_V = goal_V.map((goal, i) => nextSetpoint(from_V[i]!, goal, range));
      const refused = await this.#write(next_V);
      if (refused !== undefined) return { refused };
      sent_V = next_V;
      const arrived = ({ measured_V }: { measured_V: readonly (number | null)[] }): boolean =>
        measured_V.every((volts, i) => volts !== null && Math.abs(volts - next_V[i]!) <= tolerance_V);
      const found = await this.#until(arrived);
      progress({ sent_V, measured_V: this.#measured_V });
      if (found === undefined) {
        if (this.#last?.output === 'off') return { off: true };
        return { echo_V: channels.map((channel) => this.#last?.channels[channel]?.setpoint_V ?? null) };
      }
      reading = found;
      if (this.#unready(reading) !== undefined) continue;
      if (next_V.every((volts, i) => volts === goal_V[i])) return {};
    }
  }

  /** Looks until it is so, or the settling time is over. */
  async #until(
    wanted: (seen: { measured_V: readonly (number | null)[] }) => boolean,
  ): Promise<EmulatorReading | undefined> {
    const { pace, section } = this.#options;
    const look_ms = (section.limits.settle_s * 1000) / LOOKS;
    for (let look = 1; look <= LOOKS && !this.#stopped; look++) {
      await pace.wait(look_ms);
      const reading = await this.#read();
      if (wanted({ measured_V: this.#measured_V })) return reading;
      if (this.#unready(reading) !== undefined) return reading;
    }
    return undefined;
  }

  async #read(): Promise<EmulatorReading> {
    const reading = await this.#options.emulator.read();
    this.#last = reading;
    this.#measured_V = this.#options.channels.map((channel) => reading.channels[channel]?.measured_V ?? null);
    return reading;
  }

  /** @returns why it was refused. */
  async #write(voltages_V: readonly number[]): Promise<string | undefined> {
    const { emulator, channels } = this.#options;
    const all: (number | null)[] = Array.from({ length: Math.max(...channels) + 1 }, () => null);
    for (const [i, channel] of channels.entries()) all[channel] = voltages_V[i] ?? null;
    const answer = await emulator.setVoltages(all);
    if (answer.outcome === 'refused') return answer.reason;
    this.#touched = true;
    return undefined;
  }

  #at(voltage_V: number): number[] {
    return this.#options.channels.map(() =>
      this.#range === undefined ? voltage_V : setpointFor(voltage_V, this.#range),
    );
  }

  async #close(): Promise<string | undefined> {
    const { emulator, section } = this.#options;
    const answer = await emulator.setOutput(true);
    if (answer.outcome === 'refused') return answer.reason;
    const tolerance_V = section.limits.tolerance_pu * section.nominal_V;
    const seen = await this.#until(({ measured_V }) =>
      measured_V.every((volts) => volts !== null && Math.abs(volts - section.nominal_V) <= tolerance_V),
    );
    if (seen !== undefined) return this.#unready(seen);
    const found = this.#measured_V.map((volts) => volts?.toFixed(1) ?? '–').join(', ');
    await emulator.setOutput(false);
    return `its output was closed, delivered ${found} V where ${section.nominal_V} V were set, and was opened again`;
  }

  async #seen(): Promise<Pick<EmulatorLeft, 'output' | 'measured_V'>> {
    try {
      const { output } = await this.#read();
      return { output, measured_V: this.#measured_V };
    } catch (error) {
      if (!(error instanceof FieldbidError)) throw error;
      return { output: null, measured_V: this.#options.channels.map(() => null) };
    }
  }

  #isOpen(volts: number | null): boolean {
    return volts !== null && volts <= OPEN_SHARE * this.#options.section.nominal_V;
  }

  /** Why the emulator is not one for this scenario. */
  #unfit({ nominal_V, highest_V, rating_VA, channels: has }: EmulatorIdentity): string | undefined {
    const { section, channels, load_VA } = this.#options;
    const most_V = section.limits.high_pu * section.nominal_V;
    if (nominal_V === null || Math.abs(nominal_V - section.nominal_V) > NOMINAL_SHARE * section.nominal_V) {
      return `its nominal voltage is ${nominal_V ?? 'not said'} V, the scenario's ${section.nominal_V} V`;
    }
    if (highest_V === null || highest_V < most_V) {
      return `it goes up to ${highest_V ?? 'an unknown number of'} V, the limits up to ${most_V.toFixed(1)} V`;
    }
    if (rating_VA !== null && load_VA !== undefined && rating_VA < load_VA) {
      return `its rating is ${rating_VA} VA, what hangs on it has ${load_VA} VA`;
    }
    const missing = channels.find((channel) => channel >= has);
    return missing === undefined
      ? undefined
      : `it has ${has} channels, and channel ${missing + 1} is asked for`;
  }

  /** Why it is left alone for now. */
  #unready({ alarm, control, output }: EmulatorReading): string | undefined {
    if (alarm !== null) return `it has an alarm: ${alarm}`;
    if (control === 'local') return 'it is in local mode: somebody works at its front panel';
    if (output === null) return 'it does not say whether its output is closed';
    if (output === 'off') return undefined;
    const { limits, nominal_V } = this.#options.section;
    const low_V = (limits.low_pu - limits.tolerance_pu) * nominal_V;
    const high_V = (limits.high_pu + limits.tolerance_pu) * nominal_V;
    const said = this.#measured_V.filter((volts) => volts !== null);
    const outside = said.find((volts) => volts < low_V || volts > high_V);
    if (outside === undefined) return undefined;
    return `it delivers ${outside.toFixed(1)} V, outside of ${limits.low_pu} to ${limits.high_pu} pu`;
  }
}
