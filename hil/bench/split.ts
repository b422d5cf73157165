/**
 * One scenario → a folder of config files, one per program, with the API keys and device keys that they need: what one process
 * does in `npm start`, as separate processes over a broker of one's own.
 */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Journal } from '@fieldbid/aggregator/registration/journal';
import type { NewApiKey } from '@fieldbid/bc-gateway/auth/api-keys';
import { ApiKeyFile } from '@fieldbid/bc-gateway/auth/key-file';
import { addKey } from '@fieldbid/bc-gateway/commands/keys';
import { besideFile } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { CODE_ALPHABET, CODE_LENGTH } from '@fieldbid/core/market/enrolment';
import { enrolmentRequest } from '@fieldbid/edge-agent/attestation/enrol';
import { deviceKey } from '@fieldbid/edge-agent/attestation/key-file';
import { profileBeside } from '@fieldbid/edge-agent/profiles/profile';
import { stringify } from 'yaml';
import { FAMILIES, familyOf } from '../devices/twins/families.ts';
import { type LoadedScenario, scenarioFeeder } from '../scenario/load.ts';
import { DUMP, deraOf, deraPortfolios, type Scenario } from '../scenario/schema.ts';
import { VERDICT_DEADLINE_S } from './agents.ts';
import { LOOPBACK } from './devices.ts';
import { accessBeside, OPCUA_PATH, type OpcUaLab, openOpcUaLab } from './opcua-lab.ts';
import { portfolioOf } from './portfolio.ts';
import { ScrapedPrograms } from './scraped-programs.ts';

export interface SplitOptions {
  readonly out: string;
  readonly brokerUrl: string;
  readonly gatewayPort: number;
  readonly firstPort: number;
  /** Edge agents that the DERs are shared out to. */
  readonly agents: number;
  readonly speed: number;
  readonly lead_s: number;
  /** Of the first program's metrics, the others follow; absent: none has metrics. */
  readonly metricsPort?: number;
}

const SECRET_MODE = 0o600;
/** Beside the config files: certificates and password of the simulated OPC UA inverters. */
const OPCUA_FOLDER = 'opcua';
/** Beside the config files: which programs a Prometheus scrapes. */
const PROMETHEUS_FILE = 'prometheus.yml';

/**
 * @returns the commands that run it, in the order in which to start them.
 * @throws InputError when the folder holds something already: keys are never overwritten.
 */
export async function splitScenario(loaded: LoadedScenario, options: SplitOptions): Promise<string[]> {
  const { scenario } = loaded;
  const { calendar, market, seed } = scenario;
  const portfolios = deraPortfolios(scenario);
  const folder = resolve(options.out);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new InputError({
      source: '--out',
      path: '',
      found: `${folder}, which is not empty`,
      expected: 'a new folder',
    });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const feeder = scenarioFeeder(loaded);
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(folder, name), stringify(content));
  const broker = { url: options.brokerUrl };
  const clock = { source: 'bus' };
  // In the order of docs/examples/monitoring/prometheus.yml: the first agent is the fifth program.
  const scraped = new ScrapedPrograms(options.metricsPort);
  const gatewayAs = (name: string) => ({
    url: `http://127.0.0.1:${options.gatewayPort}`,
    apiKeyFile: `${name}.key`,
  });
  const keys = ApiKeyFile.openOrNew(join(folder, 'keys.json'));
  const keyHolders: NewApiKey[] = [
    ...[...portfolios.keys()].map((deraId) => ({ name: deraId, role: 'dera', deraId }) as const),
    { name: 'dso', role: 'dso' },
    { name: 'operator', role: 'operator' },
  ];
  for (const holder of keyHolders) {
    const key = await addKey(keys, holder);
    writeFileSync(join(folder, `${holder.name}.key`), `${key}\n`, { mode: SECRET_MODE });
  }
  write('gateway.yaml', {
    listen: { host: '127.0.0.1', port: options.gatewayPort },
    dataDir: './data',
    keysFile: './keys.json',
    ...scraped.section('gateway'),
  });
  write('dso.yaml', {
    gateway: gatewayAs('dso'),
    feederFile: resolve(loaded.feederFile),
    calendar,
    deraIds: [...portfolios.keys()],
    policy: scenario.dso.policy,
    safety: scenario.dso.safety,
    ...(scenario.dso.margin_pu === undefined ? {} : { margin_pu: scenario.dso.margin_pu }),
    ...scraped.section('dso'),
  });
  write('iso.yaml', {
    broker,
    clock,
    calendar,
    seed,
    market: { ...market, supplyFile: resolve(loaded.supplyFile), demandFile: resolve(loaded.demandFile) },
    ...scraped.section('iso'),
  });
  const aggregators: string[] = [];
  const journals = new Map<string, Journal>();
  for (const [deraId, derIds] of portfolios) {
    const program = portfolios.size === 1 ? 'aggregator' : `aggregator-${deraId}`;
    const name = `${program}.yaml`;
    const keysFile = `${deraId}.keys.ndjson`;
    write(name, {
      deraId,
      broker,
      gateway: gatewayAs(deraId),
      clock,
      calendar,
      maxSegments: market.maxSegments,
      keysFile,
      requireSignatures: true,
      settlement: scenario.settlement,
      ...(scenario.baseline === undefined || loaded.baselineFile === undefined
        ? {}
        : { baseline: { ...scenario.baseline, file: resolve(loaded.baselineFile) } }),
      portfolio: portfolioOf(feeder, deraId, derIds).map(({ deraId: _, ...der }) => der),
      ...scraped.section(program),
    });
    aggregators.push(name);
    journals.set(deraId, new Journal(join(folder, keysFile)));
  }
  const simulated = scenario.ders.filter(({ device }) => device === 'simulated');
  const lab = simulated.some(({ protocol }) => protocol === 'opcua')
    ? await openOpcUaLab(join(folder, OPCUA_FOLDER), LOOPBACK)
    : undefined;
  write('bench.yaml', {
    scenarioFile: resolve(loaded.file),
    calendar,
    seed,
    broker,
    gateway: gatewayAs('operator'),
    firstPort: options.firstPort,
    ...(lab === undefined ? {} : { opcuaFolder: `./${OPCUA_FOLDER}` }),
    speed: options.speed,
    lead_s: options.lead_s,
  });
  const edges: string[] = [];
  for (const { deraId, share } of agentShares(scenario, options.agents)) {
    const name = `edge-${edges.length + 1}`;
    const keyFile = `${name}.key.pem`;
    // Enrolled already: as by a code each, which a person would carry from the one program to the other.
    const signer = deviceKey(join(folder, keyFile));
    const { publicKey } = signer;
    for (const i of share) {
      const { derId } = scenario.ders[i]!;
      const device = { deraId, derId, deviceIds: feeder.der(derId)?.deviceIds ?? [] };
      const request = await enrolmentRequest(signer, device, anyCode());
      journals.get(deraId)!.append({ event: 'enrolled', derId, at_ms: Date.now(), publicKey, request });
    }
    write(`${name}.yaml`, {
      agentId: name,
      broker,
      clock,
      market: {
        deraId,
        calendar,
        forecastFile: resolve(loaded.priceForecastFile),
        clearSkyFile: resolve(feeder.data.clearSkyFile),
        dayAheadShare_pct: scenario.agents.dayAheadShare_pct,
      },
      keyFile,
      cycle_s: scenario.agents.cycle_s,
      verdictDeadline_s: VERDICT_DEADLINE_S,
      devices: share.map((i) => {
        const owned = scenario.ders[i]!;
        const { derId, riskFactor_pct } = owned;
        const der = feeder.der(derId);
        return {
          derId,
          deviceIds: der?.deviceIds ?? [],
          ...reached(resolve(loaded.file), owned, options.firstPort + i, lab, der?.phases.join('') ?? ''),
          riskFactor_pct,
          withoutAward: 'zero',
        };
      }),
      ...scraped.section(name),
    });
    edges.push(name);
  }
  const prometheus = scraped.prometheusConfig();
  if (prometheus !== undefined) write(PROMETHEUS_FILE, prometheus);
  const run = (what: string, file: string): string =>
    `npx fieldbid ${what} run --config ${join(options.out, file)}`;
  return [
    run('gateway', 'gateway.yaml'),
    run('dso', 'dso.yaml'),
    run('bench', 'bench.yaml'),
    run('iso', 'iso.yaml'),
    ...aggregators.map((file) => run('aggregator', file)),
    ...edges.map((name) => run('edge', `${name}.yaml`)),
  ];
}

/** One that nobody has issued, and that nothing is left of. */
function anyCode(): string {
  const letter = (): string => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)] ?? '';
  return Array.from({ length: CODE_LENGTH }, letter).join('');
}

/** How an edge agent finds a DER's device, as keys of its config. */
function reached(
  file: string,
  { device, protocol, profile: named, twin, mapping, opcua }: Scenario['ders'][number],
  port: number,
  lab: OpcUaLab | undefined,
  phases: string,
): Record<string, unknown> {
  const profile = profileBeside(file, named);
  if (device === 'simulated' && protocol === 'opcua' && lab !== undefined) {
    const endpoint = `opc.tcp://${LOOPBACK}:${port}${OPCUA_PATH}`;
    return { endpoint, mapping: lab.mapping(phases), opcua: lab.access };
  }
  if (device === 'simulated' || device.startsWith(DUMP)) {
    const unit = device === 'simulated' ? FAMILIES[twin ?? familyOf(named)].unit : 1;
    return { endpoint: `tcp://${LOOPBACK}:${port}?unit=${unit}`, profile };
  }
  return {
    endpoint: device,
    profile,
    ...(mapping === undefined ? {} : { mapping: besideFile(file, mapping) }),
    ...(opcua === undefined ? {} : { opcua: accessBeside(file, opcua) }),
  };
}

/**
 * The DERs by index, in `parts` runs of nearly the same length; no empty ones, and one at least for each DERA: an
 * agent bids at one.
 */
function agentShares(
  scenario: Scenario,
  parts: number,
): { readonly deraId: string; readonly share: readonly number[] }[] {
  const { ders } = scenario;
  const count = Math.min(parts, ders.length);
  const shares = new Map<string, { deraId: string; share: number[] }>();
  for (const [i, der] of ders.entries()) {
    const own = deraOf(scenario, der);
    const key = `${Math.floor((i * count) / ders.length)} ${own}`;
    const known = shares.get(key);
    if (known === undefined) shares.set(key, { deraId: own, share: [i] });
    else known.share.push(i);
  }
  return [...shares.values()];
}
