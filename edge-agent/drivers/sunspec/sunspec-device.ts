/**
 * Steps 1 and 11 · DerDevice over SunSpec models 1, 101-103, 120-123: one image per read, limits through
 * WMaxLimPct. Point names are SunSpec's up to this file's border, where they become the port's.
 */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type {
  DerDevice,
  DerIdentity,
  DerReading,
  DeviceRefused,
  LimitCommand,
  LimitState,
  LimitWritten,
  OperatingState,
  RawRead,
  Released,
} from '../../device/der-device.ts';
import { type DeviceProfile, mismatch } from '../../profiles/profile.ts';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import { SunSpecImage } from './image.ts';
import { LIMIT_POINTS, type LimitWords, limitWords } from './limit-words.ts';
import { LimitWriter } from './limit-writer.ts';
import { modelDefinition, pointDefinition, symbolOf } from './models.ts';
import { planReads, type Span, unitsOf } from './plan.ts';
import { type FoundModel, type ScanResult, scan } from './scan.ts';

const INVERTER_MODELS = [103, 102, 101];
const PHASES: Record<number, string[]> = {
  101: ['PhVphA'],
  102: ['PhVphA', 'PhVphB'],
  103: ['PhVphA', 'PhVphB', 'PhVphC'],
};
const INVERTER_POINTS = ['PhVphA', 'PhVphB', 'PhVphC', 'W', 'WH', 'St'];
const CONTROL_POINTS = ['Conn', ...LIMIT_POINTS, 'WMaxLimPct_SF'];
/** Revert times beyond the register's range (uint16, 0xFFFF reserved) are shortened: the safer side. */
const LONGEST_REVERT_S = 65_534;

interface Layout {
  readonly scan: ScanResult;
  readonly inverter: FoundModel;
  readonly nameplate: FoundModel | undefined;
  readonly settings: FoundModel | undefined;
  readonly status: FoundModel | undefined;
  readonly controls: FoundModel | undefined;
  /** Requests of a full image, of what a limit needs, and of a read-back. */
  readonly imageReads: readonly Span[];
  readonly limitReads: readonly Span[];
  readonly readBackReads: readonly Span[];
}

export interface SunSpecDeviceOptions {
  readonly link: RegisterLink;
  readonly profile: DeviceProfile;
  /** Market time, epoch ms. */
  readonly now: () => number;
}

export class SunSpecDevice implements DerDevice {
  readonly #link: RegisterLink;
  readonly #profile: DeviceProfile;
  readonly #now: () => number;
  readonly #writer: LimitWriter;
  #layout: Promise<Layout> | undefined;

  constructor({ link, profile, now }: SunSpecDeviceOptions) {
    this.#link = link;
    this.#profile = profile;
    this.#now = now;
    this.#writer = new LimitWriter(link, profile.modbus.writeFunction);
  }

  async identity(): Promise<DerIdentity> {
    const layout = await this.#discovered();
    const { scan: found, inverter, controls } = layout;
    const text = (name: string): string | null => {
      const value = found.common.get(name);
      return typeof value === 'string' ? value : null;
    };
    const hasRevertTimer =
      controls !== undefined && (await this.#readBack(layout)).value(controls, 'WMaxLimPct_RvrtTms') !== null;
    const about = { manufacturer: text('Mn'), model: text('Md') };
    const sunspecModels = found.models.map(({ id }) => id);
    return {
      ...about,
      serial: text('SN'),
      version: text('Vr'),
      measurement: `SunSpec ${inverter.id}`,
      control: controls === undefined ? null : `SunSpec ${controls.id}`,
      profile: this.#profile.name,
      hasRevertTimer,
      warnings: [
        ...(found.complete ? [] : [`the model chain ends early: ${found.fault}`]),
        mismatch(this.#profile, { ...about, sunspecModels }),
        controls === undefined ? 'it has no model 123: it can be read, not controlled' : undefined,
        controls !== undefined && !hasRevertTimer
          ? 'it has no revert timer: a limit stays when the agent dies'
          : undefined,
        ...this.#profile.notes,
      ].filter((warning) => warning !== undefined),
    };
  }

  async read(): Promise<DerReading> {
    const layout = await this.#discovered();
    const { inverter, controls, status } = layout;
    const image = await this.#image(layout.imageReads);
    const state = image.number(inverter, 'St');
    const connected = controls === undefined ? null : image.number(controls, 'Conn');
    return {
      readAt_ms: this.#now(),
      power_W: image.number(inverter, 'W'),
      available_W: status === undefined ? null : image.number(status, 'WAval'),
      rating_W: ratingOf(image, layout),
      limit: controls === undefined ? null : limitOf(image, controls),
      connected: connected === null ? null : connected === 1,
      state: state === null ? null : operatingState(inverter.id, state),
      voltages_V: (PHASES[inverter.id] ?? []).map((name) => image.number(inverter, name)),
      energy_Wh: image.number(inverter, 'WH'),
      raw: image.reads,
    };
  }

  async applyLimit({ limit_W, revert_s }: LimitCommand): Promise<LimitWritten | DeviceRefused> {
    if (!Number.isFinite(limit_W) || limit_W < 0) throw new RangeError(`a limit of ${limit_W} W`);
    const layout = await this.#discovered();
    const { controls } = layout;
    if (controls === undefined) return refused('NO_CONTROL', 'the device has no SunSpec model 123');
    const image = await this.#image(layout.limitReads);
    const rating_W = ratingOf(image, layout);
    const exponent = image.exponent(controls, 'WMaxLimPct_SF');
    if (rating_W === null || rating_W <= 0 || exponent === null) {
      return refused('NO_RATING', 'WMax, or the scale factor of WMaxLimPct, is not implemented');
    }
    const now = limitOf(image, controls);
    if (now?.revert_s === null && this.#profile.limit.revertTimer === 'required') {
      return refused(
        'NO_REVERT_TIMER',
        'the device has no revert timer and would keep the limit for ever; set limit.revertTimer: optional in ' +
          'its profile to control it all the same',
      );
    }
    const words = limitWords({
      limit_W,
      rating_W,
      exponent,
      floor_pct: this.#profile.limit.floor_pct,
      revert_s: Math.min(LONGEST_REVERT_S, Math.max(0, Math.floor(revert_s))),
      implemented: (name) => image.value(controls, name) !== null,
    });
    const fault = await this.#writer.writeLimit(controls.address, words);
    if (fault !== undefined) return refused('DEVICE_EXCEPTION', fault);
    return this.#written(layout, controls, words);
  }

  async release(): Promise<Released | DeviceRefused> {
    const layout = await this.#discovered();
    if (layout.controls === undefined) return refused('NO_CONTROL', 'the device has no SunSpec model 123');
    const fault = await this.#writer.disable(layout.controls.address);
    if (fault !== undefined) return refused('DEVICE_EXCEPTION', fault);
    return { outcome: 'released', readBack: await this.#readBackState(layout, layout.controls) };
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  async #written(layout: Layout, controls: FoundModel, words: LimitWords): Promise<LimitWritten> {
    const { commanded_pct, step_pct, raisedToFloor } = words;
    const readBack = await this.#readBackState(layout, controls);
    const echoes =
      readBack?.enabled === true && Math.abs(readBack.pct - commanded_pct) <= step_pct / 2 + 1e-9;
    return { outcome: 'written', commanded_pct, step_pct, raisedToFloor, readBack, echoes };
  }

  /** The limit's registers after a write; null when they cannot be read now: the write stands all the same. */
  async #readBackState(layout: Layout, controls: FoundModel): Promise<LimitState | null> {
    try {
      return limitOf(await this.#readBack(layout), controls);
    } catch (error) {
      if (error instanceof ModbusError) return null;
      throw error;
    }
  }

  #readBack(layout: Layout): Promise<SunSpecImage> {
    return this.#image(layout.readBackReads);
  }

  async #image(spans: readonly Span[]): Promise<SunSpecImage> {
    const reads: RawRead[] = [];
    for (const { address, count } of spans) {
      const words = await this.#link.read(address, count);
      reads.push({ address, words, readAt_ms: this.#now() });
    }
    return new SunSpecImage(reads);
  }

  /** Finds the models once; a failed attempt is repeated by the next call. */
  #discovered(): Promise<Layout> {
    this.#layout ??= this.#discover().catch((error: unknown) => {
      this.#layout = undefined;
      throw error;
    });
    return this.#layout;
  }

  async #discover(): Promise<Layout> {
    const { bases, maxRead } = this.#profile.modbus;
    const found = await scan(this.#link, { maxRead, ...(bases === undefined ? {} : { bases }) });
    if ('found' in found) {
      throw new FieldbidError(
        'SUNSPEC_NOT_FOUND',
        `${this.#link.name} is no SunSpec device: ${found.fault}`,
        {
          retryable: true,
        },
      );
    }
    try {
      return layoutOf(found, maxRead);
    } catch (error) {
      // A chain cut short by a passing fault may be whole the next time.
      if (error instanceof FieldbidError) {
        throw new FieldbidError(error.code, `${this.#link.name}: ${messageOf(error)}`, {
          cause: error,
          retryable: !found.complete,
        });
      }
      throw error;
    }
  }
}

function layoutOf(found: ScanResult, maxRead: number): Layout {
  const first = (ids: readonly number[]): FoundModel | undefined =>
    ids.map((id) => found.models.find((model) => model.id === id)).find((model) => model !== undefined);
  const inverter = first(INVERTER_MODELS);
  if (inverter === undefined) {
    const ids = found.models.map(({ id }) => id).join(', ');
    const early = found.complete ? '' : `; the chain ends early: ${found.fault}`;
    throw new FieldbidError('SUNSPEC_NO_INVERTER', `no model 101, 102 or 103 among ${ids || 'none'}${early}`);
  }
  const [nameplate, settings, status, controls] = [first([120]), first([121]), first([122]), first([123])];
  const units = (model: FoundModel | undefined, names: readonly string[]): Span[] => {
    const definition = model === undefined ? undefined : modelDefinition(model.id);
    return model === undefined || definition === undefined
      ? []
      : unitsOf(definition, model.address, model.length, names);
  };
  const rating = [...units(nameplate, ['WRtg']), ...units(settings, ['WMax'])];
  const control = units(controls, CONTROL_POINTS);
  return {
    scan: found,
    inverter,
    nameplate,
    settings,
    status,
    controls,
    imageReads: planReads(
      [...units(inverter, INVERTER_POINTS), ...rating, ...units(status, ['WAval']), ...control],
      maxRead,
    ),
    limitReads: planReads([...rating, ...control], maxRead),
    readBackReads: planReads(control, maxRead),
  };
}

function ratingOf(image: SunSpecImage, { settings, nameplate }: Layout): number | null {
  const setting = settings === undefined ? null : image.number(settings, 'WMax');
  return setting ?? (nameplate === undefined ? null : image.number(nameplate, 'WRtg'));
}

function limitOf(image: SunSpecImage, controls: FoundModel): LimitState | null {
  const pct = image.number(controls, 'WMaxLimPct');
  if (pct === null) return null;
  return {
    pct,
    enabled: image.number(controls, 'WMaxLim_Ena') === 1,
    revert_s: image.number(controls, 'WMaxLimPct_RvrtTms'),
  };
}

function operatingState(modelId: number, value: number): OperatingState | null {
  const symbol = symbolOf(pointDefinition(modelId, 'St'), value);
  return symbol === undefined ? null : (symbol.toLowerCase().replace('_', '-') as OperatingState);
}

function refused(code: DeviceRefused['code'], reason: string): DeviceRefused {
  return { outcome: 'refused', code, reason };
}
