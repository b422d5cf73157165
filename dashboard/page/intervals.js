// Intervals, the latest first: what each came to; and the hours sold a day ahead.
import { $, fillTable, h, say } from './dom.js';
import { interval, isDayAhead, kW, pu, usdPerMWh } from './format.js';
import { model } from './store.js';

export const about = ['intervals', 'lab'];

const MOST_SHOWN = 60;
const COLUMNS = [
  ...[
    ['interval', true],
    ['$/MWh'],
    ['bid kW'],
    ['approved'],
    ['allocated'],
    ['bids’ max pu'],
    ['DSO', true],
  ],
  ...[
    ['✓ ✕ ?', true],
    ['', true],
    ['notes', 'note'],
  ],
];

export function draw() {
  const rows = [...model.intervals.values()].sort((a, b) => (a.intervalId < b.intervalId ? 1 : -1));
  const shown = rows
    .slice(0, MOST_SHOWN)
    .map((row) => [
      ...[
        interval(row.intervalId),
        usdPerMWh(row.price_uUSD_per_MWh),
        kW(row.bid_W),
        kW(row.approved_W),
        kW(row.allocation_W),
      ],
      ...[pu(row.decision?.originalMax_upu), row.decision === null ? '–' : row.decision.outcome],
      `${row.verified} ${row.refused} ${row.unproven}`,
      row.completed === null
        ? ''
        : h('span', { class: row.completed ? 'good' : 'bad' }, row.completed ? 'complete' : 'NOT complete'),
      row.notes.join('; '),
    ]);
  fillTable($('intervals-table'), COLUMNS, shown, 'Waiting for the first interval.');
  const hours = rows.filter(({ intervalId }) => isDayAhead(intervalId));
  const real = rows.length - hours.length;
  const ahead = hours.length === 0 ? '' : ` · ${hours.length} hours sold a day ahead`;
  say(
    $('intervals-facts'),
    rows.length === 0
      ? ''
      : `${real} in real time${ahead}; ${rows.length > MOST_SHOWN ? `the latest ${MOST_SHOWN}` : 'all'} shown, newest first`,
  );
}
