// Writes load-patterns.csv and pv-clear-sky.csv from formulas (see README.md): node make-profiles.js
import { writeFileSync } from 'node:fs';

const STEP_MIN = 5;
const file = (name) => new URL(name, import.meta.url);
const hump = (h, at, width) => Math.exp(-(((h - at) / width) ** 2));
const rise = (h, at, pace) => 1 / (1 + Math.exp(-(h - at) * pace));

/** Share of the model's own load at hour h of a summer Sunday. */
const patterns = {
  residential: (h) =>
    0.46 +
    0.26 * hump(h, 8.5, 1.9) +
    0.12 * hump(h, 13, 3) +
    0.66 * hump(h, 20, 2.6) +
    0.08 * hump(h, -4, 2.6),
  commercial: (h) => 0.33 + 0.3 * hump(h, 11.5, 3.2) + 0.47 * hump(h, 17.5, 2.8),
  industrial: (h) =>
    0.4 +
    0.16 * (rise(h, 6.5, 2) - rise(h, 18.5, 1.6)) +
    0.14 * hump(h, 19.5, 2.4) -
    0.05 * hump(h, 12.5, 0.7),
};

/** Latitude 35° N, 21 June, solar noon at 12:00; per unit of the inverter's AC rating. */
function clearSky(h) {
  const rad = Math.PI / 180;
  const hourAngle = (h - 12) * 15 * rad;
  const sine =
    Math.sin(35 * rad) * Math.sin(23.44 * rad) +
    Math.cos(35 * rad) * Math.cos(23.44 * rad) * Math.cos(hourAngle);
  // Air mass takes more when the sun is low; modules are 5 % larger than the inverter, which then limits.
  return sine <= 0 ? 0 : Math.min(1, 1.05 * sine ** 1.15);
}

function table(name, columns) {
  const names = Object.keys(columns);
  const rows = [];
  for (let minute = 0; minute <= 1440; minute += STEP_MIN) {
    rows.push([minute, ...names.map((key) => columns[key](minute / 60).toFixed(5))].join(','));
  }
  writeFileSync(
    file(name),
    `# Written by make-profiles.js; see README.md. In between: linear.\nminute,${names.join(',')}\n${rows.join('\n')}\n`,
  );
}

// The night before belongs to the same day: 24:00 continues at 00:00 closely enough (the difference is < 0.03).
table('load-patterns.csv', patterns);
table('pv-clear-sky.csv', { clear_sky: clearSky });
