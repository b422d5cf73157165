/**
 * The nodes of a mapping, looked up at the server once a session: ids behind names and browse paths, types, and
 * what this user may do with them. What does not fit is an error that names the line of the mapping, the node, and
 * what the server said.
 */
import { locate } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import type { ClientSession, DataValue, NodeId } from 'node-opcua-client';
import type { Library } from './library.ts';
import { type LoadedMapping, type NamedNodes, nodesOf, withIndices } from './mapping.ts';
import { isBoolean, isNumeric, isText, typeName } from './values.ts';

export interface ResolvedNode {
  /** Where the mapping names it: `/points/power/node`. */
  readonly path: string;
  /** As the mapping names it. */
  readonly text: string;
  readonly nodeId: NodeId;
  /** Built-in type of its value; 0 for objects and methods. */
  readonly dataType: number;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** By path in the mapping file. */
export type ResolvedNodes = ReadonlyMap<string, ResolvedNode>;

/** OPC 10000-3, node classes; OPC 10000-3, 8.57: bits of the access level. */
const CLASSES = { object: 1, node: 2, method: 4 } as const;
const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'an Object', 2: 'a Variable', 4: 'a Method' };
const MAY_READ = 1;
const MAY_WRITE = 2;
const ROOT = 'i=84';
/** The standard types below this id are built in. */
const BUILT_IN = 25;

/** What a node's value has to be. */
export type NodeKind = 'number' | 'text' | 'any';

/**
 * @param kindAt by the node's path in the mapping; by default as in the mapping of a DER.
 * @throws InputError for the first node that is not there or of the wrong kind; what the session throws.
 */
export async function resolveNodes(
  opcua: Library,
  session: ClientSession,
  loaded: NamedNodes,
  kindAt: (path: string) => NodeKind = kindOfDerNode,
): Promise<ResolvedNodes> {
  const named = nodesOf(loaded.mapping);
  const ids = await idsOf(opcua, session, loaded, named);
  const { AttributeIds } = opcua;
  const answers = await session.read(
    ids.flatMap((nodeId) =>
      [AttributeIds.NodeClass, AttributeIds.DataType, AttributeIds.UserAccessLevel].map((attributeId) => ({
        nodeId,
        attributeId,
      })),
    ),
  );
  const found = new Map<string, ResolvedNode>();
  for (const [i, { path, node }] of named.entries()) {
    const [nodeClass, type, access] = answers.slice(3 * i, 3 * i + 3) as [DataValue, DataValue, DataValue];
    const wrong = (what: string, expected: string) => fault(loaded, path, `${node}, ${what}`, expected);
    if (nodeClass.statusCode.isNotGood()) {
      throw wrong(`which the server does not have (${nodeClass.statusCode.name})`, 'a node of this server');
    }
    const wanted = CLASSES[path.split('/').at(-1) as keyof typeof CLASSES];
    const is = Number(nodeClass.value.value);
    if (is !== wanted) {
      throw wrong(`which is ${CLASS_NAMES[is] ?? `of node class ${is}`}`, CLASS_NAMES[wanted] ?? '');
    }
    const dataType =
      wanted === CLASSES.node ? await findBuiltIn(opcua, session, type.value.value as NodeId) : 0;
    const kind = wanted === CLASSES.node ? kindAt(path) : 'any';
    if ((kind === 'number' && !isNumeric(dataType)) || (kind === 'text' && !isText(dataType))) {
      throw wrong(
        `whose type is ${typeName(dataType)}`,
        kind === 'number' ? 'a number' : 'a String or LocalizedText',
      );
    }
    const level = access.statusCode.isGood() ? Number(access.value.value) : 0;
    found.set(path, {
      path,
      text: node,
      nodeId: ids[i]!,
      dataType,
      readable: (level & MAY_READ) !== 0,
      writable: (level & MAY_WRITE) !== 0,
    });
  }
  return found;
}

/** Built-in types of a method's input arguments. @throws InputError when their number differs. */
export async function argumentTypes(
  opcua: Library,
  session: ClientSession,
  loaded: LoadedMapping,
  nodes: ResolvedNodes,
): Promise<number[]> {
  const path = '/points/limit/method/method';
  const method = nodes.get(path);
  const named = loaded.mapping.points.limit?.method?.arguments;
  if (method === undefined || named === undefined) return [];
  const { inputArguments = [] } = await session.getArgumentDefinition(method.nodeId);
  if (inputArguments.length !== named.length) {
    const found = `${method.text}, which takes ${inputArguments.length} arguments`;
    throw fault(loaded, path, found, `a method with ${named.length}: ${named.join(', ')}`);
  }
  const types: number[] = [];
  for (const { dataType } of inputArguments) types.push(await findBuiltIn(opcua, session, dataType));
  return types;
}

async function idsOf(
  opcua: Library,
  session: ClientSession,
  loaded: NamedNodes,
  named: readonly { path: string; node: string }[],
): Promise<NodeId[]> {
  const { namespaces } = loaded.mapping;
  const uris = await session.readNamespaceArray();
  const indexOf = (alias: string): number => {
    const uri = namespaces[alias] ?? '';
    const index = uris.indexOf(uri);
    if (index !== -1) return index;
    const found = `${uri}, which the server does not have`;
    throw fault(loaded, `/namespaces/${alias}`, found, `one of ${uris.join(', ')}`);
  };
  const texts = named.map(({ node }) => withIndices(node, indexOf));
  const parsed = texts.map((text, i) => {
    try {
      return text.startsWith('/') ? opcua.makeBrowsePath(ROOT, text) : opcua.coerceNodeId(text);
    } catch {
      const { path, node } = named[i]!;
      throw fault(
        loaded,
        path,
        node,
        'a node id such as ns=2;s=Inverter.W, or a path such as /Objects/2:Inverter',
      );
    }
  });
  const paths = parsed.filter((entry) => entry instanceof opcua.BrowsePath);
  const results = paths.length === 0 ? [] : await session.translateBrowsePath(paths);
  let next = 0;
  return parsed.map((entry, i) => {
    if (!(entry instanceof opcua.BrowsePath)) return entry;
    const result = results[next++];
    const target = result?.targets?.[0]?.targetId;
    if (result?.statusCode.isGood() === true && target !== undefined) return target;
    const { path, node } = named[i]!;
    const said = result?.statusCode.name ?? 'no answer';
    throw fault(loaded, path, `${node}, which leads nowhere (${said})`, 'a browse path of this server');
  });
}

/** The built-in type behind a data type. @throws what the session throws. */
export async function findBuiltIn(opcua: Library, session: ClientSession, dataType: NodeId): Promise<number> {
  const standard =
    dataType.namespace === 0 && typeof dataType.value === 'number' && dataType.value <= BUILT_IN;
  return standard ? (dataType.value as number) : Number(await opcua.findBasicDataType(session, dataType));
}

function kindOfDerNode(path: string): NodeKind {
  if (/^\/points\/(manufacturer|model|serial|version)\//.test(path)) return 'text';
  return /^\/(watch|points\/(state|connected))\/|\/enable\//.test(path) ? 'any' : 'number';
}

/** A switch that is no Boolean and no number has no on and off by itself. @throws InputError. */
export function checkSwitches(loaded: LoadedMapping, nodes: ResolvedNodes): void {
  const { connected, limit } = loaded.mapping.points;
  for (const [path, mapped] of [
    ['/points/connected/node', connected],
    ['/points/limit/enable/node', limit?.enable],
  ] as const) {
    const node = nodes.get(path);
    if (node === undefined || mapped === undefined) continue;
    if (isBoolean(node.dataType) || isNumeric(node.dataType) || mapped.on !== undefined) continue;
    const found = `${node.text}, whose type is ${typeName(node.dataType)}`;
    throw fault(loaded, path, found, 'a Boolean or a number, or what "on" and "off" are');
  }
}

function fault({ file }: NamedNodes, path: string, found: string, expected: string): InputError {
  return new InputError({ source: locate(file, path), path, found, expected });
}
