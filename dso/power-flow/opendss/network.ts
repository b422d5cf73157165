/**
 * The circuit that is being put together: OpenDSS commands, and which elements and nodes stand for what.
 * Elements and buses get names of our own, because those of a GLM may hold what OpenDSS cannot read.
 */
import type { Phase } from '../power-flow.ts';

/** An OpenDSS node, `b3.1`; the ground is `0`. */
export type DssNode = string;

/** An element of a link, with the nodes of its conductors at the from and the to end. */
export interface LinkElement {
  readonly element: string;
  readonly ends: readonly [readonly DssNode[], readonly DssNode[]];
}

export class Network {
  readonly commands: string[] = [];
  /** Link of the model → the elements that make it up. */
  readonly links = new Map<string, LinkElement[]>();
  readonly #buses = new Map<string, string>();
  #elements = 0;

  /** Text of a terminal on these phases: `b3.1.2`. */
  terminal(node: string, phases: readonly Phase[]): string {
    return [this.#bus(node), ...phases.map(nodeNumber)].join('.');
  }

  node(name: string, phase: Phase): DssNode {
    return `${this.#bus(name)}.${nodeNumber(phase)}`;
  }

  /** Adds an element. @returns its full name, `line.e5`. */
  add(kind: string, properties: string): string {
    const element = `${kind}.e${this.#elements++}`;
    this.commands.push(`new ${element} ${properties}`);
    return element;
  }

  /** Adds an element that (with others of the same name) is a link of the model. */
  addLink(name: string, kind: string, ends: LinkElement['ends'], properties: string): void {
    const element = this.add(kind, properties);
    this.links.set(name, [...(this.links.get(name) ?? []), { element, ends }]);
  }

  #bus(name: string): string {
    const bus = this.#buses.get(name) ?? `b${this.#buses.size}`;
    this.#buses.set(name, bus);
    return bus;
  }
}

function nodeNumber(phase: Phase): number {
  return 'ABC'.indexOf(phase) + 1;
}

/** Lower triangle as OpenDSS reads it: `(1 | 2 3)`. */
export function triangle(rows: readonly (readonly number[])[]): string {
  return `(${rows.map((row, i) => row.slice(0, i + 1).join(' ')).join(' | ')})`;
}
