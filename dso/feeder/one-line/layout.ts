/**
 * Where each bus of a one-line diagram goes: a radial tree from the swing bus, the longest way straight to the
 * right, every branch in the nearest row above or below that is free. Columns count links from the swing bus.
 */
import type { FeederDescription, LinkDescription } from '../../power-flow/power-flow.ts';

export interface Placed {
  readonly name: string;
  readonly column: number;
  /** 0 for the trunk; negative rows are above it. */
  readonly row: number;
  /** The link that it is fed by; absent for the swing bus. */
  readonly feed?: LinkDescription;
  readonly parent?: Placed;
}

export interface Layout {
  readonly buses: ReadonlyMap<string, Placed>;
  /** Open switches, and closed links that close a loop: named beside the diagram, not drawn in it. */
  readonly ties: readonly LinkDescription[];
}

interface Branch {
  readonly name: string;
  readonly feed?: LinkDescription;
  readonly children: Branch[];
  /** Links to the furthest bus behind it. */
  depth: number;
}

/** Empty columns behind the last bus of a row, for its label. */
const LABEL_COLUMNS = 0.6;

export function layOut({ nodes, links, swing }: FeederDescription): Layout {
  const live = new Set(nodes.map(({ name }) => name));
  const { root, ties } = spanningTree(swing, links, live);
  const buses = new Map<string, Placed>();
  const taken = new Map<number, [from: number, to: number][]>();
  const free = (row: number, from: number, to: number) =>
    (taken.get(row) ?? []).every(([a, b]) => to < a || from > b);
  const take = (row: number, from: number, to: number) =>
    void taken.set(row, [...(taken.get(row) ?? []), [from, to]]);

  /** A branch straight along a row, then what leaves it: from its far end, so that nothing crosses. */
  const place = (branch: Branch, column: number, row: number, parent: Placed | undefined): void => {
    take(row, column, column + branch.depth + LABEL_COLUMNS);
    const straight: { at: Placed; others: Branch[] }[] = [];
    let before = parent;
    let next: Branch | undefined = branch;
    for (let x = column; next !== undefined; x++) {
      const { name, feed, children }: Branch = next;
      const at: Placed = {
        name,
        column: x,
        row,
        ...(feed === undefined ? {} : { feed }),
        ...(before === undefined ? {} : { parent: before }),
      };
      buses.set(name, at);
      straight.push({ at, others: children.slice(1) });
      before = at;
      next = children[0];
    }
    for (const { at, others } of straight.reverse()) {
      for (const other of others) place(other, at.column + 1, rowFor(other, at), at);
    }
  };

  /** The nearest row whose cells are free, and the way there along the column of the bus. */
  const rowFor = ({ depth }: Branch, { column, row }: Placed): number => {
    for (let away = 1; ; away++) {
      for (const candidate of [row + away, row - away]) {
        if (!free(candidate, column, column + 1 + depth + LABEL_COLUMNS)) continue;
        const between = Array.from(
          { length: away - 1 },
          (_, i) => row + Math.sign(candidate - row) * (i + 1),
        );
        if (!between.every((way) => free(way, column, column))) continue;
        for (const way of between) take(way, column, column);
        take(candidate, column, column);
        return candidate;
      }
    }
  };

  place(root, 0, 0, undefined);
  return { buses, ties };
}

/** What closed links reach from the swing bus, nearest first; the deepest child of each bus comes first. */
function spanningTree(
  swing: string,
  links: readonly LinkDescription[],
  live: ReadonlySet<string>,
): { root: Branch; ties: LinkDescription[] } {
  const root: Branch = { name: swing, children: [], depth: 0 };
  const reached = new Map([[swing, root]]);
  const used = new Set<LinkDescription>();
  const order = [root];
  for (const branch of order) {
    for (const link of links) {
      if (!link.closed || used.has(link) || (link.from !== branch.name && link.to !== branch.name)) continue;
      const name = link.from === branch.name ? link.to : link.from;
      if (reached.has(name) || !live.has(name)) continue;
      const child: Branch = { name, feed: link, children: [], depth: 0 };
      used.add(link);
      reached.set(name, child);
      branch.children.push(child);
      order.push(child);
    }
  }
  for (const branch of order.reverse()) {
    branch.children.sort((a, b) => b.depth - a.depth);
    branch.depth = branch.children.length === 0 ? 0 : 1 + (branch.children[0]?.depth ?? 0);
  }
  return { root, ties: links.filter((link) => !used.has(link)) };
}
