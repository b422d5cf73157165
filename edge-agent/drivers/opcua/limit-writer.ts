/**
 * Step 11 · Writes a limit: limit, revert time and enable in one Write call, in that order, each result looked at;
 * or the method that the device wants called instead.
 */
import type { Opened } from './connection.ts';
import type { LimitMapping } from './mapping.ts';
import type { ResolvedNode, ResolvedNodes } from './nodes.ts';
import { isBoolean, toWire } from './values.ts';
import { writeNodes } from './write-nodes.ts';

export interface LimitTarget {
  readonly opened: Opened<unknown>;
  readonly nodes: ResolvedNodes;
  readonly mapped: LimitMapping;
  /** Built-in types of the method's arguments. */
  readonly argumentTypes: readonly number[];
}

/** Values for the nodes; absent ones are left as they are. */
export interface LimitNodes {
  readonly limit?: number;
  readonly revert?: number;
  readonly enable?: boolean;
}

const LIMIT = '/points/limit/node';
const REVERT = '/points/limit/revert/node';
const ENABLE = '/points/limit/enable/node';

/** @returns why the device refused, with what was written all the same; undefined when it took everything. @throws OpcUaError. */
export function writeLimit(target: LimitTarget, values: Required<LimitNodes>): Promise<string | undefined> {
  return target.mapped.method === undefined ? write(target, values) : call(target, values);
}

/** Takes the limit out of force. @param full the limit node's value for 100 %. */
export function writeRelease(target: LimitTarget, full: number): Promise<string | undefined> {
  const { mapped } = target;
  if (mapped.method !== undefined) return call(target, { limit: full, revert: 0, enable: false });
  return write(target, mapped.enable === undefined ? { limit: full } : { enable: false });
}

/** What the device needs to have written but this user may not write. */
export function unwritable({ method }: LimitMapping, nodes: ResolvedNodes): ResolvedNode[] {
  if (method !== undefined) return [];
  return [LIMIT, REVERT, ENABLE]
    .map((path) => nodes.get(path))
    .filter((node) => node !== undefined)
    .filter(({ writable }) => !writable);
}

async function write(target: LimitTarget, values: LimitNodes): Promise<string | undefined> {
  const { nodes, mapped } = target;
  const wanted = [
    [LIMIT, values.limit],
    [REVERT, values.revert],
    [ENABLE, values.enable === undefined ? undefined : switchValue(mapped, nodes.get(ENABLE), values.enable)],
  ] as const;
  const writes = wanted.flatMap(([path, value]) => {
    const node = nodes.get(path);
    return node === undefined || value === undefined ? [] : [{ node, value }];
  });
  return writeNodes(target.opened, writes, 'writing a limit');
}

async function call(target: LimitTarget, values: Required<LimitNodes>): Promise<string | undefined> {
  const { nodes, mapped, argumentTypes } = target;
  const { opcua, session, ask } = target.opened;
  const object = nodes.get('/points/limit/method/object');
  const method = nodes.get('/points/limit/method/method');
  if (mapped.method === undefined || object === undefined || method === undefined) {
    throw new TypeError('the method was looked up with the other nodes');
  }
  const inputArguments = mapped.method.arguments.map((name, i) => {
    const dataType = argumentTypes[i] ?? 0;
    return new opcua.Variant({
      dataType,
      arrayType: opcua.VariantArrayType.Scalar,
      value: toWire(dataType, values[name]),
    });
  });
  const request = { objectId: object.nodeId, methodId: method.nodeId, inputArguments };
  const result = await ask(`calling ${method.text}`, session.call(request));
  if (result.statusCode.isGood()) return undefined;
  const which = (result.inputArgumentResults ?? []).findIndex((status) => status.isNotGood());
  const argument = which === -1 ? '' : ` (${mapped.method.arguments[which]})`;
  return `${method.text}: ${result.statusCode.name}${argument}; nothing was written`;
}

function switchValue(
  { enable }: LimitMapping,
  node: ResolvedNode | undefined,
  on: boolean,
): number | boolean | string {
  const configured = on ? enable?.on : enable?.off;
  if (configured !== undefined) return configured;
  return node !== undefined && isBoolean(node.dataType) ? on : Number(on);
}
