/**
 * `npm run bench [-- NAME …]`: figures, each beside a limit or a peer measured in the same run. Nothing here is a
 * test: it prints, it does not judge.
 */
import { parseArgs } from 'node:util';
import { InputError } from '@fieldbid/core/errors';
import { bufferFigures } from './buffer.ts';
import { clearingFigures } from './clearing.ts';
import { dayFigures } from './day.ts';
import { dsoFigures } from './dso.ts';
import { edgeFigures } from './edge.ts';
import { killsFigures } from './kills.ts';
import { ledgerFigures } from './ledger.ts';
import { opcuaFigures } from './opcua.ts';
import { pageFigures } from './page.ts';
import { readFigures } from './read.ts';
import { realtimeFigures } from './realtime.ts';
import { scaleFigures } from './scale.ts';
import { transportFigures } from './transport.ts';

interface BenchOptions {
  /** Reads of the transport bench. */
  readonly reads?: number;
  /** Duration of the edge bench. */
  readonly minutes?: number;
  /** Kills of the kills bench. */
  readonly kills?: number;
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<[string, string, string][]>>> = {
  day: dayFigures,
  buffer: bufferFigures,
  clearing: clearingFigures,
  dso: dsoFigures,
  edge: edgeFigures,
  kills: killsFigures,
  ledger: ledgerFigures,
  opcua: opcuaFigures,
  page: pageFigures,
  read: readFigures,
  realtime: realtimeFigures,
  scale: scaleFigures,
  transport: transportFigures,
};

const { values, positionals } = parseArgs({
  options: { reads: { type: 'string' }, minutes: { type: 'string' }, kills: { type: 'string' } },
  allowPositionals: true,
});
const options: BenchOptions = {
  ...given('reads', Number.isInteger),
  ...given('minutes', Number.isFinite),
  ...given('kills', Number.isInteger),
};

function given(
  name: 'reads' | 'minutes' | 'kills',
  fits: (value: number) => boolean,
): Record<string, number> {
  const text = values[name];
  if (text === undefined) return {};
  const value = Number(text);
  if (fits(value) && value > 0) return { [name]: value };
  throw new InputError({ source: `--${name}`, path: '', found: text, expected: `a number of ${name}` });
}

const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  const expected = `one of ${Object.keys(BENCHES).join(', ')}`;
  throw new InputError({ source: 'npm run bench', path: '', found: unknown, expected });
}
const rows: [string, string, string][] = [];
for (const name of names) {
  rows.push(...((await BENCHES[name]?.(options)) ?? []));
}
const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
for (const [what, measured, beside] of rows) {
  console.log(`${what.padEnd(widths[0] ?? 0)}  ${measured.padEnd(widths[1] ?? 0)}  ${beside}`.trimEnd());
}
