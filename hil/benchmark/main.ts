/**
 * `npm run bench [-- NAME …]`: each figure beside a limit or a peer measured in the same run. Nothing here is a test:
 * it prints, it does not judge.
 */
import { bufferFigures } from './buffer.ts';
import { dayFigures } from './day.ts';

type Figures = () => Promise<[what: string, measured: string, beside: string][]>;

const BENCHMARKS: Readonly<Record<string, Figures>> = { day: dayFigures, buffer: bufferFigures };

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS);
const unknown = wanted.find((name) => BENCHMARKS[name] === undefined);
if (unknown !== undefined) {
  console.error(`no benchmark ${unknown}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}
const rows: Awaited<ReturnType<Figures>> = [];
for (const name of wanted) {
  console.error(`${name} …`);
  rows.push(...((await BENCHMARKS[name]?.()) ?? []));
}
const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
for (const [what, measured, beside] of rows) {
  console.log(`${what.padEnd(widths[0] ?? 0)}  ${measured.padEnd(widths[1] ?? 0)}  ${beside}`.trimEnd());
}
