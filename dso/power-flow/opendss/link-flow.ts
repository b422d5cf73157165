/**
 * Currents and power of a link out of the voltages of its nodes. A link's elements hold no sources, so that
 * current = admittance · voltage is what OpenDSS itself would answer.
 */

/** An element's nodes as places in the voltages (0 is the ground), and its primitive admittance matrix. */
export interface ElementFlow {
  readonly ends: readonly [readonly number[], readonly number[]];
  readonly admittance: Float64Array;
}

export interface Power {
  readonly active_W: number;
  readonly apparent_VA: number;
}

export class LinkFlow {
  /** Distinct nodes of each end: places in the voltages. */
  readonly #nodes: readonly number[];
  readonly #fromEnd: number;
  /** Rows of the elements' matrices, added up by node: re and im in turn. */
  readonly #admittance: Float64Array;
  readonly #currents: Float64Array;

  constructor(elements: readonly ElementFlow[]) {
    const [from, to] = ([0, 1] as const).map((end) => [
      ...new Set(elements.flatMap(({ ends }) => ends[end]).filter((node) => node !== 0)),
    ]) as [number[], number[]];
    this.#nodes = [...from, ...to];
    this.#fromEnd = from.length;
    const n = this.#nodes.length;
    this.#admittance = new Float64Array(2 * n * n);
    this.#currents = new Float64Array(2 * n);
    for (const { ends, admittance } of elements) {
      const place = [
        ...ends[0].map((node) => from.indexOf(node)),
        ...ends[1].map((node) => (node === 0 ? -1 : from.length + to.indexOf(node))),
      ];
      place.forEach((row, i) => {
        place.forEach((column, j) => {
          if (row < 0 || column < 0) return;
          const source = 2 * (i * place.length + j);
          this.#admittance[2 * (row * n + column)]! += admittance[source] ?? Number.NaN;
          this.#admittance[2 * (row * n + column) + 1]! += admittance[source + 1] ?? Number.NaN;
        });
      });
    }
  }

  /** Largest magnitude over the conductors of both ends, A. */
  largestCurrent_A(voltages: Float64Array): number {
    const currents = this.#flow(voltages);
    let largest = 0;
    for (let i = 0; i < currents.length; i += 2) {
      largest = Math.max(largest, Math.hypot(currents[i]!, currents[i + 1]!));
    }
    return largest;
  }

  /** Into the link at an end, over all conductors. */
  power(voltages: Float64Array, end: 0 | 1): Power {
    const currents = this.#flow(voltages);
    const [first, last] = end === 0 ? [0, this.#fromEnd] : [this.#fromEnd, this.#nodes.length];
    let [re, im] = [0, 0];
    for (let i = first; i < last; i++) {
      const at = 2 * this.#nodes[i]!;
      const [vRe, vIm, iRe, iIm] = [voltages[at]!, voltages[at + 1]!, currents[2 * i]!, currents[2 * i + 1]!];
      re += vRe * iRe + vIm * iIm;
      im += vIm * iRe - vRe * iIm;
    }
    return { active_W: re, apparent_VA: Math.hypot(re, im) };
  }

  #flow(voltages: Float64Array): Float64Array {
    const n = this.#nodes.length;
    for (let row = 0; row < n; row++) {
      let [re, im] = [0, 0];
      for (let column = 0; column < n; column++) {
        const at = 2 * this.#nodes[column]!;
        const [vRe, vIm] = [voltages[at]!, voltages[at + 1]!];
        const y = 2 * (row * n + column);
        const [yRe, yIm] = [this.#admittance[y]!, this.#admittance[y + 1]!];
        re += yRe * vRe - yIm * vIm;
        im += yRe * vIm + yIm * vRe;
      }
      this.#currents[2 * row] = re;
      this.#currents[2 * row + 1] = im;
    }
    return this.#currents;
  }
}
