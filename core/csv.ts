/**
 * Small tables from files: comma-separated, one header line, `#` comments, numbers and plain words only (no
 * quoting). Every fault names file, line, column, what was found and what was expected.
 */
import { readText } from './config.ts';
import { describeFound, InputError } from './errors.ts';

export interface CsvRow {
  /** 1-based line in the file. */
  readonly line: number;
  text(column: string): string;
  /** A finite number. @throws InputError naming line and column. */
  number(column: string): number;
  /** An ISO instant in UTC, epoch ms. @throws InputError naming line and column. */
  instant_ms(column: string): number;
}

export interface CsvTable {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

/**
 * Reads a table that has at least these columns, and at least one row.
 * @throws InputError when the file is missing, a column is absent or repeated, or a row is ragged.
 */
export function readCsv(file: string, required: readonly string[]): CsvTable {
  const lines = readText(file)
    .split(/\r?\n/)
    .map((text, i) => ({ text: text.trim(), line: i + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const header = lines.shift();
  const columns = header?.text.split(',').map((name) => name.trim()) ?? [];
  const at = (line: number, path: string, found: string, expected: string) =>
    new InputError({ source: `${file}:${line}`, path, found, expected });
  for (const name of required) {
    if (!columns.includes(name)) {
      throw at(header?.line ?? 1, '', `the columns ${columns.join(', ')}`, `the column ${name}`);
    }
  }
  const repeated = columns.find((name, i) => columns.indexOf(name) !== i);
  if (repeated !== undefined) throw at(header?.line ?? 1, '', `two columns ${repeated}`, 'each column once');
  if (lines.length === 0) throw at(header?.line ?? 1, '', 'no rows', 'at least one row below the header');
  const rows = lines.map(({ text, line }) => {
    const cells = text.split(',').map((cell) => cell.trim());
    if (cells.length !== columns.length) {
      throw at(line, '', `${cells.length} cells`, `${columns.length} cells, as in the header`);
    }
    const cell = (column: string): string => {
      const found = cells[columns.indexOf(column)];
      if (found === undefined) throw new RangeError(`${file} has no column ${column}`);
      return found;
    };
    return {
      line,
      text: cell,
      number: (column: string) => {
        const value = cell(column) === '' ? Number.NaN : Number(cell(column));
        if (!Number.isFinite(value)) throw at(line, `/${column}`, describeFound(cell(column)), 'a number');
        return value;
      },
      instant_ms: (column: string) => {
        const value = Date.parse(cell(column).replace(/T(\d\d:\d\d)Z$/, 'T$1:00Z'));
        if (!Number.isFinite(value)) {
          throw at(line, `/${column}`, describeFound(cell(column)), 'an instant such as 2026-06-21T12:15Z');
        }
        return value;
      },
    };
  });
  return { file, columns, rows };
}
