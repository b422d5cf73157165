/** Points of a grid emulator that are OPC UA nodes: the agent's session, node look-up and writes, bound by the mapping. */
import type { ResolvedAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { OpcUaConnection, type Opened } from '@fieldbid/edge-agent/drivers/opcua/connection';
import { NodeImage, readNodes } from '@fieldbid/edge-agent/drivers/opcua/image';
import type { SwitchMapping } from '@fieldbid/edge-agent/drivers/opcua/mapping';
import {
  type NodeKind,
  type ResolvedNode,
  type ResolvedNodes,
  resolveNodes,
} from '@fieldbid/edge-agent/drivers/opcua/nodes';
import { factorOf, isBoolean, isWhole } from '@fieldbid/edge-agent/drivers/opcua/values';
import { type NodeWrite, writeNodes } from '@fieldbid/edge-agent/drivers/opcua/write-nodes';
import type { LoadedEmulatorMapping, OpcUaEmulatorMapping } from './mapping.ts';
import type { PointAccess, PointImage, PointWrite } from './points.ts';

interface Numeric {
  readonly node: string;
  readonly unit: string;
  readonly scale: number;
}

const POINTS = /^\/points\//;

export class OpcUaPoints implements PointAccess {
  readonly #mapping: OpcUaEmulatorMapping;
  readonly #now: () => number;
  readonly #connection: OpcUaConnection<ResolvedNodes>;

  /** @param deadline_ms real, for one answer; the mapping's by default. @param now by which reconnecting backs off. */
  constructor(
    access: ResolvedAccess,
    loaded: LoadedEmulatorMapping<OpcUaEmulatorMapping>,
    { now, deadline_ms }: { now: () => number; deadline_ms?: number },
  ) {
    this.#mapping = loaded.mapping;
    this.#now = now;
    this.#connection = new OpcUaConnection({
      access,
      deadline_ms: deadline_ms ?? loaded.mapping.deadline_ms,
      now,
      prepare: (session, opcua) => resolveNodes(opcua, session, loaded, kindAt),
    });
  }

  get name(): string {
    return this.#connection.name;
  }

  has(path: string): boolean {
    return typeof (this.#at(path) as { node?: unknown } | undefined)?.node === 'string';
  }

  /** Types are known once the server has been asked: what a node holds is the mapping's `resolution_V` to say. */
  step(): undefined {
    return undefined;
  }

  read(): Promise<PointImage> {
    return this.#connection.run(async (opened) => {
      const { chosen, answers } = await readNodes(opened, opened.prepared, POINTS);
      const image = new NodeImage(undefined, chosen, answers, this.#now());
      return {
        number: (path) => {
          const source = this.#at(path) as Partial<Numeric> | undefined;
          if (source?.node === undefined) return null;
          return image.number(path, { unit: '', scale: 1, ...source } as Numeric);
        },
        isOn: (path) => image.isOn(`${path}/node`, this.#at(path) as SwitchMapping | undefined),
        text: (path) => image.plainText(`${path}/node`),
      };
    });
  }

  write(writes: readonly PointWrite[], what: string): Promise<string | undefined> {
    return this.#connection.run(async (opened) => {
      const nodes = writes.map((one) => this.#encoded(opened, one));
      const locked = nodes.find(({ node }) => !node.writable);
      if (locked !== undefined) return `this user may not write ${locked.node.text}; nothing was written`;
      return writeNodes(opened, nodes, what);
    });
  }

  planned(writes: readonly PointWrite[]): string[] {
    return writes.map(({ path, value }) => {
      const { node, unit } = this.#at(path) as Partial<Numeric>;
      const own = typeof value === 'number' ? this.#own(path, value) : value;
      return `node ${node}: ${own}${unit === undefined ? '' : ` ${unit}`}`;
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #encoded({ prepared }: Opened<ResolvedNodes>, { path, value }: PointWrite): NodeWrite {
    const node = prepared.get(`${path}/node`);
    if (node === undefined) throw new TypeError(`the mapping has no ${path}`);
    if (typeof value === 'boolean') return { node, value: switchValue(this.#at(path), node, value) };
    const own = this.#own(path, value);
    return { node, value: isWhole(node.dataType) ? Math.round(own) : own };
  }

  /** In what the node counts. */
  #own(path: string, value: number): number {
    const { unit = '', scale = 1 } = this.#at(path) as Partial<Numeric>;
    return Number((value / scale / factorOf(unit)).toPrecision(12));
  }

  /** What stands in the mapping at a path. */
  #at(path: string): object | undefined {
    let found: unknown = this.#mapping;
    for (const key of path.split('/').slice(1)) {
      if (typeof found !== 'object' || found === null) return undefined;
      found = (found as Record<string, unknown>)[key];
    }
    return typeof found === 'object' && found !== null ? found : undefined;
  }
}

function switchValue(mapped: object | undefined, node: ResolvedNode, on: boolean): number | boolean | string {
  const { on: onValue, off: offValue } = (mapped ?? {}) as SwitchMapping;
  return (on ? onValue : offValue) ?? (isBoolean(node.dataType) ? on : Number(on));
}

function kindAt(path: string): NodeKind {
  if (/^\/points\/(manufacturer|model|serial)\//.test(path)) return 'text';
  return /^\/points\/(output|remote|alarm)\//.test(path) ? 'any' : 'number';
}
