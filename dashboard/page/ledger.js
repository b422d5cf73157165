// The ledger: its latest transactions, and any bid's record with the proof that it is what was written.
import { ask } from './access.js';
import { recordChecksum } from './checksum.js';
import { $, fillTable, h, say } from './dom.js';
import { interval, kW } from './format.js';
import { model } from './store.js';

export const about = ['ledger', 'ders'];

const MOST_SHOWN = 40;
const BLOCKS = [
  ['block', true],
  ['event', true],
  ['interval', true],
  ['DERA', true],
  ['bids'],
  ['at', true],
  ['transaction', true],
];

export function start() {
  fillTable($('blocks'), BLOCKS, [], 'Waiting for the first transaction.');
  $('record-form').addEventListener('submit', (event) => {
    event.preventDefault();
    show($('uid').value.trim(), false);
  });
  $('verify').addEventListener('click', async () => {
    say($('verified'), 'Walking every block and record …', 'quiet');
    try {
      const { blocks, transactions, records, findings } = await ask('/api/verify');
      const found =
        findings.length === 0
          ? '✓ all as it was written'
          : `✕ ${findings.length} findings: ${findings[0].kind} at ${findings[0].where}`;
      say(
        $('verified'),
        `${blocks} blocks, ${transactions} transactions, ${records} records: ${found}`,
        findings.length === 0 ? 'good' : 'bad',
      );
    } catch (error) {
      say($('verified'), error.message, 'bad');
    }
  });
}

export function draw(changed) {
  if (changed.has('ledger')) {
    const entries = [...model.ledger.values()].slice(-MOST_SHOWN).reverse();
    const rows = entries.map(({ checkpoint, name, intervalId, deraId, bids, at_ms, txId }) => [
      ...[checkpoint, name, interval(intervalId), deraId ?? '–', bids === 0 ? '' : String(bids)],
      new Date(at_ms).toISOString().slice(11, 19),
      h('code', { title: txId }, txId.length > 14 ? `${txId.slice(0, 12)}…` : txId),
    ]);
    fillTable($('blocks'), BLOCKS, rows, 'Waiting for the first transaction.');
  }
  // Not while somebody chooses from it.
  if (changed.has('ders') && document.activeElement !== $('uid')) offerUids();
}

const MOST_OFFERED = 50;
let offered = '';

function offerUids() {
  const bids = [];
  for (const { derId, inForce } of model.ders.values()) {
    if (inForce !== null && bids.length < MOST_OFFERED)
      bids.push([inForce.uid, `${derId} ${interval(inForce.intervalId)}`]);
  }
  const key = bids.map(([uid]) => uid).join();
  if (key === offered) return;
  offered = key;
  $('uids').replaceChildren(...bids.map(([value, label]) => h('option', { value }, label)));
}

/** Fetches a bid's record and says whether it fits; `go`: the panel is brought into view. */
export async function show(uid, go) {
  $('uid').value = uid;
  const host = $('record');
  host.replaceChildren(h('p', { class: 'quiet' }, 'Reading …'));
  if (go) $('ledger').scrollIntoView({ block: 'start' });
  try {
    const shown = await ask(`/api/bids/${encodeURIComponent(uid)}`);
    const computed =
      shown.record === null ? shown.computed : await recordChecksum(shown.record.raw, shown.record.salt);
    host.replaceChildren(...parts(shown, computed));
  } catch (error) {
    host.replaceChildren(h('p', { class: 'bad' }, error.message));
  }
}

function parts({ uid, history, record, computed, fault }, inBrowser) {
  const last = history.at(-1);
  const onLedger = record?.state.checksum ?? last?.checksum ?? '–';
  const shownSum = inBrowser ?? computed;
  const equal = shownSum === null ? null : shownSum === onLedger;
  const said =
    equal === null
      ? ['warn', `? Cannot be compared: ${fault === '' ? 'this browser computes no checksums here' : fault}`]
      : equal
        ? [
            'good',
            `✓ Equal: the record is what was written${inBrowser === null ? ' (computed by the page’s server)' : ''}.`,
          ]
        : ['bad', `✕ NOT equal: the record is not what was written. ${fault}`];
  const block = [...model.ledger.values()].find(({ txId }) => txId === record?.txId)?.checkpoint;
  const facts = [
    ['DER, interval', `${last?.derId ?? '–'} of ${last?.deraId ?? '–'}, ${interval(last?.intervalId)}`],
    ['transaction', `${record?.txId ?? '–'}${block === undefined ? '' : `, block ${block}`}`],
    ['salt', record?.salt ?? '–'],
    ['on the ledger', onLedger],
    [inBrowser === null ? 'computed' : 'computed here', shownSum ?? '–'],
  ];
  const list = h(
    'dl',
    {},
    ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, h('code', {}, value))]),
  );
  const table = h('table', { class: 'plain' });
  fillTable(
    table,
    [['rev'], ['status', true], ['kW'], ['Wh'], ['by', true], ['checksum', true], ['reason', 'note']],
    history.map((state) => [
      ...[
        String(state.revision),
        state.status,
        kW(state.quantity_W),
        state.metered_Wh === null ? '' : String(state.metered_Wh),
      ],
      ...[state.by, h('code', { title: state.checksum }, `${state.checksum.slice(0, 16)}…`), state.reason],
    ]),
    'No revisions.',
  );
  return [
    h('p', { class: `said ${said[0]}` }, said[1]),
    h('p', {}, h('b', {}, 'Bid '), h('code', {}, uid)),
    list,
    h('div', { class: 'scroll short', tabindex: '0', role: 'region', 'aria-label': 'Revisions' }, table),
    record === null
      ? null
      : h(
          'details',
          {},
          h('summary', {}, 'Raw record'),
          h('pre', { tabindex: '0' }, JSON.stringify(record.raw, null, 2)),
        ),
  ].filter((part) => part !== null);
}
