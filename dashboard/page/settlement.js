// Settlement so far: what each party received less what it paid, by kind; all parties together come to nothing.
import { $, fillTable, say } from './dom.js';
import { interval, usd } from './format.js';
import { model } from './store.js';

export const about = ['settlement', 'lab'];

const KINDS = ['day-ahead', 'real-time', 'true-up', 'deviation', 'fee'];
const COLUMNS = [['party', true], ...KINDS.map((kind) => [`${kind} $`]), ['total $']];

export function draw() {
  const { settlement } = model;
  if (settlement === null) {
    fillTable($('settlement-table'), COLUMNS, [], 'Waiting for the first interval to be settled.');
    return;
  }
  const { parties, sum_uUSD, intervals, latest, disagreed } = settlement;
  const rows = parties.map(({ party, byKind_uUSD, total_uUSD }) => [
    party,
    ...KINDS.map((kind) => usd(byKind_uUSD[kind] ?? 0)),
    usd(total_uUSD),
  ]);
  const sums = KINDS.map((kind) =>
    usd(parties.reduce((sum, { byKind_uUSD }) => sum + (byKind_uUSD[kind] ?? 0), 0)),
  );
  rows.push(['all together', ...sums, usd(sum_uUSD)]);
  fillTable($('settlement-table'), COLUMNS, rows, '', (row) => (row[0] === 'all together' ? 'total' : ''));
  const iso =
    disagreed.length === 0 ? 'the ISO agrees with all' : `the ISO does not agree with ${disagreed.length}`;
  say(
    $('settlement-facts'),
    `${intervals} interval${intervals === 1 ? '' : 's'}, the latest ${interval(latest)}; ${iso}`,
  );
}
