import { fileURLToPath } from 'node:url';
import { readText } from '@fieldbid/core/config';
import test, { type ExecutionContext } from 'ava';
import type { Phase } from '../power-flow.ts';
import { GlmReader } from './glm-reader.ts';
import { lineMatrices } from './lines.ts';

const FILE = fileURLToPath(new URL('../../../feeders/ieee13-original/ieee13.glm', import.meta.url));
const reader = new GlmReader(FILE, readText(FILE));
const microsiemens = (nF: number) => 2 * Math.PI * 60 * nF * 1e-3;

function matricesOf(line: string, phases: readonly Phase[]) {
  return lineMatrices(reader.objects.get(line)!, phases, reader.globals);
}

/** @param expected lower triangle: R and X in ohm per mile, B in microsiemens per mile, as IEEE publishes them. */
function check(
  t: ExecutionContext,
  line: string,
  phases: readonly Phase[],
  expected: readonly (readonly [number, number, number])[],
  tolerance: readonly [ohm: number, microsiemens: number],
): void {
  const { impedance_ohm_per_mile, capacitance_nF_per_mile } = matricesOf(line, phases);
  let i = 0;
  let [worst_ohm, worst_uS] = [0, 0];
  for (let row = 0; row < phases.length; row++) {
    for (let column = 0; column <= row; column++) {
      const [r, x, b] = expected[i++]!;
      const z = impedance_ohm_per_mile[row]![column]!;
      worst_ohm = Math.max(worst_ohm, Math.abs(z.re - r), Math.abs(z.im - x));
      worst_uS = Math.max(worst_uS, Math.abs(microsiemens(capacitance_nF_per_mile[row]![column]!) - b));
    }
  }
  t.log(`${line}: ${worst_ohm.toFixed(5)} ohm/mile, ${worst_uS.toFixed(4)} uS/mile`);
  t.true(worst_ohm <= tolerance[0], `${worst_ohm} ohm/mile`);
  t.true(worst_uS <= tolerance[1], `${worst_uS} uS/mile`);
}

// IEEE 13 Node Test Feeder, "Impedances": all matrices that it publishes.
test('configuration 601 has the published impedances (overhead, three phases)', (t) => {
  check(
    t,
    'line_630-632',
    ['A', 'B', 'C'],
    [
      [0.3465, 1.0179, 6.2998],
      [0.156, 0.5017, -1.9958],
      [0.3375, 1.0478, 5.9597],
      [0.158, 0.4236, -1.2595],
      [0.1535, 0.3849, -0.7417],
      [0.3414, 1.0348, 5.6386],
    ],
    [0.0001, 0.02],
  );
});

test('configuration 603 has the published impedances (overhead, two phases)', (t) => {
  const published = [
    [1.3294, 1.3471, 4.7097],
    [0.2066, 0.4591, -0.8999],
    [1.3238, 1.3569, 4.6658],
  ] as const;
  check(t, 'line_632-645', ['B', 'C'], published, [0.0001, 0.02]);
});

test('configuration 605 has the published impedances (overhead, one phase)', (t) => {
  check(t, 'line_684-611', ['C'], [[1.3292, 1.3475, 4.5193]], [0.0005, 0.03]);
});

test('configuration 606 has the published impedances (cable with concentric neutral)', (t) => {
  const published = [
    [0.7982, 0.4463, 96.8897],
    [0.3192, 0.0328, 0],
    [0.7891, 0.4041, 96.8897],
    [0.2849, -0.0143, 0],
    [0.3192, 0.0328, 0],
    [0.7982, 0.4463, 96.8897],
  ] as const;
  check(t, 'line_692-675', ['A', 'B', 'C'], published, [0.0002, 0.3]);
});
