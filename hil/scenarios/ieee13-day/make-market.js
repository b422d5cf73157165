// Writes the wholesale market of this scenario from formulas (see README.md): node make-market.js
import { writeFileSync } from 'node:fs';

const STEPS = 40;
const DAY = '2026-06-21';
const file = (name) => new URL(name, import.meta.url);

/** Price of the n-th MW of the stack, $/MWh. */
const stackPrice = (n) => Math.round((8 + 87 * (n / STEPS) ** 2) * 100) / 100;
const hump = (h, at, width) => Math.exp(-(((h - at) / width) ** 2));
/** Expected demand at hour h, MW. */
const demand_MW = (h) => 17 + 7 * hump(h, 8.5, 3) + 9 * hump(h, 13.5, 4.5) + 13 * hump(h, 20, 2.6);
/** Typical PV output of the feeder at hour h, MW. */
const pv_MW = (h) => 2.6 * Math.max(0, Math.sin((Math.PI * (h - 5)) / 15)) ** 1.5;

const supply = Array.from(
  { length: STEPS },
  (_, i) => `plant-${String(i + 1).padStart(2, '0')},${stackPrice(i + 1)},1000000`,
);
writeFileSync(
  file('supply.csv'),
  `# Other supply; see README.md\nparty,price_USD_per_MWh,quantity_W\n${supply.join('\n')}\n`,
);

const demand = [];
for (let i = 0; i < 96; i++) {
  const start = `${DAY}T${String(Math.floor(i / 4)).padStart(2, '0')}:${String((i % 4) * 15).padStart(2, '0')}Z`;
  demand.push(`${start},load,,${Math.round(demand_MW(i / 4 + 0.125) * 1e6)}`, `${start},flexible,24,1000000`);
}
writeFileSync(
  file('demand.csv'),
  `# Other demand; see README.md\nstart,party,price_USD_per_MWh,quantity_W\n${demand.join('\n')}\n`,
);

const forecast = Array.from({ length: 24 }, (_, h) => {
  const expected = demand_MW(h + 0.5) - pv_MW(h + 0.5);
  return `${DAY}T${String(h).padStart(2, '0')}:00Z,${stackPrice(Math.ceil(expected)).toFixed(2)}`;
});
writeFileSync(
  file('price-forecast.csv'),
  `# Day-ahead price forecast (day-1); see README.md\nstart,price_USD_per_MWh\n${forecast.join('\n')}\n`,
);
