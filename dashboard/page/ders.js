// The DERs: bid → award → setpoint → measured → verdict of the interval in force, and the bid that is traded now.
import { $, h, say } from './dom.js';
import { interval, kW, percent, usdPerMWh, VERDICTS } from './format.js';
import { show as showRecord } from './ledger.js';
import { agentsByDer, model } from './store.js';
import { virtualTable } from './virtual-table.js';

export const about = ['ders', 'agents', 'lab', 'schedule'];

const AGENTS = { live: ['●', 'good'], away: ['○', 'bad'] };
let agents = new Map();
let table;

const number = (title, name, of, show, hint, width = 's') => ({
  ...{ title, name, hint, width },
  sort: (row) => of(row) ?? null,
  cell: (row) => [show(of(row))],
});
const text = (title, name, of, width) => ({
  title,
  name,
  width,
  text: true,
  sort: of,
  cell: (row) => [of(row)],
});

const COLUMNS = [
  {
    ...{ title: 'DER', name: 'derId', text: true, width: 'l' },
    sort: (row) => row.derId,
    cell: ({ derId }) => {
      const [mark, ,] = AGENTS[agents.get(derId)] ?? ['·', 'quiet'];
      return [
        `${mark} ${derId}`,
        agents.get(derId) === 'away' ? 'bad' : '',
        agents.get(derId) === 'away' ? 'its agent is away' : '',
      ];
    },
  },
  text('Node', 'node', ({ node, phases }) => (node === '' ? '–' : `${node}.${phases}`), 'm'),
  text('DERA', 'dera', ({ deraId }) => (deraId === '' ? '–' : deraId), 'm'),
  number(
    'Bid $/MWh',
    'price',
    (row) => row.inForce?.price_uUSD_per_MWh,
    usdPerMWh,
    'price of the bid in force',
  ),
  number('Bid kW', 'bid', (row) => row.inForce?.bid_W, kW, 'quantity of the bid in force'),
  number('Approved', 'approved', (row) => row.inForce?.approved_W, kW, 'kW, after the DSO’s check'),
  number('Award', 'award', (row) => row.inForce?.allocation_W, kW, 'kW, allocated and confirmed by the DSO'),
  number(
    'Setpoint',
    'setpoint',
    (row) => row.measured?.limit_pct,
    percent,
    'limit in the device, percent of its WMax',
  ),
  number('Measured', 'measured', (row) => row.measured?.power_W, kW, 'kW, as the device measured last'),
  number(
    'Available',
    'available',
    (row) => row.measured?.available_W,
    kW,
    'kW, without a limit, as the device says',
  ),
  {
    ...{
      title: 'Verdict',
      name: 'verdict',
      text: true,
      width: 'm',
      hint: 'how the last command ended, by measured power',
    },
    sort: ({ verdict }) => (verdict === null ? null : verdict.verdict),
    cell: ({ verdict }) => {
      if (verdict === null) return ['–', 'quiet'];
      const [mark, tone] = VERDICTS[verdict.verdict];
      return [`${mark} ${verdict.verdict}`, tone, verdict.reason];
    },
  },
  number('Next kW', 'next', (row) => row.traded?.bid_W, kW, 'bid for the interval that is traded now'),
];

export function start() {
  table = virtualTable($('ders-table'), {
    label: 'DERs',
    columns: COLUMNS,
    keyOf: ({ derId }) => derId,
    onSelect: detail,
  });
  $('ders-find').addEventListener('input', () => fill());
  $('ders-show').addEventListener('change', () => fill());
}

export function draw() {
  agents = agentsByDer();
  fill();
  const chosen = model.ders.get(table.selected());
  if (chosen !== undefined) detail(chosen);
}

const SHOWN = {
  all: () => true,
  unproved: ({ verdict }) => verdict !== null && verdict.verdict !== 'verified',
  away: ({ derId }) => agents.get(derId) === 'away',
  curtailed: ({ inForce }) =>
    inForce !== null && inForce.approved_W !== null && inForce.approved_W < inForce.bid_W,
};

function fill() {
  const find = $('ders-find').value.trim().toLowerCase();
  const wanted = SHOWN[$('ders-show').value] ?? SHOWN.all;
  const all = [...model.ders.values()];
  const rows = all.filter(
    (row) =>
      wanted(row) && (find === '' || `${row.derId} ${row.node} ${row.deraId}`.toLowerCase().includes(find)),
  );
  table.set(rows);
  const { schedule } = model;
  const about =
    all.length === 0
      ? 'waiting for the first of them'
      : `${rows.length === all.length ? all.length : `${rows.length} of ${all.length}`} · in force: ${interval(schedule?.inForce)} · traded: ${interval(schedule?.traded)}`;
  say($('ders-facts'), about);
}

let detailOf = '';

function detail(row) {
  const key = JSON.stringify(row) + (agents.get(row.derId) ?? '');
  if (key === detailOf) return;
  detailOf = key;
  const { inForce, traded, verdict, measured } = row;
  const way = (title, bid) => {
    if (bid === null) return h('p', {}, h('b', {}, title), ' no bid known');
    const steps = [`bid ${kW(bid.bid_W)} kW at ${usdPerMWh(bid.price_uUSD_per_MWh)} $/MWh`];
    if (bid.approved_W !== null) steps.push(`approved ${kW(bid.approved_W)}`);
    if (bid.cleared_W !== null) steps.push(`cleared ${kW(bid.cleared_W)}`);
    if (bid.allocation_W !== null) steps.push(`allocated ${kW(bid.allocation_W)}`);
    const record = h('button', { type: 'button', onclick: () => showRecord(bid.uid, true) }, 'record');
    return h(
      'p',
      {},
      h('b', {}, title),
      ` ${interval(bid.intervalId)}: ${steps.join(' → ')}; ${bid.status} `,
      h('code', {}, bid.uid),
      ' ',
      record,
    );
  };
  const facts = [
    row.derId,
    row.deraId === '' ? null : `of ${row.deraId}`,
    row.nameplate_W === 0 ? null : `${kW(row.nameplate_W)} kW nameplate`,
    measured === null
      ? 'not measured yet'
      : `measured ${new Date(measured.at_ms).toISOString().slice(11, 19)}`,
  ];
  const seen =
    verdict === null
      ? h('p', { class: 'quiet' }, 'No command yet.')
      : h(
          'p',
          {},
          h('b', {}, `Last command (${interval(verdict.intervalId)}) `),
          `${verdict.verdict}: ${verdict.reason}`,
        );
  $('ders-detail').replaceChildren(
    h(
      'p',
      {},
      h('b', {}, facts.filter(Boolean).join(' · ')),
      agents.get(row.derId) === 'away' ? ' · its agent is away' : '',
    ),
    way('In force', inForce),
    way('Traded', traded),
    seen,
  );
}
