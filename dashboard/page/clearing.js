// The clearing of any interval: picked by the arrow keys, or the latest as it comes.
import { ask } from './access.js';
import { curveSvg } from './curve.js';
import { $, fillTable, h, say } from './dom.js';
import { interval, isDayAhead, kW, pu, usdPerMWh } from './format.js';
import { show as showRecord } from './ledger.js';
import { model } from './store.js';

export const about = ['intervals', 'lab', 'link'];

const MOST_KEPT = 60;
const SETTLE_MS = 200;
const kept = new Map();
let follows = true;
let picked = null;
let drawn = '';
let timer;

export function start() {
  const range = $('interval');
  const move = (step) => {
    range.value = String(Number(range.value) + step);
    choose();
  };
  $('earlier').addEventListener('click', () => move(-1));
  $('later').addEventListener('click', () => move(1));
  range.addEventListener('input', choose);
  $('clearing').addEventListener('keydown', (event) => {
    if (event.target === range || /INPUT|SELECT/.test(event.target.tagName)) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(step);
  });
  $('latest').addEventListener('click', () => follow(true));
  $('clearing-market').addEventListener('change', () => follow(true));
}

function follow(on) {
  follows = on;
  $('latest').setAttribute('aria-pressed', String(on));
  draw();
}

function cleared() {
  const ahead = $('clearing-market').value === 'day-ahead';
  return [...model.intervals.values()]
    .filter((row) => row.price_uUSD_per_MWh !== null && isDayAhead(row.intervalId) === ahead)
    .map(({ intervalId }) => intervalId)
    .sort();
}

function choose() {
  picked = cleared()[Number($('interval').value)] ?? null;
  follow(false);
}

export function draw() {
  const ids = cleared();
  const range = $('interval');
  range.max = String(Math.max(0, ids.length - 1));
  if (follows || !ids.includes(picked)) picked = ids.at(-1) ?? null;
  const at = ids.indexOf(picked);
  range.value = String(Math.max(0, at));
  range.setAttribute('aria-valuetext', interval(picked));
  $('earlier').disabled = at <= 0;
  $('later').disabled = at >= ids.length - 1;
  if (picked === null) {
    if (drawn !== 'none') {
      say($('clearing-of'), '–');
      say($('clearing-facts'), '');
      $('curve').replaceChildren(h('p', { class: 'wait' }, 'Waiting for the first clearing of this market.'));
      fillTable($('interval-bids'), BIDS, [], 'No interval is picked.');
    }
    drawn = 'none';
    return;
  }
  facts();
  const row = model.intervals.get(picked);
  const key = `${picked} ${model.ledger.size === 0} ${row?.allocation_W} ${row?.bids} ${row?.price_uUSD_per_MWh}`;
  if (key === drawn) return;
  drawn = key;
  // On a fast clock intervals come faster than anybody looks.
  clearTimeout(timer);
  timer = setTimeout(load, SETTLE_MS);
}

function facts() {
  const row = model.intervals.get(picked);
  if (row === undefined) return;
  say($('clearing-of'), `${interval(picked)} UTC`);
  const { decision } = row;
  const parts = [
    `${usdPerMWh(row.price_uUSD_per_MWh)} $/MWh`,
    `${(row.cleared_W / 1e6).toFixed(3)} MW (${row.clearing})`,
    row.bid_W === null
      ? null
      : `bids ${kW(row.bid_W)} → approved ${kW(row.approved_W)} → allocated ${kW(row.allocation_W)} kW`,
    decision === null
      ? null
      : `DSO: ${decision.outcome}${decision.bindingNode === null ? '' : ` at ${decision.bindingNode}`}, bids as they were ${pu(decision.originalMax_upu)} pu`,
  ];
  say($('clearing-facts'), parts.filter(Boolean).join(' · '));
}

const BIDS = [['DER', true], ['$/MWh'], ['bid kW'], ['stands at kW'], ['status', true], ['record', true]];

async function load() {
  const id = picked;
  if (id === null) return;
  try {
    let clearing = kept.get(id);
    if (clearing === undefined) {
      clearing = await ask(`/api/clearings/${encodeURIComponent(id)}`);
      kept.set(id, clearing);
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    }
    if (id !== picked) return;
    $('curve').replaceChildren(curveSvg(clearing, model.lab?.deraIds ?? []));
  } catch (error) {
    $('curve').replaceChildren(h('p', { class: 'warn' }, error.message));
  }
  if (model.ledger.size === 0) {
    fillTable($('interval-bids'), BIDS, [], 'Nothing has been read from a ledger.');
    return;
  }
  try {
    const { bids } = await ask(`/api/intervals/${encodeURIComponent(id)}`);
    if (id !== picked) return;
    const rows = bids.map((bid) => [
      ...[bid.derId, usdPerMWh(bid.price_uUSD_per_MWh), kW(bid.bid_W), kW(bid.quantity_W), bid.status],
      h(
        'button',
        { type: 'button', title: bid.uid, onclick: () => showRecord(bid.uid, true) },
        `${bid.uid.slice(0, 8)}…`,
      ),
    ]);
    fillTable($('interval-bids'), BIDS, rows, 'Nobody bid.');
  } catch (error) {
    if (id === picked) fillTable($('interval-bids'), BIDS, [], error.message);
  }
}
