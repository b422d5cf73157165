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

export class OpcUaImage {
  /** What was uncertain or too old: a sentence for each point. */
  readonly notes: readonly string[];
  readonly #points: OpcUaMapping['points'];
  readonly #values = new Map<string, { node: ResolvedNode; value: unknown }>();

  /** @param now_ms market time, with which source timestamps are compared. */
  constructor(
    { mapping }: LoadedMapping,
    nodes: readonly ResolvedNode[],
    answers: readonly DataValue[],
    now_ms: number,
  ) {
    this.#points = mapping.points;
    const { stale_s } = mapping;
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

  text(point: 'manufacturer' | 'model' | 'serial' | 'version'): string | null {
    const source = this.#points[point];
    if (source === undefined) return null;
    return 'value' in source ? source.value : this.#text(`/points/${point}/node`);
  }

  /** W, V or Wh. */
  number(path: string, source: Numeric | undefined): number | null {
    if (source === undefined) return null;
    const raw = this.#number(`${path}/node`);
    return raw === null ? null : raw * source.scale * factorOf(source.unit);
  }

  rating_W(): number | null {
    const { rating } = this.#points;
    if (rating === undefined) return null;
    return 'value_W' in rating ? rating.value_W : this.number('/points/rating', rating);
  }

  state(): OperatingState | null {
    const text = this.#text('/points/state/node');
    return text === null ? null : ((this.#points.state?.values[text] ?? null) as OperatingState | null);
  }

  connected(): boolean | null {
    return this.#isOn('/points/connected/node', this.#points.connected);
  }

  limit(): LimitState | null {
    const { limit } = this.#points;
    const raw = this.#number('/points/limit/node');
    const rating_W = this.rating_W();
    if (limit === undefined || raw === null) return null;
    const perUnit_W = wattsPerUnit(limit, rating_W ?? Number.NaN);
    const pct = pctOf(raw, limit, perUnit_W, rating_W ?? Number.NaN);
    if (!Number.isFinite(pct)) return null;
    const revert = this.#number('/points/limit/revert/node');
    return {
      pct,
      enabled:
        limit.enable === undefined
          ? pct < 100
          : this.#isOn('/points/limit/enable/node', limit.enable) === true,
      revert_s: revert === null || limit.revert === undefined ? null : revert * factorOf(limit.revert.unit),
    };
  }

  #isOn(path: string, mapped: SwitchMapping | undefined): boolean | null {
    const entry = this.#values.get(path);
    const text = this.#text(path);
    if (mapped === undefined || entry === undefined || text === null) return null;
    if (mapped.on !== undefined && text === String(mapped.on)) return true;
    if (mapped.off !== undefined) return text === String(mapped.off) ? false : null;
    if (mapped.on !== undefined) return false;
    return isBoolean(entry.node.dataType) ? text === 'true' : text !== '0';
  }

  #number(path: string): number | null {
    const entry = this.#values.get(path);
    return entry === undefined ? null : numberOf(entry.node.dataType, entry.value);
  }

  #text(path: string): string | null {
    const entry = this.#values.get(path);
    return entry === undefined ? null : textOf(entry.node.dataType, entry.value);
  }
}

/** One Read for all of them: the server answers from one moment. @param wanted paths in the mapping. @throws OpcUaError. */
export async function readImage(
  { opcua, session, ask }: Opened<unknown>,
  loaded: LoadedMapping,
  nodes: ResolvedNodes,
  wanted: RegExp,
  now: () => number,
): Promise<OpcUaImage> {
  const chosen = [...nodes.values()].filter(({ path, dataType }) => dataType !== 0 && wanted.test(path));
  if (chosen.length === 0) return new OpcUaImage(loaded, [], [], now());
  const attributeId = opcua.AttributeIds.Value;
  const reads = chosen.map(({ nodeId }) => ({ nodeId, attributeId }));
  // Age 0: not from the server's cache.
  const answers = await ask(`reading ${reads.length} nodes`, session.read(reads, 0));
  return new OpcUaImage(loaded, chosen, answers, now());
}
