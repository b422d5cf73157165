import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadMapping, nodesOf, withIndices } from './mapping.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-mapping-'));
test.after.always(() => rmSync(folder, { recursive: true }));

function loaded(text: string) {
  const file = join(folder, 'm.yaml');
  writeFileSync(file, text);
  return loadMapping(file);
}

test('the least that a mapping needs is the power; the rest has defaults', (t) => {
  const { mapping } = loaded('name: m\npoints:\n  power: { node: ns=2;s=W }\n');
  t.deepEqual(mapping.points.power, { node: 'ns=2;s=W', unit: 'W', scale: 1 });
  t.like(mapping, { deadline_ms: 5000, watch: [], safeState: 'uncontrolled' });
  t.like(mapping.rules, { floor_pct: 0, revertTimer: 'required' });
  t.is(mapping.stale_s, undefined);
});

test('what is wrong in a file is named with its line', (t) => {
  const wrong: [string, RegExp][] = [
    ['name: m\npoints: {}\n', /m\.yaml:2:\d+ at \/points\/power: found nothing, expected the key "power"/],
    ['name: m\npoints:\n  power: { node: W }\n', /m\.yaml:3:\d+ at \/points\/power\/node: found "W"/],
    [
      'name: m\npoints:\n  power: { node: i=1, unit: kVA }\n',
      /m\.yaml:3:\d+ at \/points\/power\/unit: found "kVA", expected one of "W", "kW", "MW"/,
    ],
    [
      'name: m\npoints:\n  power: { node: i=1 }\n  powr: { node: i=2 }\n',
      /m\.yaml:4:\d+.*unknown key "powr"/,
    ],
    [
      'name: m\nnamespaces: { a: urn:a }\npoints:\n  power: { node: ns=b;i=1 }\n',
      /m\.yaml:4:\d+ at \/points\/power\/node: found the namespace b in ns=b;i=1, expected an index, or one of: a/,
    ],
    [
      'name: m\npoints:\n  power: { node: i=1 }\n  state: { node: i=2, values: { 1: running } }\n',
      /\/points\/state\/values\/1: found "running", expected one of "off"/,
    ],
  ];
  for (const [text, message] of wrong) t.throws(() => loaded(text), { message, code: 'INVALID_INPUT' });
});

test('every node is found, and names of namespaces become indices in ids and paths', (t) => {
  const { mapping } = loaded(`name: m
namespaces: { di: urn:di, inv: urn:inv }
points:
  serial: { value: S-1 }
  power: { node: /Objects/inv:Inverter/2:W }
  voltages: [ { node: ns=inv;s=V1 } ]
  limit: { node: ns=di;i=7, method: { object: i=1, method: i=2, arguments: [limit] } }
watch: [ { name: a, node: i=9 } ]
`);
  t.deepEqual(nodesOf(mapping), [
    { path: '/points/power/node', node: '/Objects/inv:Inverter/2:W' },
    { path: '/points/voltages/0/node', node: 'ns=inv;s=V1' },
    { path: '/points/limit/node', node: 'ns=di;i=7' },
    { path: '/points/limit/method/object', node: 'i=1' },
    { path: '/points/limit/method/method', node: 'i=2' },
    { path: '/watch/0/node', node: 'i=9' },
  ]);
  const index = (alias: string) => (alias === 'inv' ? 5 : 4);
  t.is(withIndices('/Objects/inv:Inverter/2:W', index), '/Objects/5:Inverter/2:W');
  t.is(withIndices('ns=inv;s=ns=inv;/inv:x', index), 'ns=5;s=ns=inv;/inv:x');
  t.is(withIndices('ns=2;s=a', index), 'ns=2;s=a');
});
