/**
 * One grid emulator through a day: a millisecond after each power flow it is told the voltages at its DER's bus, and
 * before the next one minute after that it has proved them or not. Its own participant of the clock: what it waits for is
 * market time where it is simulated, and real time where it is not.
 */
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { EmulatorRecord, EmulatorStep, MinuteRecord } from '../recorder/run-record.ts';
import type { EmulatorControl, EmulatorLeft } from './control.ts';
import type { EmulatorTwin } from './twin/emulator-twin.ts';

export interface BenchEmulatorOptions {
  readonly name: string;
  readonly derId: string;
  readonly device: string;
  readonly nominal_V: number;
  readonly control: EmulatorControl;
  readonly twin?: EmulatorTwin;
  /** `node.phase` that each channel follows, and where it stands in a minute's voltages. */
  readonly outputs: readonly { readonly node: string; readonly index: number }[];
  readonly time: TimeSource;
  /** Instants of the power flows, epoch ms. */
  readonly instants_ms: readonly number[];
  readonly refresh_ms: number;
  readonly log: Logger;
  readonly say: (line: string) => void;
}

/** After the power flow; no agent reads an inverter at such an instant. */
const AFTER_MS = 1;

export class BenchEmulator {
  readonly #options: BenchEmulatorOptions;
  readonly #steps: EmulatorStep[] = [];
  readonly #minutes = new Map<number, MinuteRecord>();
  #arrived: () => void = () => {};
  #ended = false;
  #taken = false;
  #troubled = false;
  #running: Promise<void> | undefined;
  #left: Promise<EmulatorLeft> | undefined;
  #record: EmulatorLeft | null = null;

  constructor(options: BenchEmulatorOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get twin(): EmulatorTwin | undefined {
    return this.#options.twin;
  }

  get record(): EmulatorRecord {
    const { name, derId, device, nominal_V, outputs } = this.#options;
    return {
      ...{ name, derId, device, nominal_V, left: this.#record, steps: this.#steps },
      outputs: outputs.map(({ node }) => node),
    };
  }

  /** @throws FieldbidError `EMULATOR_NOT_TAKEN_OVER` with the reason; what its driver throws. */
  async takeOver(): Promise<void> {
    const { control, name, device } = this.#options;
    const reason = await control.takeOver();
    if (reason !== undefined) {
      throw new FieldbidError('EMULATOR_NOT_TAKEN_OVER', `grid emulator ${name} (${device}): ${reason}`);
    }
    this.#taken = true;
  }

  /** A power flow is over. */
  take(minute: MinuteRecord): void {
    this.#minutes.set(minute.at_ms, minute);
    this.#arrived();
  }

  /** No power flow comes any more. */
  end(): void {
    this.#ended = true;
    this.#arrived();
  }

  /** Follows the feeder to the end of the day, and leaves. @throws as `takeOver`. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /**
   * The run is over before its time. A physical emulator is walked back by the wall clock; a simulated one ends with the
   * run. Never throws a FieldbidError; nothing after a run that has come to its end.
   */
  async breakOff(): Promise<void> {
    const { control, time, twin, name, say } = this.#options;
    if (this.#left !== undefined) return void (await this.#left);
    control.stop();
    this.end();
    time.close();
    await this.#running?.catch(() => {});
    if (twin !== undefined || !control.touched) return;
    const left = await this.#leave();
    say(`grid emulator ${name}: ${leftText(left)}`);
  }

  async #run(): Promise<void> {
    const { instants_ms, time } = this.#options;
    try {
      if (!this.#taken) await this.takeOver();
      for (const at_ms of instants_ms) {
        await this.#until(at_ms + AFTER_MS);
        const minute = await this.#minute(at_ms);
        if (minute === undefined) return;
        await this.#follow(minute);
      }
      await this.#leave();
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    } finally {
      time.close();
    }
  }

  async #follow(minute: MinuteRecord): Promise<void> {
    const { control, outputs } = this.#options;
    const { at_ms, voltages_pu } = minute;
    const found = await control.follow(outputs.map(({ index }) => voltages_pu[index]));
    this.#steps.push(...found.map((one, i) => ({ at_ms, output: outputs[i]?.node ?? '', ...one })));
    this.#tell(at_ms, found);
  }

  /** Once for each spell of trouble. */
  #tell(at_ms: number, found: readonly { verdict: string; note: string }[]): void {
    const { log, name, say } = this.#options;
    const trouble = found.find(({ verdict }) => verdict !== 'verified');
    if (trouble !== undefined && !this.#troubled) {
      const text = `grid emulator ${name}: ${trouble.verdict} at ${new Date(at_ms).toISOString().slice(11, 16)}: ${trouble.note}`;
      log.warn({ emulator: name, at_ms }, text);
      say(`${text}; the day goes on, and it is told again with every power flow`);
    }
    if (trouble === undefined && this.#troubled)
      log.info({ emulator: name, at_ms }, 'the emulator follows again');
    this.#troubled = trouble !== undefined;
  }

  /** Waits for a time, with signs of life to its watchdog meanwhile. */
  async #until(t_ms: number): Promise<void> {
    const { control, log, name, refresh_ms, time } = this.#options;
    for (;;) {
      const next_ms = Math.floor(time.now() / 1000) * 1000 + refresh_ms + AFTER_MS;
      if (!control.touched || next_ms >= t_ms) break;
      await time.requestTime(next_ms);
      // The next voltage records what is wrong.
      await control.refresh().catch((error: unknown) => {
        log.debug({ emulator: name, code: codeOf(error) }, `no sign of life was taken: ${messageOf(error)}`);
      });
    }
    await time.requestTime(t_ms);
  }

  async #minute(at_ms: number): Promise<MinuteRecord | undefined> {
    for (;;) {
      const minute = this.#minutes.get(at_ms);
      if (minute !== undefined || this.#ended) {
        this.#minutes.delete(at_ms);
        return minute;
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  async #leave(): Promise<EmulatorLeft> {
    this.#left ??= this.#options.control.leave();
    this.#record = await this.#left;
    return this.#record;
  }
}

/** One sentence for people. */
export function leftText({ measured_V, output, safe, text }: EmulatorLeft): string {
  const volts = measured_V.map((one) => one?.toFixed(1) ?? '–').join(', ');
  return `left ${safe ? '' : 'NOT safe: '}${text}, output ${output ?? 'unknown'}, measured ${volts} V`;
}
