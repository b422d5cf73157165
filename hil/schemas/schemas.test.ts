import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { parse as parseYaml } from 'yaml';
import { simulatedMapping } from '../devices/opcua/simulated-mapping.ts';
import { fieldbid } from '../testing/programs.ts';
import { CONFIG_SCHEMAS } from './command.ts';

const file = (path: string): unknown =>
  parseYaml(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

// Another validator than ours must read the schemas the same way.
const ajv = new Ajv2020({ strict: false });

test('every schema is one that another validator compiles', (t) => {
  for (const [name, schema] of Object.entries(CONFIG_SCHEMAS)) {
    t.notThrows(() => ajv.compile(schema as object), name);
  }
});

const check = (name: string, value: unknown): boolean => ajv.validate(CONFIG_SCHEMAS[name] as object, value);

test('the files that come with the project satisfy their schemas, and a mistyped key does not', (t) => {
  const scenario = file('hil/scenarios/ieee13-day/scenario.yaml') as Record<string, unknown>;
  t.true(check('scenario', scenario), ajv.errorsText());
  t.false(check('scenario', { ...scenario, sead: 1 }));
  t.true(check('feeder', file('feeders/ieee13/feeder.yaml')), ajv.errorsText());
  const mixed = file('hil/scenarios/mixed-protocols/scenario.yaml');
  t.true(check('scenario', mixed), ajv.errorsText());
  const drill = file('hil/scenarios/fault-drill/scenario.yaml');
  t.true(check('scenario', drill), ajv.errorsText());
  const mapping = parseYaml(simulatedMapping('ABC')) as Record<string, unknown>;
  t.true(check('mapping', mapping), ajv.errorsText());
  t.false(check('mapping', { ...mapping, point: {} }));
  for (const name of ['twin-modbus', 'twin-opcua']) {
    const own = file(`hil/emulator/mappings/${name}.yaml`) as Record<string, unknown>;
    t.true(check('emulator-mapping', own), `${name}: ${ajv.errorsText()}`);
    t.false(check('emulator-mapping', { ...own, point: {} }), name);
  }
  t.true(check('profile', file('edge-agent/profiles/generic-1xx.yaml')), ajv.errorsText());
});

test('the command prints a schema, and names the choices', async (t) => {
  const { code, output } = await fieldbid('schema', 'scenario');
  t.is(code, 0);
  t.like(JSON.parse(output), { title: 'fieldbid scenario', type: 'object' });
  const wrong = await fieldbid('schema', 'market');
  t.is(wrong.code, 2);
  t.regex(wrong.output, /scenario, feeder, profile, mapping/);
});
