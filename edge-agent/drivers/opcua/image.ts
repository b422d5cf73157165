/**
 * Step 1 · The answers to one Read, looked up by their place in the mapping, in the port's units. A bad status
 * means that the device does not say; an uncertain one is kept and noted; a value older than the mapping allows
 * counts as not said.
 */
import type { DataValue } from 'node-opcua-client';
import type { LimitState, OperatingState } from '../../device/der-device.ts';
import type { Opened } from './connection.ts';
import { pctOf, wattsPerUnit } from './limit-value.ts';
import type { LoadedMapping, OpcUaMapping, SwitchMapping } from './mapping.ts';
import type { ResolvedNode, ResolvedNodes } from './nodes.ts';
import { factorOf, isBoolean, numberOf, textOf } from './values.ts';

interface Numeric {
  readonly node: string;
  readonly unit: string;
  readonly scale: number;
}

/** Values of one Read by their place in the mapping, whatever the mapping is of. */
export class NodeImage {
  /** What was uncertain or too old: a sentence for each point. */
  readonly notes: readonly string[];
  readonly #values = new Map<string, { node: ResolvedNode; value: unknown }>();

  /**
   * @param stale_s values whose source timestamp is older count as not said; undefined: they are taken as they come.
   * @param now_ms market time, with which source timestamps are compared.
   */
  constructor(
    stale_s: number | undefined,
    nodes: readonly ResolvedNode[],
    answers: readonly DataValue[],
    now_ms: number,
  ) {
    const notes: string[] = [];
    for (const [i, node] of nodes.entries()) {
      const answer = answers[i];
      if (answer === undefined) continue;
      const { statusCode, sourceTimestamp } = answer;
      if (statusCode.isNotGood() && !statusCode.name.startsWith('Uncertain')) {
        notes.push(`${node.text}: ${statusCode.name}, not said`);
        continue;
      }
      const age_s = sourceTimestamp ? (now_ms - sourceTimestamp.getTime()) / 1000 : undefined;
      if (stale_s !== undefined && age_s !== undefined && age_s > stale_s) {
        notes.push(`${node.text}: ${Math.round(age_s)} s old, counts as not said`);
        continue;
      }
      if (statusCode.isNotGood()) notes.push(`${node.text}: ${statusCode.name}, taken all the same`);
      this.#values.set(node.path, { node, value: answer.value.value });
    }
    this.notes = notes;
  }

  /** In W, V, Wh or s. */
  number(path: string, source: Numeric | undefined): number | null {
    if (source === undefined) return null;
    const raw = this.plainNumber(`${path}/node`);
    return raw === null ? null : raw * source.scale * factorOf(source.unit);
  }

  /** @returns null when the value is neither on nor off. */
  isOn(path: string, mapped: SwitchMapping | undefined): boolean | null {
    const entry = this.#values.get(path);
    const text = this.plainText(path);
    if (mapped === undefined || entry === undefined || text === null) return null;
    if (mapped.on !== undefined && text === String(mapped.on)) return true;
    if (mapped.off !== undefined) return text === String(mapped.off) ? false : null;
    if (mapped.on !== undefined) return false;
    return isBoolean(entry.node.dataType) ? text === 'true' : text !== '0';
  }

  /** The node's own value. @param path of the node: `/points/power/node`. */
  plainNumber(path: string): number | null {
    const entry = this.#values.get(path);
    return entry === undefined ? null : numberOf(entry.node.dataType, entry.value);
  }

  /** The same as a person would read it. */
  plainText(path: string): string | null {
    const entry = this.#values.get(path);
    return entry === undefined ? null : textOf(entry.node.dataType, entry.value);
  }
}

export class OpcUaImage extends NodeImage {
  readonly #points: OpcUaMapping['points'];

  /** @param now_ms market time, with which source timestamps are compared. */
  constructor(
    { mapping }: LoadedMapping,
    nodes: readonly ResolvedNode[],
    answers: readonly DataValue[],
    now_ms: number,
  ) {
    super(mapping.stale_s, nodes, answers, now_ms);
    this.#points = mapping.points;
  }

  text(point: 'manufacturer' | 'model' | 'serial' | 'version'): string | null {
    const source = this.#points[point];
    if (source === undefined) return null;
    return 'value' in source ? source.value : this.plainText(`/points/${point}/node`);
  }

  rating_W(): number | null {
    const { rating } = this.#points;
    if (rating === undefined) return null;
    return 'value_W' in rating ? rating.value_W : this.number('/points/rating', rating);
  }

  state(): OperatingState | null {
    const text = this.plainText('/points/state/node');
    return text === null ? null : ((this.#points.state?.values[text] ?? null) as OperatingState | null);
  }

  connected(): boolean | null {
    return this.isOn('/points/connected/node', this.#points.connected);
  }

  limit(): LimitState | null {
    const { limit } = this.#points;
    const raw = this.plainNumber('/points/limit/node');
    const rating_W = this.rating_W();
    if (limit === undefined || raw === null) return null;
    const perUnit_W = wattsPerUnit(limit, rating_W ?? Number.NaN);
    const pct = pctOf(raw, limit, perUnit_W, rating_W ?? Number.NaN);
    if (!Number.isFinite(pct)) return null;
    const revert = this.plainNumber('/points/limit/revert/node');
    return {
      pct,
      enabled:
        limit.enable === undefined
          ? pct < 100
          : this.isOn('/points/limit/enable/node', limit.enable) === true,
      revert_s: revert === null || limit.revert === undefined ? null : revert * factorOf(limit.revert.unit),
    };
  }
}

/** One Read for all of them: the server answers from one moment. @param wanted paths in the mapping. @throws OpcUaError. */
export async function readImage(
  opened: Opened<unknown>,
  loaded: LoadedMapping,
  nodes: ResolvedNodes,
  wanted: RegExp,
  now: () => number,
): Promise<OpcUaImage> {
  const { chosen, answers } = await readNodes(opened, nodes, wanted);
  return new OpcUaImage(loaded, chosen, answers, now());
}

/** The same as the server gives it. @returns nodes with their answers, in one order. @throws OpcUaError. */
export async function readNodes(
  { opcua, session, ask }: Opened<unknown>,
  nodes: ResolvedNodes,
  wanted: RegExp,
): Promise<{ chosen: ResolvedNode[]; answers: DataValue[] }> {
  const chosen = [...nodes.values()].filter(({ path, dataType }) => dataType !== 0 && wanted.test(path));
  if (chosen.length === 0) return { chosen, answers: [] };
  const attributeId = opcua.AttributeIds.Value;
  const reads = chosen.map(({ nodeId }) => ({ nodeId, attributeId }));
  // Age 0: not from the server's cache.
  return { chosen, answers: await ask(`reading ${reads.length} nodes`, session.read(reads, 0)) };
}
