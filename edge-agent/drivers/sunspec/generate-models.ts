/**
 * Makes the facts-only table of SunSpec models from the official definitions (github.com/sunspec/models,
 * Apache-2.0): ids, names, types, sizes, scale factors, units, access, symbols. Their prose stays out.
 *
 *   npx tsx edge-agent/drivers/sunspec/generate-models.ts FOLDER_WITH_model_N.json
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import type { StoredGroup, StoredPoint, StoredTable } from './models.ts';

interface OfficialPoint {
  name: string;
  type: string;
  size: number;
  sf?: string | number;
  units?: string;
  access?: string;
  mandatory?: string;
  symbols?: { name: string; value: number }[];
}

interface OfficialGroup {
  name: string;
  count?: string | number;
  points: OfficialPoint[];
  groups?: OfficialGroup[];
}

const OUTPUT = fileURLToPath(new URL('./generated/models.json', import.meta.url));

function main(folder: string | undefined): void {
  if (folder === undefined) {
    const expected = 'the folder that holds model_1.json, model_101.json, ...';
    throw new InputError({ source: 'argument', path: '', found: 'nothing', expected });
  }
  const files = readdirSync(folder).filter((name) => /^model_\d+\.json$/.test(name));
  const entries = files.map((file) => {
    const { id, group } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      id: number;
      group: OfficialGroup;
    };
    return [id, groupFacts(group)] as const;
  });
  entries.sort(([a], [b]) => a - b);
  const table: StoredTable = Object.fromEntries(entries);
  // One model a line: a change in one model shows as one changed line.
  const lines = Object.entries(table).map(([id, group]) => `"${id}":${JSON.stringify(group)}`);
  writeFileSync(OUTPUT, `{\n${lines.join(',\n')}\n}\n`);
  console.log(`${lines.length} models written to ${OUTPUT}`);
}

function groupFacts(group: OfficialGroup): StoredGroup {
  const facts: StoredGroup = { n: group.name, p: group.points.map(pointFacts) };
  if (group.count !== undefined) facts.c = group.count;
  if (group.groups !== undefined) facts.g = group.groups.map(groupFacts);
  return facts;
}

function pointFacts(point: OfficialPoint): StoredPoint {
  const facts: StoredPoint = { n: point.name, t: point.type as StoredPoint['t'], s: point.size };
  if (point.sf !== undefined) facts.f = point.sf;
  if (point.units !== undefined) facts.u = point.units;
  if (point.access === 'RW') facts.w = 1;
  if (point.mandatory === 'M') facts.m = 1;
  if (point.symbols !== undefined) facts.y = Object.fromEntries(point.symbols.map((s) => [s.name, s.value]));
  return facts;
}

main(process.argv[2]);
