// The bar on top: market time, phase and countdown, whether all is well, whether this page is up to date.
import { $, h, say } from './dom.js';
import { clockSeconds, day, duration, interval, usdPerMWh } from './format.js';
import { marketNow, model } from './store.js';

export const about = ['lab', 'schedule', 'trouble', 'link', 'intervals'];

const PHASES = {
  waiting: 'waiting for bids',
  bidding: 'bidding',
  checking: 'gate closed: DSO checks',
  clearing: 'clearing',
  awarding: 'awards go out',
  delivery: 'delivery',
  over: 'over',
};
const LINKS = { live: ['●', 'good'], lost: ['✕', 'bad'], token: ['◌', 'warn'], connecting: ['◌', 'warn'] };
const TICK_MS = 250;
const THEMES = [
  ['', 'Theme: system'],
  ['light', 'Theme: light'],
  ['dark', 'Theme: dark'],
];

export function start() {
  setInterval(tick, TICK_MS);
  const root = document.documentElement;
  const shown = () =>
    say($('theme'), THEMES.find(([name]) => name === (root.dataset.theme ?? ''))?.[1] ?? '');
  shown();
  $('theme').addEventListener('click', () => {
    const at = THEMES.findIndex(([name]) => name === (root.dataset.theme ?? ''));
    const [next] = THEMES[(at + 1) % THEMES.length];
    if (next === '') {
      delete root.dataset.theme;
      localStorage.removeItem('fieldbid-theme');
    } else {
      root.dataset.theme = next;
      localStorage.setItem('fieldbid-theme', next);
    }
    shown();
    window.dispatchEvent(new Event('fieldbid-theme'));
  });
}

export function draw() {
  const { lab, schedule, trouble, link } = model;
  if (lab !== null) {
    say($('scenario'), `${lab.scenario} · ${lab.feederId}`);
    say($('footer-facts'), `Clock: ${lab.clock}. Ledger: ${lab.ledger}.`);
    document.title = `${trouble.length > 0 ? '! ' : ''}fieldbid · ${lab.scenario}`;
  }
  const [mark, tone] = LINKS[link.state];
  $('link').replaceChildren(h('span', { class: `mark ${tone}` }, mark), ` ${link.text}`);
  if (schedule !== null) {
    say($('in-force'), schedule.inForce === null ? '–' : schedule.inForce.slice(11, 16));
    const hour = schedule.market === 'day-ahead' ? 'Day ahead, all hours' : null;
    say($('traded'), hour ?? (schedule.traded === null ? 'Market' : `For ${schedule.traded.slice(11, 16)}`));
    say($('phase'), PHASES[schedule.phase]);
    say($('next-what'), schedule.next === null ? 'Next' : `Until ${schedule.next.what}`);
    say($('price'), usdPerMWh(model.intervals.get(schedule.inForce)?.price_uUSD_per_MWh));
  }
  drawTrouble();
  tick();
}

function drawTrouble() {
  const { trouble, lab, link, health } = model;
  const lines = trouble.map(({ level, text }) => [level, `${level === 'bad' ? '✕' : '!'} ${text}`]);
  if (link.state === 'token') {
    lines.unshift([
      'warn',
      '! This page shows nothing without the operator’s token: press “Operator…” above.',
    ]);
  } else if (link.state === 'lost') lines.unshift(['bad', '✕ Not connected: what stands here is old.']);
  if (lines.length === 0 && lab === null && health === null)
    lines.push(['wait', 'Waiting for the first picture.']);
  else if (lines.length === 0 && lab === null)
    lines.push(['wait', 'Waiting for the market: nobody has described it yet.']);
  else if (lines.length === 0) lines.push(['good', '✓ All is well.']);
  const said = lines.map(([, text]) => text).join('\n');
  const host = $('trouble');
  if (host.dataset.said === said) return;
  host.dataset.said = said;
  host.replaceChildren(...lines.map(([tone, text]) => h('p', { class: tone }, text)));
}

function tick() {
  const { schedule, lab } = model;
  if (lab === null && schedule === null) return;
  const now = marketNow();
  say($('now'), `${day(now)} ${clockSeconds(now)}`);
  const next = schedule?.next;
  say(
    $('next'),
    next === null || next === undefined
      ? '–'
      : `${duration(next.at_ms - now)} · ${clockSeconds(next.at_ms).slice(0, 5)}`,
  );
  $('in-force').title = schedule?.inForce === null ? '' : interval(schedule?.inForce);
}
