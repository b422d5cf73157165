/**
 * Steps 1 and 11 · DerDevice over OPC UA: which node says what stands in a mapping file. One Read per image, one
 * Write (or method call) per limit.
 */
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
import type { ResolvedAccess } from './access.ts';
import { announcedNodes, type PlannedLimit } from './announce.ts';
import { OpcUaConnection, type Opened } from './connection.ts';
import { OpcUaError } from './errors.ts';
import { type OpcUaImage, readImage } from './image.ts';
import { limitValue, pctOf, revertValue, wattsPerUnit } from './limit-value.ts';
import { type LimitTarget, unwritable, writeLimit, writeRelease } from './limit-writer.ts';
import type { LimitMapping, LoadedMapping } from './mapping.ts';
import {
  argumentTypes,
  checkSwitches,
  type ResolvedNode,
  type ResolvedNodes,
  resolveNodes,
} from './nodes.ts';
import { type Notice, Watch } from './subscription.ts';
import { factorOf } from './values.ts';

const NAMEPLATE = /^\/points\/(manufacturer|model|serial|version)\//;
const IMAGE = /^\/points\/(?!manufacturer|model|serial|version)/;
const LIMIT = /^\/points\/(limit|rating)\//;
const WATCHED = ['/points/state/node', '/points/connected/node'];

interface Prepared {
  readonly nodes: ResolvedNodes;
  readonly argumentTypes: readonly number[];
}

export interface OpcUaDeviceOptions {
  readonly access: ResolvedAccess;
  readonly loaded: LoadedMapping;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Real ms for one answer, instead of the mapping's. */
  readonly deadline_ms?: number;
  /** What the device says by itself, and what is noticed about its values. */
  readonly onNotice?: (notice: Notice) => void;
}

export class OpcUaDevice implements DerDevice {
  readonly #options: OpcUaDeviceOptions;
  readonly #connection: OpcUaConnection<Prepared>;
  readonly #watch: Watch<Prepared> | undefined;
  /** Notes of the image before: each is said when it is new. */
  #noted: readonly string[] = [];

  constructor(options: OpcUaDeviceOptions) {
    const { access, loaded, now, onNotice } = options;
    const { mapping } = loaded;
    this.#options = options;
    this.#connection = new OpcUaConnection({
      access,
      deadline_ms: options.deadline_ms ?? mapping.deadline_ms,
      now,
      prepare: async (session, opcua) => {
        const nodes = await resolveNodes(opcua, session, loaded);
        checkSwitches(loaded, nodes);
        return { nodes, argumentTypes: await argumentTypes(opcua, session, loaded, nodes) };
      },
    });
    if (onNotice !== undefined) {
      this.#watch = new Watch({
        connection: this.#connection,
        nodes: ({ nodes }) => this.#watched(nodes),
        ...mapping.subscription,
        onNotice,
      });
    }
  }

  /** Sessions opened, and subscriptions made anew, since the start. */
  get counts(): { readonly sessions: number; readonly recreated: number } {
    return { sessions: this.#connection.sessions, recreated: this.#watch?.recreated ?? 0 };
  }

  identity(): Promise<DerIdentity> {
    const { access, loaded } = this.#options;
    const { mapping } = loaded;
    return this.#run(async (opened) => {
      const image = await this.#image(opened, NAMEPLATE);
      const { nodes } = opened.prepared;
      const { limit } = mapping.points;
      const locked = limit === undefined ? [] : unwritable(limit, nodes);
      const names = (list: readonly ResolvedNode[]): string => list.map(({ text }) => text).join(', ');
      const unreadable = [...nodes.values()].filter(({ dataType, readable }) => dataType !== 0 && !readable);
      const hasRevertTimer = limit !== undefined && hasRevert(limit);
      return {
        manufacturer: image.text('manufacturer'),
        model: image.text('model'),
        serial: image.text('serial'),
        version: image.text('version'),
        measurement: `OPC UA ${mapping.points.power.node}`,
        control:
          limit === undefined || locked.length > 0 ? null : `OPC UA ${limit.method?.method ?? limit.node}`,
        profile: mapping.name,
        hasRevertTimer,
        deadMan: deadManOf(mapping, hasRevertTimer, false),
        warnings: [
          access.insecure ? 'nothing is encrypted on the way to it (allowInsecure)' : undefined,
          limit === undefined ? 'its mapping has no limit: it can be read, not controlled' : undefined,
          locked.length > 0
            ? `this user may not write ${names(locked)}: it can be read, not controlled`
            : undefined,
          unreadable.length > 0 ? `this user may not read ${names(unreadable)}` : undefined,
          limit !== undefined && !hasRevertTimer
            ? 'it has no revert timer: a limit stays when the agent dies'
            : undefined,
          ...mapping.notes,
        ].filter((warning) => warning !== undefined),
      };
    });
  }

  async read(): Promise<DerReading> {
    const { mapping } = this.#options.loaded;
    const { points } = mapping;
    const image = await this.#run((opened) => this.#image(opened, IMAGE));
    return {
      readAt_ms: this.#options.now(),
      power_W: image.number('/points/power', points.power),
      available_W: image.number('/points/available', points.available),
      rating_W: image.rating_W(),
      limit: image.limit(),
      connected: image.connected(),
      state: image.state(),
      voltages_V: points.voltages.map((source, i) => image.number(`/points/voltages/${i}`, source)),
      energy_Wh: image.number('/points/energy', points.energy),
      raw: [],
    };
  }

  async applyLimit({ limit_W, revert_s }: LimitCommand): Promise<LimitWritten | DeviceRefused> {
    if (!Number.isFinite(limit_W) || limit_W < 0) throw new RangeError(`a limit of ${limit_W} W`);
    return this.#run(async (opened) => {
      const planned = await this.#plan(opened, { limit_W, revert_s });
      if ('outcome' in planned) return planned;
      const { target, value, revert } = planned;
      const { mapped } = target;
      const fault = await writeLimit(target, { limit: value.raw, revert, enable: true });
      if (fault !== undefined) return refused('DEVICE_EXCEPTION', fault);
      const readBack = await this.#readBack(opened);
      const { commanded_pct, step_pct, raisedToFloor } = value;
      // Without an enabling node a limit of 100 % cannot be told from none.
      const inForce = readBack?.enabled === true || (mapped.enable === undefined && commanded_pct >= 100);
      const echoes = inForce && Math.abs((readBack?.pct ?? -1) - commanded_pct) <= step_pct / 2 + 1e-9;
      return { outcome: 'written', commanded_pct, step_pct, raisedToFloor, readBack, echoes };
    });
  }

  async announced(revert_s: number): Promise<Announcement | DeviceRefused> {
    return this.#run(async (opened) => {
      const least = await this.#plan(opened, { limit_W: 0, revert_s });
      const most = await this.#plan(opened, { limit_W: Number.MAX_SAFE_INTEGER, revert_s });
      if ('outcome' in least) return least;
      if ('outcome' in most) return most;
      return {
        outcome: 'announced',
        control: `OPC UA ${least.target.mapped.method?.method ?? least.target.mapped.node}`,
        base_W: least.rating_W,
        least_pct: least.value.commanded_pct,
        writes: announcedNodes(least.target.mapped, least, most),
      };
    });
  }

  async release(): Promise<Released | DeviceRefused> {
    return this.#run(async (opened) => {
      const target = this.#target(opened);
      if ('outcome' in target) return target;
      const { mapped } = target;
      const rating_W = mapped.unit === 'pct' ? 1 : (await this.#image(opened, LIMIT)).rating_W();
      if (rating_W === null) return refused('NO_RATING', 'the device does not say its rating');
      const perUnit_W = wattsPerUnit(mapped, rating_W);
      const fault = await writeRelease(target, 100 / pctOf(1, mapped, perUnit_W, rating_W));
      if (fault !== undefined) return refused('DEVICE_EXCEPTION', fault);
      return { outcome: 'released', readBack: await this.#readBack(opened) };
    });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#connection.close();
  }

  async #run<R>(exchange: (opened: Opened<Prepared>) => Promise<R>): Promise<R> {
    const result = await this.#connection.run(exchange);
    this.#watch?.start();
    return result;
  }

  async #image(opened: Opened<Prepared>, wanted: RegExp): Promise<OpcUaImage> {
    const { loaded, now, onNotice } = this.#options;
    const image = await readImage(opened, loaded, opened.prepared.nodes, wanted, now);
    if (wanted === IMAGE) {
      for (const note of image.notes) {
        if (!this.#noted.includes(note)) onNotice?.({ level: 'warn', text: note });
      }
      this.#noted = image.notes;
    }
    return image;
  }

  /** What a limit comes to for this device's nodes; nothing is written. */
  async #plan(
    opened: Opened<Prepared>,
    { limit_W, revert_s }: LimitCommand,
  ): Promise<(PlannedLimit & { target: LimitTarget }) | DeviceRefused> {
    const target = this.#target(opened);
    if ('outcome' in target) return target;
    const { mapped } = target;
    const { rules } = this.#options.loaded.mapping;
    if (!hasRevert(mapped) && rules.revertTimer === 'required') {
      return refused(
        'NO_REVERT_TIMER',
        'the device has no revert timer and would keep the limit for ever; set rules.revertTimer: optional in ' +
          'its mapping to control it all the same',
      );
    }
    const rating_W = (await this.#image(opened, LIMIT)).rating_W();
    if (rating_W === null || rating_W <= 0) return refused('NO_RATING', 'the device does not say its rating');
    const dataType = typeFor(target, 'limit');
    const value = limitValue({ limit_W, rating_W, mapped, dataType, floor_pct: rules.floor_pct });
    const { longest_s = Number.POSITIVE_INFINITY, unit = 's' } = mapped.revert ?? {};
    const revert = revertValue(revert_s, longest_s, factorOf(unit), typeFor(target, 'revert'));
    return { target, value, revert, rating_W };
  }

  /** The limit's nodes after a write; null when they cannot be read now: the write stands all the same. */
  async #readBack(opened: Opened<Prepared>): Promise<LimitState | null> {
    try {
      return (await this.#image(opened, LIMIT)).limit();
    } catch (error) {
      if (error instanceof OpcUaError) return null;
      throw error;
    }
  }

  #target(opened: Opened<Prepared>): LimitTarget | DeviceRefused {
    const mapped = this.#options.loaded.mapping.points.limit;
    if (mapped === undefined) return refused('NO_CONTROL', "the device's mapping has no limit");
    const { nodes, argumentTypes } = opened.prepared;
    const locked = unwritable(mapped, nodes);
    if (locked.length > 0) {
      return refused('NO_CONTROL', `this user may not write ${locked.map(({ text }) => text).join(', ')}`);
    }
    return { opened, mapped, nodes, argumentTypes };
  }

  #watched(nodes: ResolvedNodes): { name: string; node: ResolvedNode }[] {
    const named = this.#options.loaded.mapping.watch.map(({ name }, i) => ({
      name,
      path: `/watch/${i}/node`,
    }));
    const fixed = WATCHED.map((path) => ({ name: path.split('/')[2] ?? path, path }));
    return [...fixed, ...named].flatMap(({ name, path }) => {
      const node = nodes.get(path);
      return node === undefined ? [] : [{ name, node }];
    });
  }
}

function hasRevert({ revert, method }: LimitMapping): boolean {
  return revert !== undefined || method?.arguments.includes('revert') === true;
}

/** Type of the node that takes it, or of the method's argument. */
function typeFor({ mapped, nodes, argumentTypes: types }: LimitTarget, what: 'limit' | 'revert'): number {
  const argument = mapped.method?.arguments.indexOf(what) ?? -1;
  if (argument !== -1) return types[argument] ?? 0;
  return nodes.get(what === 'limit' ? '/points/limit/node' : '/points/limit/revert/node')?.dataType ?? 0;
}

function refused(code: DeviceRefused['code'], reason: string): DeviceRefused {
  return { outcome: 'refused', code, reason };
}
