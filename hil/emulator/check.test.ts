/** What is wrong with a scenario's emulators is named with file, line, path, found and expected. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import test from 'ava';
import { loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { checkNodes } from './check.ts';
import { loadEmulatorMapping } from './mapping.ts';
import { twinMapping } from './twin/emulator-twin.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/grid-emulator/scenario.yaml', import.meta.url));
const HERE = fileURLToPath(new URL('../scenarios/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fieldbid-emulator-'));
let files = 0;

/** The first emulator with these keys in place of its limits. */
function changed(keys: string, from = 'limits: { low_pu: 0.9, high_pu: 1.1 }'): string {
  const text = readFileSync(SCENARIO, 'utf8');
  if (!text.includes(from)) throw new RangeError(`the scenario has no ${from}`);
  const file = join(folder, `${files++}.yaml`);
  const feeders = fileURLToPath(new URL('../../feeders', import.meta.url));
  writeFileSync(
    file,
    text
      .replace(from, keys)
      .replaceAll('../ieee13-day', `${HERE}ieee13-day`)
      .replaceAll('../../../feeders', feeders),
  );
  return file;
}

test('the scenario of the library is sound, and its defaults are the safe ones', (t) => {
  const loaded = loadScenario(SCENARIO);
  scenarioFeeder(loaded);
  t.like(loaded.scenario.emulators?.[0], { enable: false, safe: 'nominal', device: 'simulated' });
  t.like(loadScenario(changed('limits: {}')).scenario.emulators?.[0]?.limits, {
    ...{ low_pu: 0.85, high_pu: 1.15, step_pu: 0.02, tolerance_pu: 0.005 },
  });
});

test('faults of the section are named with their line', (t) => {
  const mapping = twinMapping('modbus');
  const cases: [string, RegExp, string?][] = [
    ['limits: { low_pu: 1.2 }', /\/emulators\/0\/limits\/low_pu: found 1\.2, expected/],
    [
      'limits: { step_pu: 0.01 }',
      /\/limits\/step_pu: found 0\.01 with a tolerance of 0\.005, expected more than twice/,
    ],
    ['speed: 1', /\/emulators\/0.*unknown key "speed"/],
    [
      'der: pv-999',
      /\/emulators\/0\/der: found pv-999, expected a DER of the scenario: pv-611-c/,
      'der: pv-675',
    ],
    [
      'der: pv-675',
      /\/emulators\/1\/der: found pv-675 twice, expected one emulator for a DER/,
      'der: pv-611-c\n',
    ],
    ['name: em-675', /\/emulators\/1\/name: found em-675 twice/, 'name: em-611'],
    ['mapping: x.yaml', /\/emulators\/0\/mapping: found mapping of a simulated emulator, expected none/],
    ["device: 'tcp://192.0.2.1:502?unit=1'", /\/emulators\/0\/mapping: found none, expected a mapping file/],
    ["device: 'tcp://192.0.2.1:0'\n    mapping: x.yaml", /\/emulators\/0\/device: .*the port is 0/],
    [
      "device: 'tcp://192.0.2.1'\n    mapping: x.yaml",
      /\/emulators\/0\/mapping: found x\.yaml, which does not exist/,
    ],
    [
      `device: opc.tcp://192.0.2.1/x\n    mapping: ${mapping}`,
      /twin-modbus\.yaml:\d+:\d+ at \/protocol: found modbus for opc\.tcp.*expected opcua/,
    ],
    [
      'nominal_V: 120',
      /\/emulators\/0\/nominal_V: found 120 for pv-675, expected 277\.13 V/,
      'nominal_V: 277.13\n',
    ],
    [
      'outputs: [{ node: l675.A, channel: 1 }]',
      /\/emulators\/0\/outputs: found 1 outputs for 3 phases of pv-675, expected one for each phase/,
    ],
    [
      'outputs: [{ node: l675.A, channel: 1 }, { node: l675.B, channel: 2 }, { node: l675.C, channel: 2 }]',
      /\/emulators\/0\/outputs: found channel 2 twice/,
    ],
  ];
  for (const [keys, message, from] of cases) {
    const file = changed(from === undefined ? keys : `${keys}${from.endsWith('\n') ? '\n' : ''}`, from);
    const error = t.throws(() => scenarioFeeder(loadScenario(file)), { instanceOf: InputError, message });
    t.regex(error?.message ?? '', /\.yaml:\d+:\d+/);
  }
  const file = changed('node: l611.X, channel: 3', 'node: l611.C, channel: 3');
  t.throws(() => loadScenario(file), { message: /outputs\/0\/node/ });
  const loaded = loadScenario(changed('node: l999.C, channel: 3', 'node: l611.C, channel: 3'));
  t.throws(() => checkNodes(loaded, ['l611.C']), {
    message: /\/emulators\/1\/outputs\/0\/node: found l999\.C, expected node\.phase of the feeder: l611\.C/,
  });
});

test('a mapping is checked for its own protocol', (t) => {
  const text = readFileSync(twinMapping('opcua'), 'utf8');
  const write = (from: string, to: string): string => {
    const file = join(folder, `${files++}.yaml`);
    if (!text.includes(from)) throw new RangeError(`the mapping has no ${from}`);
    writeFileSync(file, text.replace(from, to));
    return file;
  };
  t.is(loadEmulatorMapping(write('unit: kVA', 'unit: VA')).mapping.name, 'twin-opcua');
  const cases: [string, string, RegExp][] = [
    ['protocol: opcua', 'protocol: canbus', /\/protocol: found "canbus"/],
    ['ge: urn', 'em: urn', /\/points\/serial\/node: found the namespace ge|the namespace ge in/],
    ['  output: ', '  outlet: ', /\/points/],
  ];
  for (const [from, to, message] of cases) {
    t.throws(() => loadEmulatorMapping(write(from, to)), { instanceOf: InputError, message });
  }
});
