// Puts the parts together: what arrives goes into the store, and once per frame what changed is drawn.
import * as charts from './charts.js';
import * as clearing from './clearing.js';
import * as ders from './ders.js';
import * as faults from './faults.js';
import * as health from './health.js';
import * as intervals from './intervals.js';
import * as ledger from './ledger.js';
import * as oneLine from './one-line.js';
import * as operator from './operator.js';
import * as settlement from './settlement.js';
import * as status from './status.js';
import { apply, model } from './store.js';
import { follow } from './stream.js';

const panels = [status, oneLine, ders, charts, clearing, ledger, faults, health, settlement, intervals];
let waiting = new Set();
let scheduled = false;

function draw() {
  scheduled = false;
  const changed = waiting;
  waiting = new Set();
  const from = performance.now();
  for (const panel of panels) {
    if (changed.has('whole') || panel.about.some((part) => changed.has(part))) panel.draw(changed);
  }
  performance.measure('fieldbid:draw', { start: from });
}

function changed(parts) {
  for (const part of parts) waiting.add(part);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(draw);
}

// What scrolls has to be reached by the keyboard.
for (const scroller of document.querySelectorAll('.scroll, .one-line')) scroller.tabIndex = 0;
for (const panel of [...panels, operator]) panel.start?.();
follow(
  (changes) => {
    const from = performance.now();
    const parts = apply(changes);
    performance.measure('fieldbid:apply', { start: from });
    changed(parts);
  },
  (state, text) => {
    if (model.link.state === state) return;
    model.link = { state, text };
    changed(['link']);
  },
);
