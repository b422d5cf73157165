/** Linear programmes on HiGHS (npm `highs`, WebAssembly): maximise a sum within bounds and rows `Σ aᵢ·xᵢ <= b`. */
import { FieldbidError } from '@fieldbid/core/errors';
import highsModule, { type Highs } from 'highs';

export interface Row {
  readonly coefficients: readonly number[];
  readonly most: number;
}

export interface LinearProgram {
  /** Of the objective, to be maximised. */
  readonly weights: readonly number[];
  readonly bounds: readonly { readonly low: number; readonly high: number }[];
  readonly rows: readonly Row[];
}

/** Coefficients below this share of a row's largest are left out: they are noise of the differences. */
const NOISE = 1e-9;

/** Its types are written for CommonJS; as an ES module the function itself is the default. */
const loadHighs = highsModule as unknown as typeof highsModule.default;
let loading: Promise<Highs> | undefined;

/**
 * @returns the solution, in the order of the weights; undefined when there is none.
 * @throws FieldbidError `LP_FAILED` when the solver gives up.
 */
export async function maximise(program: LinearProgram): Promise<number[] | undefined> {
  loading ??= loadHighs();
  const highs: Highs = await loading;
  let found: ReturnType<Highs['solve']>;
  try {
    found = highs.solve(lpText(program), { presolve: 'on' });
  } catch (cause) {
    // The module's memory may be damaged: the next one gets a fresh one.
    loading = undefined;
    throw new FieldbidError('LP_FAILED', 'HiGHS could not solve a linear programme', { cause });
  }
  if (found.Status === 'Infeasible') return undefined;
  if (found.Status !== 'Optimal') throw new FieldbidError('LP_FAILED', `HiGHS ended with ${found.Status}`);
  const { Columns } = found;
  return program.weights.map((_, i) => (Columns[`x${i}`] as { Primal: number }).Primal);
}

/** In CPLEX's LP format. Rows are scaled so that their largest coefficient is 1. */
function lpText({ weights, bounds, rows }: LinearProgram): string {
  const sum = (coefficients: readonly number[]): string =>
    coefficients
      .flatMap((a, i) => (a === 0 ? [] : [`${a < 0 ? '-' : '+'} ${number(Math.abs(a))} x${i}`]))
      .join(' ');
  const lines = rows.flatMap(({ coefficients, most }, k) => {
    const scale = Math.max(...coefficients.map(Math.abs));
    if (!(scale > 0)) return [];
    const scaled = coefficients.map((a) => (Math.abs(a) < NOISE * scale ? 0 : a / scale));
    return [` r${k}: ${sum(scaled)} <= ${number(most / scale)}`];
  });
  return [
    'Maximize',
    ` total: ${sum(weights)}`,
    'Subject To',
    ...lines,
    'Bounds',
    ...bounds.map(({ low, high }, i) => ` ${number(low)} <= x${i} <= ${number(high)}`),
    'End',
  ].join('\n');
}

/** Without an exponent, which some readers take for a name. */
function number(value: number): string {
  const text = value.toPrecision(12);
  return text.includes('e') ? value.toFixed(12) : text;
}
