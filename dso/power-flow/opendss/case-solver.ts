/** Solves cases on a compiled circuit; runs in the worker process. */
import { DssError, type DssLibrary } from './dss-library.ts';
import { HEAD, OUTCOME, type Request, recordLength } from './exchange.ts';
import { LinkFlow } from './link-flow.ts';
import type { WatchedLink } from './translate.ts';

type LoadRequest = Extract<Request, { op: 'load' }>;

/** Outside this band the solver has "succeeded" on nonsense; the engine of record has the same. */
const SANE_PU: readonly [number, number] = [0.05, 3];

export class CaseSolver {
  readonly #dss: DssLibrary;
  readonly #loads: readonly number[];
  readonly #nodeCount: number;
  /** Places of each watched voltage: plus, minus, in turn. */
  readonly #places: Int32Array;
  readonly #nominal_V: Float64Array;
  readonly #rated: readonly { flow: LinkFlow; kind: 'current' | 'power'; rating: number }[];
  readonly #feeding: readonly { flow: LinkFlow; end: 0 | 1 }[];
  /** W and var that each load has, in turn. */
  readonly #set: Float64Array;
  /** OpenDSS's memory: stays where it is as long as the circuit has the same nodes. */
  readonly #voltages: Float64Array;
  /** Where every solve starts, so that no answer depends on the one before it. */
  readonly #start: Float64Array;
  readonly #magnitudes: Float64Array;
  readonly #loadings: Float64Array;

  /** @throws DssError when OpenDSS refuses the circuit or cannot solve it as it stands. */
  constructor(dss: DssLibrary, { commands, loads, voltages, rated, feeding }: LoadRequest) {
    this.#dss = dss;
    this.#loads = loads;
    for (const command of commands) dss.command(command);
    dss.solve();
    const nodes = dss.nodes();
    this.#nodeCount = nodes.length;
    const places = new Map(nodes.map((name, i) => [name.toLowerCase(), i + 1]));
    const place = (node: string): number => {
      const found = node === '0' ? 0 : places.get(node);
      if (found === undefined) throw new RangeError(`the circuit has no node ${node}`);
      return found;
    };
    this.#places = Int32Array.from(voltages.flatMap(({ plus, minus }) => [place(plus), place(minus)]));
    this.#nominal_V = Float64Array.from(voltages, ({ nominal_V }) => nominal_V);
    const flowOf = ({ elements }: WatchedLink): LinkFlow =>
      new LinkFlow(
        elements.map(({ element, ends: [from, to] }) => ({
          ends: [from.map(place), to.map(place)],
          admittance: dss.admittance(element),
        })),
      );
    this.#rated = rated.map((link) => ({ flow: flowOf(link), kind: link.kind, rating: link.rating }));
    this.#feeding = feeding.map((link) => ({ flow: flowOf(link), end: link.end }));
    this.#start = this.#startingVoltages();
    this.#voltages = dss.voltages(this.#nodeCount);
    this.#set = new Float64Array(2 * loads.length).fill(Number.NaN);
    this.#magnitudes = new Float64Array(voltages.length);
    this.#loadings = new Float64Array(rated.length);
  }

  /** @param cases, count, full as in `Request`. @returns records as in `Reply`. */
  solve(cases: Float64Array, count: number, full: boolean): Float64Array {
    const width = 2 * this.#loads.length;
    const length = recordLength(full, this.#nominal_V.length, this.#loadings.length);
    const records = new Float64Array(count * length);
    for (let i = 0; i < count; i++) {
      this.#solveOne(cases, i * width, records.subarray(i * length, (i + 1) * length), full);
    }
    return records;
  }

  #solveOne(cases: Float64Array, offset: number, record: Float64Array, full: boolean): void {
    for (let i = 0; i < this.#loads.length; i++) {
      const [power_W, reactive_var] = [cases[offset + 2 * i]!, cases[offset + 2 * i + 1]!];
      if (power_W === this.#set[2 * i] && reactive_var === this.#set[2 * i + 1]) continue;
      this.#dss.setLoad(this.#loads[i]!, power_W, reactive_var);
      this.#set[2 * i] = power_W;
      this.#set[2 * i + 1] = reactive_var;
    }
    const solved = this.#voltages;
    solved.set(this.#start);
    if (!this.#dss.solve()) {
      record[0] = OUTCOME.diverged;
      return;
    }
    const insane = this.#readMagnitudes(solved);
    if (insane !== undefined) {
      record.set([OUTCOME.badVoltage, insane, this.#magnitudes[insane]!]);
      return;
    }
    let swing_W = 0;
    for (const { flow, end } of this.#feeding) swing_W += flow.power(solved, end).active_W;
    const overCurrent = this.#readLoadings(solved);
    if (overCurrent || !Number.isFinite(swing_W)) {
      record[0] = OUTCOME.badCurrent;
      return;
    }
    record.set([OUTCOME.solved, swing_W, 0]);
    if (full) this.#writeAll(solved, record);
    else this.#writeExtremes(record);
  }

  /** @returns the place of a voltage outside the sane band. */
  #readMagnitudes(voltages: Float64Array): number | undefined {
    for (let i = 0; i < this.#nominal_V.length; i++) {
      const [plus, minus] = [2 * this.#places[2 * i]!, 2 * this.#places[2 * i + 1]!];
      const re = voltages[plus]! - voltages[minus]!;
      const im = voltages[plus + 1]! - voltages[minus + 1]!;
      const pu = Math.sqrt(re * re + im * im) / this.#nominal_V[i]!;
      this.#magnitudes[i] = pu;
      if (!(pu > SANE_PU[0] && pu < SANE_PU[1])) return i; // NaN as well
    }
    return undefined;
  }

  /** @returns whether one is not finite. */
  #readLoadings(voltages: Float64Array): boolean {
    this.#rated.forEach(({ flow, kind, rating }, i) => {
      const carried =
        kind === 'current'
          ? flow.largestCurrent_A(voltages)
          : Math.max(flow.power(voltages, 0).apparent_VA, flow.power(voltages, 1).apparent_VA);
      this.#loadings[i] = carried / rating;
    });
    return !this.#loadings.every(Number.isFinite);
  }

  #writeAll(voltages: Float64Array, record: Float64Array): void {
    const count = this.#nominal_V.length;
    record.set(this.#magnitudes, HEAD);
    for (let i = 0; i < count; i++) {
      const [plus, minus] = [2 * this.#places[2 * i]!, 2 * this.#places[2 * i + 1]!];
      const re = voltages[plus]! - voltages[minus]!;
      const im = voltages[plus + 1]! - voltages[minus + 1]!;
      record[HEAD + count + i] = (Math.atan2(im, re) * 180) / Math.PI;
    }
    record.set(this.#loadings, HEAD + 2 * count);
  }

  #writeExtremes(record: Float64Array): void {
    let [high, low] = [0, 0];
    for (let i = 1; i < this.#magnitudes.length; i++) {
      if (this.#magnitudes[i]! > this.#magnitudes[high]!) high = i;
      if (this.#magnitudes[i]! < this.#magnitudes[low]!) low = i;
    }
    let most = -1;
    for (let i = 0; i < this.#loadings.length; i++) {
      if (most < 0 || this.#loadings[i]! > this.#loadings[most]!) most = i;
    }
    const loading = most < 0 ? 0 : this.#loadings[most]!;
    record.set([this.#magnitudes[high]!, high, this.#magnitudes[low]!, low, loading, most], HEAD);
  }

  /** The model as it stands; without any load where that has no solution. */
  #startingVoltages(): Float64Array {
    if (this.#dss.solve()) return this.#dss.voltages(this.#nodeCount).slice();
    for (const load of this.#loads) this.#dss.setLoad(load, 0, 0);
    this.#dss.command('set loadmult=0');
    const converged = this.#dss.solve();
    this.#dss.command('set loadmult=1');
    if (!converged) throw new DssError('the circuit has no solution, even without any load');
    return this.#dss.voltages(this.#nodeCount).slice();
  }
}
