import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fieldbid } from '../testing/programs.ts';

const DAY = fileURLToPath(new URL('../scenarios/ieee13-day', import.meta.url));
const FEEDERS = fileURLToPath(new URL('../../feeders', import.meta.url));

/** The day's scenario and feeder in a folder of their own, with one file edited. */
function edited(file: string, edit: (text: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-scenario-'));
  cpSync(DAY, join(folder, 'hil/scenarios/ieee13-day'), { recursive: true });
  cpSync(join(FEEDERS, 'ieee13'), join(folder, 'feeders/ieee13'), { recursive: true });
  const path = join(folder, file);
  const before = readFileSync(path, 'utf8');
  const after = edit(before);
  if (after === before) throw new RangeError(`nothing was edited in ${file}`);
  writeFileSync(path, after);
  return join(folder, 'hil/scenarios/ieee13-day/scenario.yaml');
}

const SCENARIO = 'hil/scenarios/ieee13-day/scenario.yaml';
const FEEDER = 'feeders/ieee13/feeder.yaml';

const wrong: [string, string, (text: string) => string, RegExp][] = [
  [
    'an unknown key',
    SCENARIO,
    (s) => s.replace('load_pct: 3', 'load_percent: 3'),
    /scenario\.yaml:\d+.*unknown key "load_percent"/,
  ],
  [
    'a wrong unit',
    SCENARIO,
    (s) => s.replace('minimumOffer_W: 100000', 'minimumOffer_W: 100 kW'),
    /minimumOffer_W: found "100 kW", expected integer/,
  ],
  [
    'a missing file',
    SCENARIO,
    (s) => s.replace('supply.csv', 'suply.csv'),
    /supplyFile: found suply\.csv, which does not exist/,
  ],
  ['a DER without an owner', SCENARIO, (s) => s.replace(/.*pv-611-c.*\n/, ''), /no owner for pv-611-c/],
  [
    'a DER that the feeder has not',
    SCENARIO,
    (s) => s.replace('pv-611-c', 'pv-999'),
    /found pv-999, expected DERs of the feeder/,
  ],
  [
    'rounds that overlap',
    SCENARIO,
    (s) => s.replace('gateClosure_min: 8', 'gateClosure_min: 22').replace('bid_min: 10', 'bid_min: 30'),
    /less than one interval/,
  ],
  [
    'a DER on a phase that its bus lacks',
    FEEDER,
    (s) => s.replace('bus: l611, phases: C', 'bus: l611, phases: A'),
    /feeder\.yaml.*no phase A.*expected phases out of C/,
  ],
  [
    'a feeder that GridLAB-D rejects',
    'feeders/ieee13/ieee13.glm',
    (s) => s.replace('geometric_mean_radius 0.031300', 'geometric_mean_radius wide'),
    /ieee13\.glm/,
  ],
  [
    'a price that is none',
    'hil/scenarios/ieee13-day/price-forecast.csv',
    (s) => s.replace(/,25\.62/, ',cheap'),
    /price-forecast\.csv:3 at \/price_USD_per_MWh: found "cheap", expected a number/,
  ],
];

for (const [what, file, edit, message] of wrong) {
  test.serial(`${what} ends with one error that names it`, async (t) => {
    const scenario = edited(file, edit);
    const out = mkdtempSync(join(tmpdir(), 'fieldbid-out-'));
    const { code, output } = await fieldbid('run', '--scenario', scenario, '--out', out, '--intervals', '1');
    t.is(code, 1, output);
    t.regex(output, message);
    t.notRegex(output, /\n\s+at /);
  });
}

test.serial('help teaches: every command is listed, wrong usage is told apart', async (t) => {
  const help = await fieldbid('--help');
  t.is(help.code, 0);
  for (const command of [
    'run',
    'bench',
    'compare',
    'sim',
    'edge',
    'aggregator',
    'gateway',
    'dso',
    'iso',
    'setup',
  ]) {
    t.regex(help.output, new RegExp(`^ {2}${command}\\b`, 'm'));
  }
  const run = await fieldbid('run', '--help');
  for (const option of [
    '--scenario',
    '--out',
    '--seed',
    '--intervals',
    '--realtime',
    '--speed',
    '--no-dso',
    '--broker',
  ]) {
    t.true(run.output.includes(option), option);
  }
  t.is((await fieldbid('run', '--seed', 'many')).code, 2);
  t.is((await fieldbid('no-such-command')).code, 2);
});
