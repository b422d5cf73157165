import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { objectsIn } from '../../power-flow/gridlabd/glm.ts';
import type { FeederDescription } from '../../power-flow/power-flow.ts';
import { baseCase } from '../base-case.ts';
import { loadFeeder } from '../load-feeder.ts';
import { openPowerFlow } from '../open-feeder.ts';
import { layOut, type Placed } from './layout.ts';
import { bareOneLine, oneLine, voltageClass } from './svg.ts';

const feederFile = (name: string) =>
  fileURLToPath(new URL(`../../../feeders/${name}/feeder.yaml`, import.meta.url));

function described(swing: string, links: [from: string, to: string, closed?: boolean][]): FeederDescription {
  const phases = ['A', 'B', 'C'] as const;
  const names = new Set(links.map(([from]) => from).concat(links.map(([, to]) => to)));
  return {
    engine: '',
    swing,
    remarks: [],
    ratedLinks: [],
    nodePhases: [],
    nodes: [...names].map((name) => ({ name, phases, nominal_V: 2400 })),
    links: links.map(([from, to, closed = true]) => ({ name: `${from}-${to}`, from, to, phases, closed })),
  };
}

test('the longest way is straight, branches take the nearest free rows, ties are named and not drawn', (t) => {
  const { buses, ties } = layOut(
    described('s', [
      ['s', 'a'],
      ['a', 'b'],
      ['b', 'c'],
      ['x', 'a'],
      ['a', 'y'],
      ['c', 'y', false],
      ['c', 'b'],
    ]),
  );
  const at = (name: string) => [buses.get(name)?.column, buses.get(name)?.row];
  t.deepEqual(['s', 'a', 'b', 'c'].map(at), [
    [0, 0],
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  t.deepEqual(at('x'), [2, 1], 'a link is followed against its direction as well');
  t.deepEqual(at('y'), [2, -1]);
  t.deepEqual(
    ties.map(({ name, closed }) => [name, closed]),
    [
      ['c-y', false],
      ['c-b', true],
    ],
  );
});

/** Horizontal and vertical pieces of a link, as drawn. */
function pieces({ column, row, parent }: Placed) {
  if (parent === undefined) return [];
  const along = { row, from: parent.column, to: column };
  return parent.row === row ? [along] : [along, { column: parent.column, from: parent.row, to: row }];
}

for (const name of ['ieee13', 'ieee37', 'ieee123']) {
  test(`${name}: every bus has a place of its own, and no line crosses another or runs through a bus`, async (t) => {
    const feeder = loadFeeder(feederFile(name));
    const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
    const { description } = powerFlow;
    const base = await baseCase(feeder, powerFlow, 720);
    await powerFlow.close();
    const { buses } = layOut(description);
    const placed = [...buses.values()];
    t.is(placed.length, description.nodes.length);
    t.is(new Set(placed.map(({ column, row }) => `${column} ${row}`)).size, placed.length);
    for (const bus of placed) {
      for (const piece of pieces(bus)) {
        for (const other of placed) {
          if (other === bus || other === bus.parent) continue;
          const hit =
            'row' in piece
              ? other.row === piece.row && between(other.column, piece.from, piece.to)
              : other.column === piece.column && between(other.row, piece.from, piece.to);
          t.false(hit, `the link to ${bus.name} runs through ${other.name}`);
          for (const crossed of pieces(other)) {
            if ('row' in piece === 'row' in crossed || other.parent === bus.parent) continue;
            const [flat, upright] = 'row' in piece ? [piece, crossed] : [crossed, piece];
            if (!('row' in flat) || !('column' in upright)) continue;
            const crosses =
              between(upright.column, flat.from, flat.to) && between(flat.row, upright.from, upright.to);
            t.false(crosses, `the links to ${bus.name} and ${other.name} cross`);
          }
        }
      }
    }
    if ('failure' in base) return t.fail(base.failure);
    const glm = readFileSync(feeder.data.modelFile, 'utf8');
    const kinds = new Map(objectsIn(glm).map((object) => [object.name, object.kind]));
    const svg = oneLine({ feeder, description, base, kinds, headroom_kW: new Map([[placed[1]!.name, 123]]) });
    t.is(svg.match(/<g class="bus" data-bus="[^"]+">/g)?.length, placed.length);
    t.is(svg.match(/<g class="link p\d(?: over)?" data-link="[^"]+"><title>/g)?.length, placed.length - 1);
    t.true(svg.includes('prefers-color-scheme:dark') && svg.includes('headroom 123 kW'));
    for (const { derId } of feeder.ders) t.true(svg.includes(`${derId}: `), derId);
    t.false(/NaN|undefined/.test(svg));
    const bare = bareOneLine({ feeder, description, kinds });
    for (const { name } of description.nodes) t.true(bare.includes(`data-bus="${name}"`), name);
    t.false(/NaN|undefined|<style|<script/.test(bare));
  });
}

const between = (x: number, a: number, b: number) => x > Math.min(a, b) && x < Math.max(a, b);

test('colours: beyond a limit is told from just inside it', (t) => {
  const of = (pu: number) => voltageClass(pu, 0.95, 1.05);
  t.deepEqual([0.949, 0.951, 1, 1.05, 1.0501].map(of), ['v under', 'v v0', 'v v2', 'v v4', 'v above']);
});

test('names from a model are text in the drawing, never markup', async (t) => {
  const feeder = loadFeeder(feederFile('ieee13'));
  const description = described('a<b>&"c', [['a<b>&"c', 'd']]);
  const base = {
    ...{ minuteOfDay: 720, max_pu: 1, maxAt: 'd.A', min_pu: 1, minAt: 'd.A', swing_W: 0 },
    ...{ voltages_pu: { 'd.A': 1 }, violations: [], loadings: [], feasible: true },
  };
  const svg = oneLine({ feeder, description, base, kinds: new Map(), headroom_kW: new Map() });
  t.false(svg.includes('<b>'));
  t.true(svg.includes('a&lt;b&gt;&amp;&quot;c'));
});
