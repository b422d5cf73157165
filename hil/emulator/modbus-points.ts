/** Points of a grid emulator that are Modbus registers: the agent's links, images and writer, bound by the mapping. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { RegisterLink } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { mapped } from '@fieldbid/edge-agent/drivers/registers/bind-map';
import type { PointWrite as RegisterWrite } from '@fieldbid/edge-agent/drivers/registers/control';
import { ImageReader } from '@fieldbid/edge-agent/drivers/registers/image-reader';
import { type PointRef, wordsOf } from '@fieldbid/edge-agent/drivers/registers/point-ref';
import { RegisterWriter } from '@fieldbid/edge-agent/drivers/registers/writer';
import { scale } from '@fieldbid/edge-agent/drivers/sunspec/codec';
import type { MappedPoint } from '@fieldbid/edge-agent/profiles/register-map';
import type { ModbusEmulatorMapping } from './mapping.ts';
import type { PointAccess, PointImage, PointWrite } from './points.ts';

/** A register of the mapping, with what only some points have. */
type Entry = MappedPoint & { readonly scale?: number; readonly on?: number; readonly off?: number };

interface Bound {
  readonly entry: Entry;
  readonly ref: PointRef;
}

export class ModbusPoints implements PointAccess {
  readonly #link: RegisterLink;
  readonly #mapping: ModbusEmulatorMapping;
  readonly #bound = new Map<string, Bound>();
  readonly #guards: readonly { readonly ref: PointRef; readonly raw: number }[];
  readonly #images: ImageReader;
  readonly #writer: RegisterWriter;

  /** @param now for the times of images, epoch ms. */
  constructor(link: RegisterLink, mapping: ModbusEmulatorMapping, now: () => number) {
    this.#link = link;
    this.#mapping = mapping;
    this.#bind(mapping.points, '/points');
    this.#guards = mapping.guards.map(({ point, raw }, i) => ({ ref: mapped(`guard ${i + 1}`, point), raw }));
    this.#images = new ImageReader({ link, modbus: mapping.modbus, now });
    this.#writer = new RegisterWriter(link, mapping.modbus.writeFunction, () => {});
  }

  get name(): string {
    return this.#link.name;
  }

  has(path: string): boolean {
    return this.#bound.has(path);
  }

  step(path: string): number | undefined {
    const { entry } = this.#at(path);
    return entry.type === 'float32' ? undefined : scale(1, entry.sf) * (entry.scale ?? 1);
  }

  async read(): Promise<PointImage> {
    const refs = [...this.#bound.values()].map(({ ref }) => ref);
    const image = await this.#images.read([...this.#guards.map(({ ref }) => ref), ...refs]);
    for (const { ref, raw } of this.#guards) {
      const found = image.raw(ref);
      if (found === raw) continue;
      const text = `${this.name}: register ${ref.address} is ${found}, an emulator of mapping ${this.#mapping.name} has ${raw} there`;
      throw new FieldbidError('WRONG_DEVICE', text);
    }
    return {
      number: (path) => {
        const bound = this.#bound.get(path);
        const value = bound === undefined ? null : image.number(bound.ref);
        return value === null ? null : Number((value * (bound?.entry.scale ?? 1)).toPrecision(12));
      },
      isOn: (path) => {
        const bound = this.#bound.get(path);
        const raw = bound === undefined ? null : image.raw(bound.ref);
        if (raw === null) return null;
        if (raw === bound?.entry.on) return true;
        return raw === bound?.entry.off ? false : null;
      },
      text: (path) => {
        const bound = this.#bound.get(path);
        const raw = bound === undefined ? null : image.raw(bound.ref);
        return raw === null ? null : String(raw);
      },
    };
  }

  write(writes: readonly PointWrite[]): Promise<string | undefined> {
    return this.#writer.write(writes.map((one) => this.#encoded(one)));
  }

  planned(writes: readonly PointWrite[]): string[] {
    return writes.map((one) => {
      const { point, words } = this.#encoded(one);
      return `${this.#table(point)}register ${point.address} (${point.name}): ${words.join(' ')}`;
    });
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #table({ table }: PointRef): string {
    return table === 'input' ? 'input ' : '';
  }

  #encoded({ path, value }: PointWrite): RegisterWrite {
    const { entry, ref } = this.#at(path);
    if (typeof value === 'boolean') {
      const raw = (value ? entry.on : entry.off) ?? Number(value);
      return { point: ref, words: wordsOf(ref, raw), value: raw };
    }
    const unscaled = scale(value / (entry.scale ?? 1), -entry.sf);
    const raw = entry.type === 'float32' ? unscaled : Math.round(unscaled);
    return { point: ref, words: wordsOf(ref, raw), value };
  }

  #at(path: string): Bound {
    const bound = this.#bound.get(path);
    if (bound === undefined) throw new TypeError(`the mapping has no ${path}`);
    return bound;
  }

  #bind(value: unknown, path: string): void {
    if (typeof value !== 'object' || value === null) return;
    if ('register' in value) {
      const entry = value as Entry;
      this.#bound.set(path, { entry, ref: mapped(path.slice('/points/'.length), entry) });
      return;
    }
    for (const [key, inner] of Object.entries(value)) this.#bind(inner, `${path}/${key}`);
  }
}
