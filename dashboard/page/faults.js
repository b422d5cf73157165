// Faults: what can be injected now, what was, and the end of it. Acting needs the operator's token.
import { ask, onToken, token } from './access.js';
import { $, fillTable, h, say } from './dom.js';
import { clock } from './format.js';
import { model } from './store.js';

export const about = ['faults', 'lab', 'link'];

const MARKS = { injected: ['●', 'warn'], ended: ['✓', 'good'], refused: ['✕', 'bad'] };
let offers = [];
let can = { actions: false, ledger: false, token: false };
let asked = '';

export function start() {
  $('fault-kind').addEventListener('change', fields);
  onToken(reload);
  $('fault-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const fault = $('fault-kind').value;
    const number = (id, key) => ($(id).value === '' ? {} : { [key]: Number($(id).value) });
    const order = {
      fault,
      ...($('fault-target').value === '' ? {} : { target: $('fault-target').value }),
      ...number('fault-minutes', 'duration_min'),
      ...(fault === 'answers-late' ? number('fault-delay', 'delay_ms') : {}),
      ...(fault === 'agent-clock-step' ? number('fault-step', 'step_s') : {}),
    };
    act('/api/faults', { method: 'POST', body: order });
  });
}

export function draw(changed) {
  const { lab, link } = model;
  const key = `${lab?.scenario} ${link.state}`;
  if (link.state === 'live' && (key !== asked || changed.has('faults'))) {
    asked = key;
    reload();
  }
  table();
}

async function act(path, options) {
  say($('fault-said'), 'Ordered …', 'quiet');
  try {
    const mark = await ask(path, options);
    const [sign, tone] = MARKS[mark.outcome];
    say(
      $('fault-said'),
      `${sign} ${mark.order.fault}: ${mark.outcome}${mark.note === '' ? '' : `, ${mark.note}`}`,
      tone,
    );
    model.faults.set(mark.id, mark);
    table();
  } catch (error) {
    const text =
      error.code === 'UNAUTHENTICATED'
        ? 'The operator’s token is needed: press “Operator…” above.'
        : error.message;
    say($('fault-said'), text, 'bad');
  }
}

async function reload() {
  try {
    can = await ask('/api/access');
    offers = (await ask('/api/faults')).offers;
  } catch {
    // Said by the link already.
    return;
  }
  const kind = $('fault-kind');
  const before = kind.value;
  kind.replaceChildren(...offers.map(({ fault }) => h('option', { value: fault }, fault)));
  if (offers.some(({ fault }) => fault === before)) kind.value = before;
  for (const field of $('fault-form').querySelectorAll('label, button')) field.hidden = offers.length === 0;
  fields();
}

function fields() {
  const kind = $('fault-kind').value;
  const targets = offers.find(({ fault }) => fault === kind)?.targets ?? [];
  const target = $('fault-target');
  const before = target.value;
  target.replaceChildren(...targets.map((name) => h('option', { value: name }, name)));
  if (targets.includes(before)) target.value = before;
  target.disabled = targets.length === 0;
  $('fault-delay-label').hidden = kind !== 'answers-late';
  $('fault-step-label').hidden = kind !== 'agent-clock-step';
  const inject = $('fault-inject');
  inject.disabled = !can.actions || offers.length === 0 || token() === '';
  const why = !can.actions
    ? 'There is no bench behind this page that faults could be injected into.'
    : offers.length === 0
      ? 'Nothing can be injected now.'
      : token() === ''
        ? 'Read-only: press “Operator…” above and give the token to act.'
        : '';
  if (why !== '' || /^(There is no|Nothing can|Read-only)/.test($('fault-said').textContent))
    say($('fault-said'), why, 'quiet');
  table();
}

function table() {
  const marks = [...model.faults.values()].reverse();
  const rows = marks.map(({ id, order, origin, from_ms, until_ms, outcome, note }) => {
    const [sign, tone] = MARKS[outcome];
    const end =
      outcome === 'injected'
        ? h(
            'button',
            {
              type: 'button',
              disabled: token() === '',
              onclick: () => act(`/api/faults/${encodeURIComponent(id)}`, { method: 'DELETE' }),
            },
            'End it',
          )
        : '';
    return [
      ...[
        id,
        order.fault,
        order.target ?? '–',
        origin,
        clock(from_ms),
        until_ms === null ? '–' : clock(until_ms),
      ],
      ...[h('span', { class: tone }, `${sign} ${outcome}`), end, note],
    ];
  });
  const columns = [
    ['id', true],
    ['fault', true],
    ['target', true],
    ['from', true],
    ['began', true],
    ['until', true],
    ['', true],
    ['', true],
    ['note', 'note'],
  ];
  fillTable($('fault-marks'), columns, rows, 'No fault in this run.');
}
