/**
 * What an OPC UA server has, for whoever writes a mapping: its objects, variables and methods with node id, type,
 * rights and present value. The server's own diagnostics are left out.
 */
import type { ClientSession, NodeId, ReferenceDescription } from 'node-opcua-client';
import type { ResolvedAccess } from './access.ts';
import { OpcUaConnection, type Opened } from './connection.ts';
import { findBuiltIn } from './nodes.ts';
import { textOf, typeName } from './values.ts';

export interface FoundNode {
  /** As a mapping may name it: `/Objects/2:Inverter/2:ActivePower`. */
  readonly path: string;
  readonly nodeId: string;
  readonly kind: 'object' | 'variable' | 'method';
  /** Of variables: type, whether this user may write, and the value; null when it cannot be shown. */
  readonly type?: string;
  readonly writable?: boolean;
  readonly value?: string | null;
}

export interface Browsed {
  readonly namespaces: readonly string[];
  readonly nodes: readonly FoundNode[];
  /** False: there are more nodes than were asked for. */
  readonly complete: boolean;
}

const DEADLINE_MS = 10_000;
const OBJECTS = 'i=85';
/** The Server object: what every server says of itself. */
const SERVER = 'ns=0;i=2253';
const DEEPEST = 8;
const DESCRIPTIONS = ['InputArguments', 'OutputArguments'];
const KINDS: Readonly<Record<number, FoundNode['kind']>> = { 1: 'object', 2: 'variable', 4: 'method' };
const MAY_WRITE = 2;

/** @param most nodes to list. @throws OpcUaError. */
export async function browseServer(access: ResolvedAccess, most: number): Promise<Browsed> {
  const connection = new OpcUaConnection({
    access,
    deadline_ms: DEADLINE_MS,
    now: Date.now,
    prepare: async () => undefined,
  });
  try {
    return await connection.run(async (opened) => {
      const nodes: FoundNode[] = [];
      const namespaces = await opened.ask('reading the namespaces', opened.session.readNamespaceArray());
      const complete = await list(opened, OBJECTS, '/Objects', 0, nodes, most, new Set());
      return { namespaces, nodes, complete };
    });
  } finally {
    await connection.close();
  }
}

async function list(
  opened: Opened<unknown>,
  parent: string | NodeId,
  path: string,
  depth: number,
  nodes: FoundNode[],
  most: number,
  seen: Set<string>,
): Promise<boolean> {
  for (const child of await childrenOf(opened, parent)) {
    const nodeId = child.nodeId.toString();
    if (nodeId === SERVER || seen.has(nodeId)) continue;
    seen.add(nodeId);
    const { namespaceIndex, name } = child.browseName;
    const here = `${path}/${namespaceIndex === 0 ? '' : `${namespaceIndex}:`}${name ?? ''}`;
    // What every server has by the standard, and descriptions of methods, say nothing of the device.
    const ofDevice = child.nodeId.namespace !== 0 && !DESCRIPTIONS.includes(name ?? '');
    if (ofDevice && nodes.length >= most) return false;
    if (ofDevice) nodes.push(await describe(opened, child, here, nodeId));
    if (depth < DEEPEST && !(await list(opened, child.nodeId, here, depth + 1, nodes, most, seen)))
      return false;
  }
  return true;
}

async function childrenOf(
  { session, opcua, ask }: Opened<unknown>,
  nodeId: string | NodeId,
): Promise<ReferenceDescription[]> {
  const request = {
    nodeId,
    browseDirection: opcua.BrowseDirection.Forward,
    referenceTypeId: 'HierarchicalReferences',
    includeSubtypes: true,
    nodeClassMask: 1 | 2 | 4,
    resultMask: 63,
  };
  const found: ReferenceDescription[] = [];
  let result = await ask('browsing', session.browse(request));
  found.push(...(result.references ?? []));
  while (
    result.continuationPoint !== undefined &&
    result.continuationPoint !== null &&
    result.continuationPoint.length > 0
  ) {
    result = await ask('browsing', session.browseNext(result.continuationPoint, false));
    found.push(...(result.references ?? []));
  }
  return found;
}

async function describe(
  { session, opcua, ask }: Opened<unknown>,
  child: ReferenceDescription,
  path: string,
  nodeId: string,
): Promise<FoundNode> {
  const kind = KINDS[child.nodeClass] ?? 'object';
  if (kind !== 'variable') return { path, nodeId, kind };
  const { DataType, UserAccessLevel, Value } = opcua.AttributeIds;
  const reads = [DataType, UserAccessLevel, Value].map((attributeId) => ({
    nodeId: child.nodeId,
    attributeId,
  }));
  const [type, level, value] = await ask('reading a node', session.read(reads));
  const dataType = await ask('looking up a type', typeOf(opcua, session, type?.value.value));
  const said = value?.statusCode.isGood() === true ? textOf(dataType, value.value.value) : null;
  return {
    ...{ path, nodeId, kind, type: typeName(dataType), value: said },
    writable: level?.statusCode.isGood() === true && (Number(level.value.value) & MAY_WRITE) !== 0,
  };
}

async function typeOf(
  opcua: Opened<unknown>['opcua'],
  session: ClientSession,
  dataType: unknown,
): Promise<number> {
  return dataType instanceof opcua.NodeId ? findBuiltIn(opcua, session, dataType) : 0;
}

/** For the screen: one line a node. */
export function browsedText({ namespaces, nodes, complete }: Browsed): string {
  const rows = nodes.map(({ path, nodeId, kind, type, writable, value }) => {
    const what =
      kind === 'variable'
        ? `${type}${writable === true ? ', writable' : ''} = ${value ?? '(not shown)'}`
        : kind;
    return [path, nodeId, what] as const;
  });
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return [
    ...namespaces.map((uri, index) => `namespace ${index}: ${uri}`),
    ...rows.map(([path, id, what]) => `${path.padEnd(widths[0]!)}  ${id.padEnd(widths[1]!)}  ${what}`),
    ...(complete ? [] : ['... and more: --most N lists more of them']),
  ].join('\n');
}
