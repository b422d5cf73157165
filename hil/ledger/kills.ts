/**
 * The BC-GW killed while it works, on the embedded ledger; on Fabric the peers, the orderer and the contract services as
 * well: for the tests and for `npm run bench -- kills`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FabricNetwork } from '@fieldbid/chaincode/network/network';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import { bundle } from '../testing/bundle.ts';
import { freePorts, type Program, start } from '../testing/programs.ts';
import { type KilledMarketReport, killedMarket, type Victim } from './killed-market.ts';

const PARTIES = {
  north: ['--role', 'dera', '--dera', 'north'],
  south: ['--role', 'dera', '--dera', 'south'],
  dso: ['--role', 'dso'],
  operator: ['--role', 'operator'],
} as const;
const MOST_PAUSE_MS = 250;
/** A step takes a block there. */
const MOST_PAUSE_ON_FABRIC_MS = 1500;

type OnProgress = (kills: number, intervals: number) => void;

/** @throws when the market could not go on; what is wrong with its records is in the report. */
export function killEmbeddedGateway(
  kills: number,
  seed: number,
  onProgress?: OnProgress,
): Promise<KilledMarketReport> {
  return killGateways(
    { config: 'keysFile: ./keys.json', gateways: 1, others: [], mostPause_ms: MOST_PAUSE_MS },
    kills,
    seed,
    onProgress,
  );
}

/**
 * @param network that is up; it stays so.
 * @param databaseUrl of an empty PostgreSQL database: then two gateways share it. Undefined: one, with SQLite.
 * @throws as `killEmbeddedGateway`.
 */
export function killOnFabric(
  network: FabricNetwork,
  databaseUrl: string | undefined,
  kills: number,
  seed: number,
  onProgress?: OnProgress,
): Promise<KilledMarketReport> {
  const others = network.names.map((name) => ({
    name,
    kill: () => network.kill(name),
    restart: () => network.start(name),
  }));
  const ledger = `ledger: { kind: fabric, profile: ${JSON.stringify(network.profileFile)} }`;
  const store =
    databaseUrl === undefined
      ? 'keysFile: ./keys.json'
      : 'store: { kind: postgresql, urlEnv: KILLS_DATABASE_URL }';
  const gateways = databaseUrl === undefined ? 1 : 2;
  const env = databaseUrl === undefined ? {} : { KILLS_DATABASE_URL: databaseUrl };
  const config = `${ledger}\n${store}`;
  return killGateways(
    { config, env, gateways, others, mostPause_ms: MOST_PAUSE_ON_FABRIC_MS },
    kills,
    seed,
    onProgress,
  );
}

interface Killing {
  /** What the gateways' config says of ledger and store, YAML. */
  readonly config: string;
  readonly env?: Record<string, string>;
  readonly gateways: number;
  /** What is killed besides the gateways. */
  readonly others: readonly Victim[];
  readonly mostPause_ms: number;
}

async function killGateways(
  { config, env = {}, gateways, others, mostPause_ms }: Killing,
  kills: number,
  seed: number,
  onProgress?: OnProgress,
): Promise<KilledMarketReport> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-kills-'));
  const program = await bundle(new URL('./gateway-program.ts', import.meta.url), 'gateway-program');
  const environment = { ...process.env, ...env };
  const first = await freePorts(gateways);
  const files = Array.from({ length: gateways }, (_, i) => {
    const file = join(folder, `gateway-${i}.yaml`);
    const listen = `listen: { host: 127.0.0.1, port: ${first + i} }`;
    writeFileSync(file, `${listen}\ndataDir: ./data\ndurability: process\n${config}\n`);
    return file;
  });
  const urls = files.map((_, i) => `http://127.0.0.1:${first + i}`);
  const keys = new Map<string, string>();
  for (const [name, role] of Object.entries(PARTIES)) {
    const args = [program, 'gateway', 'key', 'add', '--config', files[0] ?? '', '--name', name, ...role];
    const add = start(process.execPath, args, { env: environment });
    await add.ended;
    keys.set(name, add.stdout().trim());
  }
  const clientOf = (url: string | readonly string[], party: string) =>
    new GatewayClient({ url, apiKey: keys.get(party) ?? '', deadline_ms: 20_000 });
  // One client each, which remembers which gateway has answered it.
  const clients = new Map(Object.keys(PARTIES).map((party) => [party, clientOf(urls, party)]));
  const programs = files.map((file, i) => {
    const args = [program, 'gateway', 'run', '--config', file];
    const alive = () => clientOf(urls[i] ?? '', 'operator').listDers();
    return new KilledProgram(gateways === 1 ? 'gateway' : `gateway-${i + 1}`, args, environment, alive);
  });
  try {
    for (const gateway of programs) await gateway.restart();
    return await killedMarket({
      victims: [...programs, ...others],
      client: (party) => clients.get(party) as GatewayClient,
      ...{ kills, seed, mostPause_ms },
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } finally {
    for (const gateway of programs) await gateway.kill();
    rmSync(folder, { recursive: true });
  }
}

class KilledProgram implements Victim {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #alive: () => Promise<unknown>;
  #program: Program | undefined;

  constructor(name: string, args: readonly string[], env: NodeJS.ProcessEnv, alive: () => Promise<unknown>) {
    this.#env = env;
    this.name = name;
    this.#args = args;
    this.#alive = alive;
  }

  async kill(): Promise<void> {
    this.#program?.process.kill('SIGKILL');
    await this.#program?.ended;
    this.#program = undefined;
  }

  async restart(): Promise<void> {
    const program = start(process.execPath, this.#args, { env: this.#env });
    this.#program = program;
    for (;;) {
      try {
        await this.#alive();
        return;
      } catch (error) {
        if (program.process.exitCode !== null) throw new RangeError(program.output(), { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}
