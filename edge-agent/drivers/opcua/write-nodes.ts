/** Step 11 · One Write for several nodes, and what the server says to each. */
import type { Opened } from './connection.ts';
import type { ResolvedNode } from './nodes.ts';
import { toWire } from './values.ts';

export interface NodeWrite {
  readonly node: ResolvedNode;
  readonly value: number | boolean | string;
}

/**
 * In this order. @param what for messages: `writing a limit`.
 * @returns why the device refused, with what was written all the same; undefined when it took everything. @throws OpcUaError.
 */
export async function writeNodes(
  { opcua, session, ask }: Opened<unknown>,
  writes: readonly NodeWrite[],
  what: string,
): Promise<string | undefined> {
  const { Scalar: arrayType } = opcua.VariantArrayType;
  const requests = writes.map(({ node, value }) => ({
    nodeId: node.nodeId,
    attributeId: opcua.AttributeIds.Value,
    // Without status and timestamps: a server need not take those from a client.
    value: { value: { dataType: node.dataType, arrayType, value: toWire(node.dataType, value) } },
  }));
  const results = await ask(what, session.write(requests));
  const refused = writes.flatMap(({ node }, i) => {
    const status = results[i];
    return status === undefined || status.isGood() ? [] : [`${node.text}: ${status.name}`];
  });
  if (refused.length === 0) return undefined;
  const taken = writes.filter((_, i) => results[i]?.isGood() === true).map(({ node }) => node.text);
  const before = taken.length === 0 ? 'nothing was written' : `${taken.join(', ')} had been written`;
  return `${refused.join(', ')}; ${before}`;
}
