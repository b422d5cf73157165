// Writes ieee123-modified.glm, the model of the market day, from ieee123.glm: node make-model.js (README.md).
import { readFileSync, writeFileSync } from 'node:fs';

const file = (name) => new URL(name, import.meta.url);
let glm = readFileSync(file('ieee123.glm'), 'utf8');

/** Regulator configuration → taps, chosen so that light load stays below 1.05 pu. */
const TAPS = {
  regulator_configuration_1501490: { A: 3, B: 3, C: 3 },
  regulator_configuration_2526010: { A: 0, C: 0 },
  regulator_configuration_914010: { A: 0 },
  regulator_configuration_16067010: { A: 2, B: 2, C: 2 },
};
for (const [name, taps] of Object.entries(TAPS)) {
  const start = glm.indexOf(`name ${name};`);
  const end = glm.indexOf('}', start);
  let body = glm.slice(start, end);
  for (const [phase, tap] of Object.entries(taps)) {
    const changed = body.replace(new RegExp(`tap_pos_${phase} -?\\d+;`), `tap_pos_${phase} ${tap};`);
    if (!new RegExp(`tap_pos_${phase} `).test(body)) throw new Error(`${name} has no tap on phase ${phase}`);
    body = changed;
  }
  glm = glm.slice(0, start) + body + glm.slice(end);
}

/** Loads whose impedance is a capacitor: objects of their own, so that no load pattern scales them. */
const CAPACITORS = { n83: ['A', 'B', 'C'], n88: ['A'], n90: ['B'], n92: ['C'] };
const NOMINAL_V = 2401.7771;
for (const [bus, phases] of Object.entries(CAPACITORS)) {
  const start = glm.indexOf(`name ${bus};`);
  const end = glm.indexOf('}', start);
  let body = glm.slice(start, end);
  const parts = [];
  for (const phase of phases) {
    const found = new RegExp(`\\s*constant_impedance_${phase} 0\\.00(-[\\d.]+)j;`).exec(body);
    if (found === null) throw new Error(`${bus} has no capacitor on phase ${phase}`);
    body = body.replace(found[0], '');
    parts.push(
      `\tcapacitor_${phase} ${(NOMINAL_V ** 2 / -Number(found[1])).toFixed(1)};\n\tswitch${phase} CLOSED;`,
    );
  }
  const capacitor = `object capacitor {\n\tname cap${bus.slice(1)};\n\tparent ${bus};\n\tphases "${phases.join('')}N";\n\tnominal_voltage ${NOMINAL_V};\n\tcontrol MANUAL;\n${parts.join('\n')}\n}\n`;
  glm = `${glm.slice(0, start)}${body}${glm.slice(end)}\n${capacitor}`;
}
writeFileSync(
  file('ieee123-modified.glm'),
  `// Written by make-model.js from ieee123.glm: other regulator taps, capacitors as objects of their own.\n${glm}`,
);
