/**
 * One scenario → a folder of config files, one per program, with the API keys and device keys that they need: what one process
 * does in `npm start`, as separate processes over a broker of one's own.
 */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Journal } from '@fieldbid/aggregator/registration/journal';
import { ApiKeyFile } from '@fieldbid/bc-gateway/auth/key-file';
import { addKey } from '@fieldbid/bc-gateway/commands/keys';
import { besideFile } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { CODE_ALPHABET, CODE_LENGTH } from '@fieldbid/core/market/enrolment';
import { enrolmentRequest } from '@fieldbid/edge-agent/attestation/enrol';
import { deviceKey } from '@fieldbid/edge-agent/attestation/key-file';
import { stringify } from 'yaml';
import { type LoadedScenario, scenarioFeeder } from '../scenario/load.ts';
import type { Scenario } from '../scenario/schema.ts';
import { VERDICT_DEADLINE_S } from './agents.ts';
import { accessBeside, OPCUA_PATH, type OpcUaLab, openOpcUaLab } from './opcua-lab.ts';
import { portfolioOf } from './portfolio.ts';

export interface SplitOptions {
  readonly out: string;
  readonly brokerUrl: string;
  readonly gatewayPort: number;
  readonly firstPort: number;
  /** Edge agents that the DERs are shared out to. */
  readonly agents: number;
  readonly speed: number;
  readonly lead_s: number;
}

const SECRET_MODE = 0o600;
/** The DERA's journal of codes and keys. */
const KEYS = 'dera.keys.ndjson';
const LOOPBACK = '127.0.0.1';
/** Beside the config files: certificates and password of the simulated OPC UA inverters. */
const OPCUA_FOLDER = 'opcua';

/**
 * @returns the commands that run it, in the order in which to start them.
 * @throws InputError when the folder holds something already: keys are never overwritten.
 */
export async function splitScenario(loaded: LoadedScenario, options: SplitOptions): Promise<string[]> {
  const { scenario } = loaded;
  const { calendar, deraId, market, seed } = scenario;
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
  const gatewayAs = (role: string) => ({
    url: `http://127.0.0.1:${options.gatewayPort}`,
    apiKeyFile: `${role}.key`,
  });
  const keys = ApiKeyFile.openOrNew(join(folder, 'keys.json'));
  for (const role of ['dera', 'dso', 'operator'] as const) {
    const key = await addKey(keys, { name: role, role, ...(role === 'dera' ? { deraId } : {}) });
    writeFileSync(join(folder, `${role}.key`), `${key}\n`, { mode: SECRET_MODE });
  }
  write('gateway.yaml', {
    listen: { host: '127.0.0.1', port: options.gatewayPort },
    dataDir: './data',
    keysFile: './keys.json',
  });
  write('dso.yaml', {
    gateway: gatewayAs('dso'),
    feederFile: resolve(loaded.feederFile),
    calendar,
    deraIds: [deraId],
    policy: scenario.dso.policy,
    safety: scenario.dso.safety,
    ...(scenario.dso.margin_pu === undefined ? {} : { margin_pu: scenario.dso.margin_pu }),
  });
  write('iso.yaml', {
    broker,
    clock,
    calendar,
    seed,
    market: { ...market, supplyFile: resolve(loaded.supplyFile), demandFile: resolve(loaded.demandFile) },
  });
  write('aggregator.yaml', {
    deraId,
    broker,
    gateway: gatewayAs('dera'),
    clock,
    calendar,
    maxSegments: market.maxSegments,
    keysFile: KEYS,
    requireSignatures: true,
    settlement: scenario.settlement,
    ...(scenario.baseline === undefined || loaded.baselineFile === undefined
      ? {}
      : { baseline: { ...scenario.baseline, file: resolve(loaded.baselineFile) } }),
    portfolio: portfolioOf(feeder),
  });
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
  const journal = new Journal(join(folder, KEYS));
  const edges: string[] = [];
  for (const [a, share] of agentShares(scenario.ders.length, options.agents).entries()) {
    const name = `edge-${a + 1}`;
    const keyFile = `${name}.key.pem`;
    // Enrolled already: as by a code each, which a person would carry from the one program to the other.
    const signer = deviceKey(join(folder, keyFile));
    const { publicKey } = signer;
    for (const i of share) {
      const { derId } = scenario.ders[i]!;
      const device = { deraId, derId, deviceIds: feeder.der(derId)?.deviceIds ?? [] };
      const request = await enrolmentRequest(signer, device, anyCode());
      journal.append({ event: 'enrolled', derId, at_ms: Date.now(), publicKey, request });
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
          ...reached(loaded.file, owned, options.firstPort + i, lab, der?.phases.join('') ?? ''),
          riskFactor_pct,
          withoutAward: 'zero',
        };
      }),
    });
    edges.push(name);
  }
  const run = (what: string, file: string): string =>
    `npx fieldbid ${what} run --config ${join(options.out, file)}`;
  return [
    run('gateway', 'gateway.yaml'),
    run('dso', 'dso.yaml'),
    run('bench', 'bench.yaml'),
    run('iso', 'iso.yaml'),
    run('aggregator', 'aggregator.yaml'),
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
  { device, protocol, profile, mapping, opcua }: Scenario['ders'][number],
  port: number,
  lab: OpcUaLab | undefined,
  phases: string,
): Record<string, unknown> {
  if (device === 'simulated' && protocol === 'opcua' && lab !== undefined) {
    const endpoint = `opc.tcp://${LOOPBACK}:${port}${OPCUA_PATH}`;
    return { endpoint, mapping: lab.mapping(phases), opcua: lab.access };
  }
  if (device === 'simulated') return { endpoint: `tcp://${LOOPBACK}:${port}?unit=1`, profile };
  return {
    endpoint: device,
    profile,
    ...(mapping === undefined ? {} : { mapping: besideFile(file, mapping) }),
    ...(opcua === undefined ? {} : { opcua: accessBeside(file, opcua) }),
  };
}

/** Indices 0 … count-1 in `parts` runs of nearly the same length; no empty ones. */
function agentShares(count: number, parts: number): number[][] {
  const shares: number[][] = [];
  for (let i = 0; i < count; i++) {
    const part = Math.floor((i * Math.min(parts, count)) / count);
    const share = shares[part];
    if (share === undefined) shares[part] = [i];
    else share.push(i);
  }
  return shares;
}
