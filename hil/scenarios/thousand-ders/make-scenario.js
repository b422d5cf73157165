// Writes feeder.yaml and scenario.yaml of 1,000 rooftops on the IEEE 123-bus feeder: node make-scenario.js (README.md).
import { readFileSync, writeFileSync } from 'node:fs';

const DERS = 1000;
const FEEDER = '../../../feeders/ieee123/';
const file = (name) => new URL(name, import.meta.url);
const glm = readFileSync(file(`${FEEDER}ieee123-modified.glm`), 'utf8');
const base = readFileSync(file(`${FEEDER}feeder.yaml`), 'utf8');

/** Every phase of every load of the model: a place for a rooftop. */
const places = [...glm.matchAll(/object load \{[^}]*?name (n\d+);[^}]*?phases "([ABC]+)N";/gs)].flatMap(
  ([, bus, phases]) => [...phases].map((phase) => ({ bus, phase })),
);
/** 3 to 9 kW, in steps of 100 W, the same each time: multiples of a number that has no factor with 61. */
const nameplate_W = (i) => 3000 + 100 * ((i * 37) % 61);
/** RF of eq. 1, -20 to 20 percent. */
const riskFactor_pct = (i) => ((i * 17) % 41) - 20;

const ders = Array.from({ length: DERS }, (_, i) => {
  const { bus, phase } = places[i % places.length];
  const number = String(i + 1).padStart(4, '0');
  return { derId: `pv-${number}`, deviceId: `inv-${number}`, bus, phase, i };
});
const feeder = base
  .slice(0, base.indexOf('\nders:'))
  .replace(/^#.*\n/, `# The IEEE 123-bus feeder with ${DERS} rooftops; written by make-scenario.js.\n`)
  .replace('id: ieee123', 'id: ieee123-rooftops')
  .replace('model: ', `model: ${FEEDER}`)
  .replaceAll('../ieee13/', '../../../feeders/ieee13/');
writeFileSync(
  file('feeder.yaml'),
  `${feeder}\nders:\n${ders
    .map(
      ({ derId, deviceId, bus, phase, i }) =>
        `  - { derId: ${derId}, bus: ${bus}, phases: ${phase}, nameplate_W: ${nameplate_W(i)}, deviceIds: [${deviceId}] }\n`,
    )
    .join('')}`,
);
const day = readFileSync(file('../evening-ramp/scenario.yaml'), 'utf8');
const scenario = day
  .slice(0, day.indexOf('\nders:'))
  .replace(
    /^(#.*\n)+/,
    `# ${DERS} rooftops of 3 to 9 kW on the IEEE 123-bus feeder; written by make-scenario.js.\n`,
  )
  .replace('name: evening-ramp', 'name: thousand-ders')
  .replace('../../../feeders/ieee13/feeder.yaml', 'feeder.yaml')
  .replace('start: 2026-06-21T15:00Z\n  intervals: 24', 'start: 2026-06-21T11:00Z\n  intervals: 4');
writeFileSync(
  file('scenario.yaml'),
  `${scenario}\nders:\n${ders.map(({ derId, i }) => `  - { derId: ${derId}, riskFactor_pct: ${riskFactor_pct(i)} }\n`).join('')}`,
);
