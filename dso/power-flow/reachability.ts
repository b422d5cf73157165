/**
 * Which node phases are connected to the swing bus. Engines "solve" an island with absurd or stale voltages,
 * so this is checked here, before anything is solved.
 */
import type { LinkDescription, NodeDescription, Phase } from './power-flow.ts';

/**
 * @param parents child node → node that it is attached to.
 * @returns `node.phase` of every node phase that no closed link connects to the swing bus.
 */
export function unreachable(
  nodes: readonly NodeDescription[],
  links: readonly LinkDescription[],
  swing: string,
  parents: ReadonlyMap<string, string>,
): string[] {
  const islands: string[] = [];
  for (const phase of ['A', 'B', 'C'] as const) {
    const neighbours = neighboursOn(phase, links, parents);
    const reached = new Set([swing]);
    const open = [swing];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const next of neighbours.get(node) ?? []) {
        if (reached.has(next)) continue;
        reached.add(next);
        open.push(next);
      }
    }
    for (const { name, phases } of nodes) {
      if (phases.includes(phase) && !reached.has(name)) islands.push(`${name}.${phase}`);
    }
  }
  return islands;
}

function neighboursOn(
  phase: Phase,
  links: readonly LinkDescription[],
  parents: ReadonlyMap<string, string>,
): Map<string, string[]> {
  const out = new Map<string, string[]>();
  const connect = (a: string, b: string): void => {
    out.set(a, [...(out.get(a) ?? []), b]);
    out.set(b, [...(out.get(b) ?? []), a]);
  };
  for (const { from, to, phases, closed } of links) if (closed && phases.includes(phase)) connect(from, to);
  for (const [child, parent] of parents) connect(child, parent);
  return out;
}
