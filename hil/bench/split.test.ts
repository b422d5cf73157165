/** What `bench split` writes: configs that their programs take, and metrics of each where Prometheus looks for them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AggregatorConfig } from '@fieldbid/aggregator/config';
import { GatewayServiceConfig } from '@fieldbid/bc-gateway/config';
import { readConfig } from '@fieldbid/core/config';
import { DsoConfig } from '@fieldbid/dso/config';
import { EdgeConfig } from '@fieldbid/edge-agent/config';
import { IsoConfig } from '@fieldbid/iso-sim/config';
import test from 'ava';
import { parse } from 'yaml';
import { loadScenario } from '../scenario/load.ts';
import { fieldbid } from '../testing/programs.ts';
import { BenchConfig } from './config.ts';
import { DEFAULT_SCENARIO } from './options.ts';
import { type SplitOptions, splitScenario } from './split.ts';

const EXAMPLE = fileURLToPath(new URL('../../docs/examples/monitoring/prometheus.yml', import.meta.url));
const TWO_DERAS = fileURLToPath(new URL('../scenarios/two-deras/scenario.yaml', import.meta.url));

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), 'fieldbid-split-')), 'lab');

interface Prometheus {
  readonly scrape_configs: {
    readonly job_name: string;
    readonly static_configs: { readonly targets: string[]; readonly labels: { readonly program: string } }[];
  }[];
}

/** `program address`, in the order of the file. */
function scraped(file: string): string[] {
  const { scrape_configs } = parse(readFileSync(file, 'utf8')) as Prometheus;
  return scrape_configs.flatMap(({ static_configs }) =>
    static_configs.map(({ targets, labels }) => `${labels.program} ${targets.join()}`),
  );
}

async function split(scenario: string, more: Partial<SplitOptions> = {}): Promise<string> {
  const out = newFolder();
  await splitScenario(loadScenario(scenario, { start: '2026-06-21T11:45Z', intervals: 1, dayAhead: false }), {
    ...{ out, brokerUrl: 'mqtt://127.0.0.1:1883', gatewayPort: 8080, firstPort: 15_100, agents: 2 },
    ...{ speed: 60, lead_s: 20 },
    ...more,
  });
  return out;
}

/** By the schema of its program, every config of a folder: `program address of its metrics`. */
function listening(folder: string): string[] {
  const schemas = [
    [/^gateway\.yaml$/, GatewayServiceConfig],
    [/^dso\.yaml$/, DsoConfig],
    [/^iso\.yaml$/, IsoConfig],
    [/^aggregator.*\.yaml$/, AggregatorConfig],
    [/^edge-\d+\.yaml$/, EdgeConfig],
    [/^bench\.yaml$/, BenchConfig],
  ] as const;
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => {
      const schema = schemas.find(([pattern]) => pattern.test(name))?.[1];
      if (schema === undefined) throw new RangeError(`${name} is the config of no program`);
      const config = readConfig(schema, join(folder, name)) as { metrics?: { listen: string } };
      const { metrics } = config;
      return metrics === undefined ? [] : [`${name.replace('.yaml', '')} ${metrics.listen}`];
    });
}

test('every program of a split answers Prometheus, on the ports of the example, which prometheus.yml names', async (t) => {
  const lab = newFolder();
  const { code, output } = await fieldbid('bench', 'split', '--out', lab);
  t.is(code, 0, output);
  const targets = scraped(join(lab, 'prometheus.yml'));
  t.deepEqual([...targets].sort(), listening(lab).sort());
  t.deepEqual(targets, [...scraped(EXAMPLE), 'edge-2 127.0.0.1:9469']);
});

test('with several aggregators the ports go on behind each, from where one says', async (t) => {
  const lab = await split(TWO_DERAS, { metricsPort: 19_000 });
  const targets = scraped(join(lab, 'prometheus.yml'));
  t.deepEqual([...targets].sort(), listening(lab).sort());
  t.deepEqual(
    targets.map((target) => target.split(':')[1]),
    targets.map((_, i) => `${19_000 + i}`),
  );
  t.is(targets.filter((target) => target.startsWith('aggregator-')).length, 2);
});

test('and none does where no metrics are wanted', async (t) => {
  const lab = newFolder();
  const { code, output } = await fieldbid('bench', 'split', '--out', lab, '--no-metrics');
  t.is(code, 0, output);
  t.deepEqual(listening(lab), []);
  t.false(existsSync(join(lab, 'prometheus.yml')));
});

const title = 'Prometheus takes the configuration of a split, and its alerts';
if (spawnSync('promtool', ['--version']).error !== undefined) {
  test.skip(`${title}: the program promtool is not installed`, () => {});
} else {
  test(title, async (t) => {
    const lab = await split(DEFAULT_SCENARIO, { metricsPort: 9464 });
    const { status, stdout, stderr } = spawnSync('promtool', [
      ...['check', 'config', join(lab, 'prometheus.yml')],
    ]);
    t.is(status, 0, `${stderr}`);
    t.regex(`${stdout}`, /fieldbid-alerts\.yml[\s\S]*SUCCESS/);
  });
}
