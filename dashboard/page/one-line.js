// The feeder: the bench's drawing, each bus marked by its voltage furthest towards a limit, values on hover and focus.
import { $, say, svg } from './dom.js';
import { clockSeconds, kW, pu } from './format.js';
import { model } from './store.js';

export const about = ['lab', 'grid'];

/** Near a limit: within this share of the band. */
const NEAR = 0.08;
const FLAGS = { under: '▼', low: '▾', in: '', high: '▴', above: '▲' };
const WORDS = {
  under: 'below its lower limit',
  low: 'near its lower limit',
  in: 'within limits',
  high: 'near its upper limit',
  above: 'above its upper limit',
};
const ELEMENTS = new Set(['svg', 'g', 'path', 'circle', 'rect', 'text']);
const ATTRIBUTES = new Set('class d x y cx cy r width height viewBox data-bus data-link'.split(' '));
/** Bus → { element, indices of its nodes, its DERs }. */
const buses = new Map();
let chosen = null;

export function start() {
  const host = $('one-line');
  host.addEventListener('keydown', (event) => {
    const names = [...buses.keys()];
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined || names.length === 0) return;
    event.preventDefault();
    choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
  });
  const under = (event) => event.target.closest?.('[data-bus]')?.dataset.bus;
  host.addEventListener('pointerover', (event) => {
    const bus = under(event);
    if (bus !== undefined) choose(bus);
  });
  host.addEventListener('click', (event) => {
    const bus = under(event);
    if (bus !== undefined) choose(bus);
  });
}

export function draw(changed) {
  if (changed.has('lab') || changed.has('whole')) build();
  mark();
}

/** Only shapes and texts of the drawing are taken over: it came over the bus. */
function copy(node) {
  if (!ELEMENTS.has(node.localName)) return null;
  const own = [...node.attributes]
    .filter(({ name }) => ATTRIBUTES.has(name))
    .map(({ name, value }) => [name, value]);
  const made = svg(node.localName, Object.fromEntries(own));
  for (const child of node.childNodes) {
    const taken =
      child.nodeType === Node.TEXT_NODE
        ? child.textContent
        : child.nodeType === Node.ELEMENT_NODE
          ? copy(child)
          : null;
    if (taken !== null) made.append(taken);
  }
  return made;
}

function build() {
  buses.clear();
  const { lab } = model;
  const host = $('one-line');
  if (lab === null) return;
  if (lab.oneLine_svg === '') {
    host.replaceChildren(
      Object.assign(document.createElement('p'), {
        textContent: 'There is no drawing of this feeder.',
        className: 'wait',
      }),
    );
    return;
  }
  const parsed = new DOMParser().parseFromString(lab.oneLine_svg, 'image/svg+xml').documentElement;
  const drawing = copy(parsed);
  if (drawing === null) return;
  drawing.removeAttribute('width');
  drawing.removeAttribute('height');
  drawing.setAttribute('role', 'img');
  drawing.setAttribute('tabindex', '0');
  drawing.setAttribute(
    'aria-label',
    `One-line diagram of ${lab.feederId}; arrow keys step through its buses`,
  );
  for (const element of drawing.querySelectorAll('[data-bus]')) {
    const bus = element.dataset.bus;
    const nodes = lab.nodes.flatMap((node, i) => (node.slice(0, node.lastIndexOf('.')) === bus ? [i] : []));
    const at = element.querySelector('.v');
    const x = Number(at?.getAttribute('cx') ?? Number(at?.getAttribute('x')) + 8);
    const y = Number(at?.getAttribute('cy') ?? Number(at?.getAttribute('y')) + 8);
    const flag = svg('text', { class: 'flag', x: x + 7, y: y + 16 });
    const value = svg('text', { class: 'value', x: x + 7, y: y + 17 });
    element.append(flag, value);
    const ders = lab.ders.flatMap((der, i) => (der.node === bus ? [{ ...der, i }] : []));
    buses.set(bus, { element, nodes, ders, flag, value, state: '' });
  }
  host.replaceChildren(drawing);
  $('one-line-legend').hidden = false;
}

function stateOf(upu, [low, high]) {
  const v = upu / 1e6;
  const near = NEAR * (high - low);
  if (v < low) return 'under';
  if (v > high) return 'above';
  if (v < low + near) return 'low';
  return v > high - near ? 'high' : 'in';
}

function mark() {
  const { grid, lab } = model;
  if (lab === null || grid === null) return;
  const { voltages_upu: voltages } = grid;
  if (voltages.length === 0) {
    say($('feeder-facts'), `${clockSeconds(grid.at_ms)} · the power flow has no solution`, 'bad');
    return;
  }
  const [low, high] = lab.limits_pu;
  const room = (upu) => Math.min(high * 1e6 - upu, upu - low * 1e6);
  let [lowest, highest] = [0, 0];
  voltages.forEach((upu, i) => {
    if (upu < voltages[lowest]) lowest = i;
    if (upu > voltages[highest]) highest = i;
  });
  for (const bus of buses.values()) {
    if (bus.nodes.length === 0) continue;
    const telling = bus.nodes.reduce((a, b) => (room(voltages[b]) < room(voltages[a]) ? b : a));
    const state = stateOf(voltages[telling], lab.limits_pu);
    if (state !== bus.state) {
      bus.element.setAttribute(
        'class',
        `bus ${state}${bus.element.classList.contains('chosen') ? ' chosen' : ''}`,
      );
      bus.state = state;
      say(bus.flag, FLAGS[state]);
      bus.value.setAttribute('dx', FLAGS[state] === '' ? '0' : '12');
    }
    const outside = state === 'under' || state === 'above';
    const extreme = bus.nodes.includes(lowest) || bus.nodes.includes(highest);
    const shown =
      bus.nodes.includes(highest) && !outside
        ? highest
        : bus.nodes.includes(lowest) && !outside
          ? lowest
          : telling;
    say(bus.value, outside || extreme ? pu(voltages[shown]) : '');
  }
  say(
    $('feeder-facts'),
    `${clockSeconds(grid.at_ms)} · ${pu(voltages[lowest])} pu at ${lab.nodes[lowest]} to ${pu(voltages[highest])} pu at ${lab.nodes[highest]} · limits ${low} to ${high} pu`,
    'quiet',
  );
  tell();
}

function choose(bus) {
  buses.get(chosen)?.element.classList.remove('chosen');
  chosen = bus;
  buses.get(bus)?.element.classList.add('chosen');
  tell();
}

function tell() {
  const bus = buses.get(chosen);
  const { grid, lab } = model;
  if (bus === undefined || grid === null || lab === null) return;
  const voltages = bus.nodes.map(
    (i) => `${lab.nodes[i].slice(lab.nodes[i].lastIndexOf('.') + 1)} ${pu(grid.voltages_upu[i])}`,
  );
  const ders = bus.ders.map(
    ({ derId, i }) => `${derId} ${kW(grid.power_W[i])} of ${kW(grid.available_W[i])} kW`,
  );
  const parts = [
    `Bus ${chosen}`,
    bus.nodes.length === 0 ? 'no voltage known' : `${voltages.join(', ')} pu, ${WORDS[bus.state] ?? ''}`,
    ...ders,
  ];
  say($('bus-said'), parts.join(' · '));
}
