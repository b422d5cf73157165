/**
 * Input of the commands that need no service: a JSON, YAML or CSV file, or JSON on standard input. What is wrong is
 * named with file, path, found and expected; the command then ends with 2 and prints no result.
 */
import { readFileSync } from 'node:fs';
import type { Static, TSchema } from 'typebox';
import { locate, readConfig, readText } from '../config.ts';
import { type CsvRow, readCsv } from '../csv.ts';
import { describeFound, InputError, messageOf } from '../errors.ts';
import { parse } from '../schema.ts';

/** Where a value of the input stands, for a fault that is found after reading. */
export type Place = (path: string) => { source: string; path: string };

export interface Input<T> {
  readonly value: T;
  readonly place: Place;
}

const STDIN = 'standard input';

/** @param file `-` is standard input (JSON). `.json` is read as JSON, everything else as YAML. */
export function readInput<T extends TSchema>(schema: T, file: string): Input<Static<T>> {
  if (file === '-') {
    const place: Place = (path) => ({ source: STDIN, path });
    return { value: parse(schema, json(readFileSync(0, 'utf8'), STDIN), STDIN), place };
  }
  const place: Place = (path) => ({ source: locate(file, path), path });
  if (!file.endsWith('.json')) return { value: readConfig(schema, file), place };
  // Not as YAML, which JSON is too: its parser takes seconds for a large file.
  const content = json(readText(file), file);
  try {
    return { value: parse(schema, content, file), place };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError({ ...error.fault, ...place(error.fault.path) }, { cause: error });
  }
}

function json(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError({ source, path: '', found: messageOf(error), expected: 'JSON' }, { cause: error });
  }
}

/**
 * The rows of a CSV file as the objects that a JSON file would have: a column is a key, an empty cell an absent one.
 * @param columns what may be there, and whether it is text or a number.
 */
export function readRows(
  file: string,
  columns: Readonly<Record<string, 'text' | 'number'>>,
  required: readonly string[],
): { rows: Record<string, string | number>[]; lines: number[] } {
  const table = readCsv(file, required);
  const unknown = table.columns.find((name) => !Object.hasOwn(columns, name));
  if (unknown !== undefined) {
    const expected = `only the columns ${Object.keys(columns).join(', ')}`;
    throw new InputError({ source: file, path: '', found: `the column ${unknown}`, expected });
  }
  const cell = (row: CsvRow, name: string): string | number =>
    columns[name] === 'text' ? row.text(name) : row.number(name);
  const rows = table.rows.map((row) => {
    const present = table.columns.filter((name) => row.text(name) !== '');
    return Object.fromEntries(present.map((name) => [name, cell(row, name)]));
  });
  return { rows, lines: table.rows.map((row) => row.line) };
}

/** As `readInput`, of rows under `key`; paths in faults become line and column. */
export function readCsvInput<T extends TSchema>(
  schema: T,
  file: string,
  key: string,
  { rows, lines }: ReturnType<typeof readRows>,
): Input<Static<T>> {
  const place: Place = (path) => {
    const [, row, ...rest] = path.split('/').slice(1);
    const line = lines[Number(row)];
    return line === undefined
      ? { source: file, path }
      : { source: `${file}:${line}`, path: `/${rest.join('/')}` };
  };
  try {
    return { value: parse(schema, { [key]: rows }, file), place };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError({ ...error.fault, ...place(error.fault.path) }, { cause: error });
  }
}

/** Of a small unit: what a sum of decimal numbers is off by as it is stored, and nobody means. */
const NOISE = 1e-4;

/**
 * A decimal number in a larger unit as whole small ones: 0.1 MW is 100,000 W.
 * @returns undefined when it does not come to whole ones.
 */
export function wholeUnits(value: number, unitsIn: number): number | undefined {
  const units = Math.round(value * unitsIn) + 0;
  const isWhole = Math.abs(value * unitsIn - units) <= (unitsIn === 1 ? 0 : NOISE);
  return Number.isSafeInteger(units) && isWhole ? units : undefined;
}

/** The one of several keys that an object gives its quantity by, in whole small units. */
export function oneOf(
  row: Readonly<Record<string, unknown>>,
  units: Readonly<Record<string, number>>,
  at: (key: string) => { source: string; path: string },
): number | undefined {
  const given = Object.keys(units).filter((key) => row[key] !== undefined);
  const [key, second] = given;
  if (key === undefined) return undefined;
  if (second !== undefined) {
    throw new InputError({ ...at(second), found: `${key} and ${second}`, expected: 'one of the two' });
  }
  const value = row[key] as number;
  const whole = wholeUnits(value, units[key]!);
  if (whole !== undefined) return whole;
  const smallest = Object.keys(units).find((name) => units[name] === 1);
  throw new InputError({
    ...at(key),
    found: describeFound(value),
    expected: `a number that comes to a whole ${smallest} (${units[key]!.toLocaleString('en')} to one)`,
  });
}

/** Runs a command's work; wrong input is said on standard error and ends the program with 2, as wrong usage does. */
export async function refusingWrongInput(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(`fieldbid: ${error.message}`);
    process.exitCode = 2;
  }
}
