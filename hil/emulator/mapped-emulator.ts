/** A grid emulator behind a mapping file, whatever protocol its points are read and written by. */
import type {
  ChannelVoltages,
  EmulatorIdentity,
  EmulatorReading,
  EmulatorRefused,
  EmulatorWritten,
  GridEmulator,
} from './grid-emulator.ts';
import type { EmulatorMapping } from './mapping.ts';
import type { PointAccess, PointImage, PointWrite } from './points.ts';

/** Of a floating-point setpoint where the mapping says nothing, V. */
const DEFAULT_RESOLUTION_V = 0.01;
const COUNTER_END = 0x7fff;
const OUTPUT = '/points/output';

export class MappedEmulator implements GridEmulator {
  readonly #access: PointAccess;
  readonly #mapping: EmulatorMapping;
  readonly #now: () => number;
  #counter = 0;

  /** @param now epoch ms, for the times of readings. */
  constructor(access: PointAccess, mapping: EmulatorMapping, now: () => number) {
    this.#access = access;
    this.#mapping = mapping;
    this.#now = now;
  }

  get name(): string {
    return this.#access.name;
  }

  async identity(): Promise<EmulatorIdentity> {
    const image = await this.#access.read();
    const { name, points } = this.#mapping;
    return {
      manufacturer: textOf(image, 'manufacturer', points.manufacturer),
      model: textOf(image, 'model', points.model),
      serial: textOf(image, 'serial', points.serial),
      mapping: name,
      nominal_V: 'value_V' in points.nominal ? points.nominal.value_V : image.number('/points/nominal'),
      highest_V: 'value_V' in points.highest ? points.highest.value_V : image.number('/points/highest'),
      rating_VA:
        points.rating !== undefined && 'value_VA' in points.rating
          ? points.rating.value_VA
          : image.number('/points/rating'),
      channels: points.channels.length,
      watchdog_s: points.watchdog?.timeout_s ?? null,
      resolution_V: this.#resolution_V(),
    };
  }

  async read(): Promise<EmulatorReading> {
    const image = await this.#access.read();
    const { channels, remote } = this.#mapping.points;
    const output = image.isOn(OUTPUT);
    const isRemote = remote === undefined ? null : image.isOn('/points/remote');
    return {
      readAt_ms: this.#now(),
      output: output === null ? null : output ? 'on' : 'off',
      control: isRemote === null ? null : isRemote ? 'remote' : 'local',
      alarm: this.#alarm(image),
      channels: channels.map((_, i) => ({
        setpoint_V: image.number(`/points/channels/${i}/setpoint`),
        measured_V: image.number(`/points/channels/${i}/measured`),
      })),
    };
  }

  async setVoltages(voltages_V: ChannelVoltages): Promise<EmulatorWritten | EmulatorRefused> {
    return outcome(await this.#access.write(this.#writes(voltages_V), 'writing setpoints'));
  }

  async setOutput(on: boolean): Promise<EmulatorWritten | EmulatorRefused> {
    return outcome(await this.#access.write([{ path: OUTPUT, value: on }], 'switching the output'));
  }

  async refresh(): Promise<EmulatorWritten | EmulatorRefused> {
    if (this.#mapping.points.watchdog === undefined) return { outcome: 'written' };
    this.#counter = this.#counter === COUNTER_END ? 1 : this.#counter + 1;
    return outcome(
      await this.#access.write(
        [{ path: '/points/watchdog', value: this.#counter }],
        'refreshing the watchdog',
      ),
    );
  }

  planned(voltages_V: ChannelVoltages): readonly string[] {
    return this.#access.planned(this.#writes(voltages_V));
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  #writes(voltages_V: ChannelVoltages): PointWrite[] {
    const { channels, apply } = this.#mapping.points;
    if (voltages_V.length > channels.length) {
      throw new RangeError(`${voltages_V.length} voltages for ${channels.length} channels`);
    }
    const writes = voltages_V.flatMap((value, i): PointWrite[] => {
      if (value === null) return [];
      if (!(Number.isFinite(value) && value >= 0)) throw new RangeError(`a setpoint of ${value} V`);
      return [{ path: `/points/channels/${i}/setpoint`, value }];
    });
    return apply === undefined ? writes : [...writes, { path: '/points/apply', value: apply.value }];
  }

  #resolution_V(): number {
    const { channels, resolution_V } = this.#mapping.points;
    const steps = channels.map((_, i) => this.#access.step(`/points/channels/${i}/setpoint`));
    const own = Math.max(...steps.map((step) => step ?? 0));
    return Math.max(own, resolution_V ?? (steps.includes(undefined) ? DEFAULT_RESOLUTION_V : 0));
  }

  #alarm(image: PointImage): string | null {
    const { alarm } = this.#mapping.points;
    const found = alarm === undefined ? null : image.text('/points/alarm');
    if (alarm === undefined || found === null || found === alarm.none) return null;
    return alarm.texts[found] ?? `alarm ${found}`;
  }
}

function textOf(image: PointImage, key: string, mapped: object | undefined): string | null {
  if (mapped === undefined) return null;
  return 'value' in mapped && typeof mapped.value === 'string' ? mapped.value : image.text(`/points/${key}`);
}

function outcome(refusal: string | undefined): EmulatorWritten | EmulatorRefused {
  return refusal === undefined ? { outcome: 'written' } : { outcome: 'refused', reason: refusal };
}
