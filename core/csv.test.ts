import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readCsv } from './csv.ts';

function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'csv-')), 'table.csv');
  writeFileSync(path, text);
  return path;
}

test('comments, blank lines and Windows line ends are fine; values are typed', (t) => {
  const table = readCsv(file('# prices\r\nstart, price\r\n\r\n2026-06-21T12:15Z, -3.5\r\n'), [
    'start',
    'price',
  ]);
  t.is(table.rows.length, 1);
  t.is(table.rows[0]?.line, 4);
  t.is(table.rows[0]?.number('price'), -3.5);
  t.is(table.rows[0]?.instant_ms('start'), Date.UTC(2026, 5, 21, 12, 15));
});

test('each fault names file, line and column', (t) => {
  t.throws(() => readCsv(file('a,b\n1,2\n'), ['c']), {
    message: /table\.csv:1: found the columns a, b, expected the column c/,
  });
  t.throws(() => readCsv(file('a,a\n1,2\n'), ['a']), { message: /two columns a/ });
  t.throws(() => readCsv(file('a,b\n'), ['a']), { message: /no rows/ });
  t.throws(() => readCsv(file('a,b\n1\n'), ['a']), {
    message: /table\.csv:2: found 1 cells, expected 2 cells/,
  });
  const { rows } = readCsv(file('a\nx\n'), ['a']);
  t.throws(() => rows[0]?.number('a'), { message: /table\.csv:2 at \/a: found "x", expected a number/ });
  t.throws(() => rows[0]?.instant_ms('a'), { message: /an instant such as/ });
});
