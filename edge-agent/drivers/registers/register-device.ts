/**
 * Steps 1 and 11 · DerDevice over Modbus registers, whatever map they follow: one image per read, limits with
 * read-back, nothing believed that was not read now. What is where comes from a binding, found once and found
 * again when the map turns out to have moved.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { deadManOf } from '../../device/dead-man.ts';
import type {
  Announcement,
  DerDevice,
  DerIdentity,
  DerReading,
  DeviceRefused,
  LimitCommand,
  LimitState,
  LimitWritten,
  Released,
} from '../../device/der-device.ts';
import { type DeviceProfile, mismatch } from '../../profiles/profile.ts';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink, UnitStats } from '../modbus/register-link.ts';
import { announcedWrites, LARGEST_HEARTBEAT } from './announce.ts';
import { type DeviceBinding, measuredPoints } from './binding.ts';
import {
  type ControlBinding,
  companionWrites,
  controlPoints,
  type LimitPlan,
  limitState,
  type PointWrite,
  planLimit,
  planRelease,
  refused,
  stateOf,
} from './control.ts';
import type { RegisterImage } from './image.ts';
import { ImageReader } from './image-reader.ts';
import { type PointRef, wordsOf } from './point-ref.ts';
import { readingOf } from './reading.ts';
import { WearMeter } from './wear.ts';
import { RegisterWriter } from './writer.ts';

export interface RegisterDeviceOptions {
  readonly link: RegisterLink;
  readonly profile: DeviceProfile;
  /** Finds out what is where. @throws FieldbidError when the device is not what it should be. */
  readonly bind: () => Promise<DeviceBinding>;
  /** Market time, epoch ms. */
  readonly now: () => number;
}

/** What was found, and what an image, a limit and a read-back need of it: each point with what belongs to it. */
interface Layout {
  readonly binding: DeviceBinding;
  readonly imagePoints: readonly PointRef[];
  readonly limitPoints: readonly PointRef[];
  readonly readBackPoints: readonly PointRef[];
}

/** A limit whose scale factor moved while it was written is written again with the new one. */
const MOST_ATTEMPTS = 2;

export class RegisterDevice implements DerDevice {
  /** Writes per point since the start. */
  readonly wear: WearMeter;
  readonly #options: RegisterDeviceOptions;
  readonly #writer: RegisterWriter;
  readonly #images: ImageReader;
  #layout: Promise<Layout> | undefined;
  /** Last known: at night some devices show none. */
  #rating_W: number | null = null;
  #heartbeat = 0;

  constructor(options: RegisterDeviceOptions) {
    this.#options = options;
    const { link, profile, now } = options;
    this.wear = new WearMeter(profile.wear, now);
    this.#images = new ImageReader({ link, modbus: profile.modbus, now });
    this.#writer = new RegisterWriter(link, profile.modbus.writeFunction, (names) => this.wear.count(names));
  }

  /** What its unit was asked and answered since the start. */
  get linkStats(): Readonly<UnitStats> {
    return this.#options.link.stats;
  }

  async identity(): Promise<DerIdentity> {
    const { profile } = this.#options;
    const layout = await this.#found();
    const { binding } = layout;
    const { manufacturer, model, serial, version, measurement, sunspecModels, control } = binding;
    const readBack = control === undefined ? undefined : await this.#images.read(layout.readBackPoints);
    const revert = control?.revert?.point;
    const hasRevertTimer = revert !== undefined && readBack !== undefined && readBack.raw(revert) !== null;
    const deadMan = deadManOf(profile, hasRevertTimer, binding.heartbeat !== undefined);
    return {
      ...{ manufacturer, model, serial, version, measurement },
      control: control?.name ?? null,
      profile: profile.name,
      hasRevertTimer,
      deadMan,
      warnings: [
        ...binding.warnings,
        mismatch(profile, { manufacturer, model, sunspecModels }),
        control === undefined ? 'it can be read, not controlled' : undefined,
        control !== undefined && deadMan.kind === 'none'
          ? 'it has no revert timer: a limit stays when the agent dies'
          : undefined,
        ...profile.notes,
      ].filter((warning) => warning !== undefined),
    };
  }

  async read(): Promise<DerReading> {
    const { binding, image } = await this.#guarded(({ imagePoints }) => imagePoints);
    return readingOf(binding, image, {
      rating_W: this.#ratingIn(image, binding),
      readAt_ms: this.#options.now(),
    });
  }

  async applyLimit(command: LimitCommand): Promise<LimitWritten | DeviceRefused> {
    if (!Number.isFinite(command.limit_W) || command.limit_W < 0) {
      throw new RangeError(`a limit of ${command.limit_W} W`);
    }
    for (let attempt = 1; ; attempt++) {
      const result = await this.#attempt(command);
      if (result.again !== true || attempt === MOST_ATTEMPTS) return result.outcome;
    }
  }

  /** Dry run: the registers that a limit would write. Nothing is written. */
  async planned(command: LimitCommand): Promise<LimitPlan | DeviceRefused> {
    const { control, plan } = await this.#plan(command);
    return control === undefined ? refused('NO_CONTROL', NOTHING_CONTROLS) : plan;
  }

  async announced(revert_s: number): Promise<Announcement | DeviceRefused> {
    const { profile } = this.#options;
    const least = await this.#plan({ limit_W: 0, revert_s });
    const most = await this.#plan({ limit_W: Number.MAX_SAFE_INTEGER, revert_s });
    const { control, image, layout } = least;
    if ('outcome' in least.plan) return least.plan;
    if ('outcome' in most.plan) return most.plan;
    if (control === undefined) return refused('NO_CONTROL', NOTHING_CONTROLS);
    const release = planRelease(control, image);
    if ('outcome' in release) return release;
    return {
      outcome: 'announced',
      control: control.name,
      base_W: least.base_W ?? 0,
      least_pct: least.plan.commanded_pct,
      writes: announcedWrites({
        ...{ control, least: least.plan, most: most.plan, release },
        preparation: await this.preparation(),
        isFlash: (name) => this.wear.classOf(name) === 'flash',
        writeFunction: profile.modbus.writeFunction,
        heartbeat: profile.heartbeat_s > 0 ? layout.binding.heartbeat : undefined,
      }),
    };
  }

  /** Settings in flash that are not as the profile needs them: to be written once, by a person's word. */
  async preparation(): Promise<PointWrite[]> {
    const { image, binding } = await this.#guarded(({ limitPoints }) => limitPoints);
    const { control } = binding;
    if (control === undefined) return [];
    return this.#needed(companionWrites(control, image), image, control).filter(
      ({ point }) => this.wear.classOf(point.name) === 'flash',
    );
  }

  /** Writes them. @returns the refusal, when the device did not take them or does not read them back. */
  async prepare(): Promise<DeviceRefused | undefined> {
    const refusal = await this.#write(await this.preparation());
    if (refusal !== undefined) return refusal;
    const [left] = await this.preparation();
    if (left === undefined) return undefined;
    return refused('DEVICE_EXCEPTION', `${left.point.name} was written and does not read back ${left.value}`);
  }

  async release(): Promise<Released | DeviceRefused> {
    const { layout, binding, image } = await this.#guarded(({ limitPoints }) => limitPoints);
    const { control } = binding;
    if (control === undefined) return refused('NO_CONTROL', NOTHING_CONTROLS);
    const planned = planRelease(control, image);
    if ('outcome' in planned) return planned;
    const writes = this.#needed(planned, image, control);
    const refusal = this.#wearRefusal(writes, image, false) ?? (await this.#write(writes));
    return refusal ?? { outcome: 'released', readBack: limitIn(await this.#readBack(layout), control) };
  }

  async heartbeat(): Promise<void> {
    const { binding } = await this.#found();
    const point = binding.heartbeat;
    if (point === undefined) return;
    // Counts up once a second and starts again before it would read as "not implemented".
    this.#heartbeat = this.#heartbeat >= LARGEST_HEARTBEAT ? 1 : this.#heartbeat + 1;
    const { link } = this.#options;
    const words = wordsOf(point, this.#heartbeat);
    const [word = 0] = words;
    if (words.length === 1) await link.writeOne(point.address, word);
    else await link.writeMany(point.address, words);
  }

  async close(): Promise<void> {
    await this.#options.link.close();
  }

  async #plan(command: LimitCommand) {
    const { profile } = this.#options;
    const { layout, binding, image } = await this.#guarded(({ limitPoints }) => limitPoints);
    const { control } = binding;
    const found = { layout, image, control, base_W: undefined };
    if (control === undefined) return { ...found, plan: refused('NO_CONTROL', NOTHING_CONTROLS) };
    this.#ratingIn(image, binding);
    const ownBase = control.base_W !== binding.rating_W;
    const base_W = image.first(control.base_W) ?? (ownBase ? null : this.#rating_W);
    if (base_W === null || base_W <= 0) {
      return { ...found, plan: refused('NO_RATING', 'what 100 % means (WMax) is not implemented') };
    }
    const timer = control.revert === undefined ? null : image.raw(control.revert.point);
    const deadMan = deadManOf(profile, timer !== null, binding.heartbeat !== undefined);
    if (deadMan.kind === 'none' && profile.limit.revertTimer === 'required') {
      return { ...found, plan: refused('NO_REVERT_TIMER', NO_TIMER) };
    }
    const revert_s = Math.max(0, Math.floor(command.revert_s));
    const request = { limit_W: command.limit_W, base_W, floor_pct: profile.limit.floor_pct, revert_s };
    return { ...found, base_W, plan: planLimit(control, image, request) };
  }

  async #attempt(command: LimitCommand): Promise<{ outcome: LimitWritten | DeviceRefused; again?: boolean }> {
    const { layout, image, control, plan } = await this.#plan(command);
    if ('outcome' in plan || control === undefined) return { outcome: plan as DeviceRefused };
    const before = limitState(control, image);
    const lowers = before === null || !before.enabled || plan.commanded_pct <= before.pct;
    const needed = this.#needed(plan.writes, image, control);
    const refusal = this.#wearRefusal(needed, image, lowers) ?? (await this.#write(needed));
    if (refusal !== undefined) return { outcome: refusal };
    const after = await this.#readBack(layout);
    const readBack = limitIn(after, control);
    const { commanded_pct, step_pct, raisedToFloor } = plan;
    const setPoint = control.setPoint === true ? { setPoint: true } : {};
    const echoes =
      readBack?.enabled === true && Math.abs(readBack.pct - commanded_pct) <= step_pct / 2 + 1e-9;
    // The scale factor may have moved between reading and writing: then the register means something else.
    const moved = after !== undefined && after.exponent(control.limit) !== plan.exponent;
    return {
      outcome: { outcome: 'written', commanded_pct, step_pct, ...setPoint, raisedToFloor, readBack, echoes },
      again: moved,
    };
  }

  /**
   * What has to be written. Settings in flash are left alone where they already say what they should; where each
   * point costs a write of its own, so is everything else beside the limit.
   */
  #needed(writes: readonly PointWrite[], image: RegisterImage, control: ControlBinding): PointWrite[] {
    const settings = new Set(control.companions.map(({ point }) => point));
    if (this.#writer.oneByOne && control.revert !== undefined) settings.add(control.revert.point);
    return writes.filter(({ point, words }) => {
      const sparing = this.#writer.oneByOne || this.wear.classOf(point.name) === 'flash';
      if (!settings.has(point) || !sparing) return true;
      const now = image.words(point);
      return now === undefined || words.some((word, i) => now[i] !== word);
    });
  }

  #wearRefusal(
    writes: readonly PointWrite[],
    image: RegisterImage,
    lowers: boolean,
  ): DeviceRefused | undefined {
    const flash = writes.find(({ point }) => this.wear.classOf(point.name) === 'flash');
    if (flash !== undefined) {
      const { point, value } = flash;
      const now = image.number(point);
      return refused(
        'NEEDS_PREPARATION',
        `${point.name} is ${now ?? 'not said'} and must be ${value}; it is kept in flash and not written in ` +
          'operation: run `fieldbid edge prepare` once',
      );
    }
    const names = writes.map(({ point }) => point.name);
    const worn = this.wear.refusal(names, lowers);
    return worn === undefined ? undefined : refused('WEAR_BUDGET', worn);
  }

  async #write(writes: readonly PointWrite[]): Promise<DeviceRefused | undefined> {
    const fault = await this.#writer.write(writes);
    return fault === undefined ? undefined : refused('DEVICE_EXCEPTION', fault);
  }

  /** The limit's registers after a write; undefined when they cannot be read now: the write stands all the same. */
  async #readBack({ readBackPoints }: Layout): Promise<RegisterImage | undefined> {
    try {
      return await this.#images.read(readBackPoints);
    } catch (error) {
      if (error instanceof ModbusError) return undefined;
      throw error;
    }
  }

  /**
   * An image in which the guards hold. A switch between the integer and float models of a family shifts every
   * address: then the device is looked at anew, once.
   */
  async #guarded(points: (layout: Layout) => readonly PointRef[]) {
    for (let attempt = 1; ; attempt++) {
      const layout = await this.#found();
      const { binding } = layout;
      let image: RegisterImage | undefined;
      let fault = '';
      try {
        image = await this.#images.read(points(layout));
        this.#mustSpeak(binding, image);
        const moved = binding.guards.find(({ point, raw }) => {
          const found = image?.raw(point);
          return image?.words(point) !== undefined && found !== null && found !== raw;
        });
        if (moved === undefined) return { layout, binding, image };
        fault = `${moved.point.name} at register ${moved.point.address} is ${image.raw(moved.point)}, was ${moved.raw}`;
      } catch (error) {
        // Registers that were there and are not any more: the map may be another one now.
        if (!(error instanceof ModbusError) || error.exception !== 2 || attempt > 1) throw error;
        fault = error.message;
      }
      this.#layout = undefined;
      if (attempt > 1) {
        const text = `${this.#options.link.name}: the registers move while they are read: ${fault}`;
        throw new FieldbidError('LAYOUT_CHANGED', text, { retryable: true });
      }
    }
  }

  /** After a nightly reset some devices answer 0xFFFF everywhere for a while: not one of those words is a value. */
  #mustSpeak({ guards }: DeviceBinding, image: RegisterImage): void {
    const blank = guards.find(({ point }) => image.words(point) !== undefined && image.raw(point) === null);
    if (blank === undefined) return;
    const text = `${this.#options.link.name}: ${blank.point.name} reads "not implemented": the device is not ready`;
    throw new FieldbidError('DEVICE_NOT_READY', text, { retryable: true });
  }

  #ratingIn(image: RegisterImage, { rating_W }: DeviceBinding): number | null {
    const now = image.first(rating_W);
    if (now !== null && now > 0) this.#rating_W = now;
    return this.#rating_W;
  }

  /** Finds what is where, once; a failed attempt is repeated by the next call. */
  #found(): Promise<Layout> {
    this.#layout ??= this.#options.bind().then(layoutOf, (error: unknown) => {
      this.#layout = undefined;
      throw error;
    });
    return this.#layout;
  }
}

const NOTHING_CONTROLS = 'the device has no registers that limit its power';
const NO_TIMER =
  'the device has no revert timer and would keep the limit for ever; set limit.revertTimer: optional in its ' +
  'profile to control it all the same';

function layoutOf(binding: DeviceBinding): Layout {
  const { control } = binding;
  const guards = binding.guards.map(({ point }) => point);
  const state = control === undefined ? [] : [...control.base_W, ...stateOf(control)];
  return {
    binding,
    imagePoints: [...measuredPoints(binding), ...state],
    limitPoints: [...guards, ...binding.rating_W, ...(control === undefined ? [] : controlPoints(control))],
    readBackPoints: state,
  };
}

function limitIn(image: RegisterImage | undefined, control: ControlBinding): LimitState | null {
  return image === undefined ? null : limitState(control, image);
}
