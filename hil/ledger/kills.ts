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
  return killGateway('', [], MOST_PAUSE_MS, kills, seed, onProgress);
}

/** @param network that is up; it stays so. @throws as `killEmbeddedGateway`. */
export function killOnFabric(
  network: FabricNetwork,
  kills: number,
  seed: number,
  onProgress?: OnProgress,
): Promise<KilledMarketReport> {
  const victims = network.names.map((name) => ({
    name,
    kill: () => network.kill(name),
    restart: () => network.start(name),
  }));
  const ledger = `ledger: { kind: fabric, profile: ${JSON.stringify(network.profileFile)} }\n`;
  return killGateway(ledger, victims, MOST_PAUSE_ON_FABRIC_MS, kills, seed, onProgress);
}

async function killGateway(
  ledgerConfig: string,
  others: readonly Victim[],
  mostPause_ms: number,
  kills: number,
  seed: number,
  onProgress?: OnProgress,
): Promise<KilledMarketReport> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-kills-'));
  const program = await bundle(new URL('./gateway-program.ts', import.meta.url), 'gateway-program');
  const config = join(folder, 'gateway.yaml');
  const port = await freePorts(1);
  const listen = `listen: { host: 127.0.0.1, port: ${port} }`;
  writeFileSync(
    config,
    `${listen}\ndataDir: ./data\nkeysFile: ./keys.json\ndurability: process\n${ledgerConfig}`,
  );
  const keys = new Map<string, string>();
  for (const [name, role] of Object.entries(PARTIES)) {
    const add = start(process.execPath, [
      program,
      'gateway',
      'key',
      'add',
      '--config',
      config,
      '--name',
      name,
      ...role,
    ]);
    await add.ended;
    keys.set(name, add.stdout().trim());
  }
  const url = `http://127.0.0.1:${port}`;
  const client = (party: string) =>
    new GatewayClient({ url, apiKey: keys.get(party) ?? '', deadline_ms: 20_000 });
  const gateway = new KilledProgram('gateway', [program, 'gateway', 'run', '--config', config], () =>
    client('operator').health(),
  );
  try {
    await gateway.restart();
    return await killedMarket({
      victims: [gateway, ...others],
      ...{ kills, seed, client, mostPause_ms },
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } finally {
    await gateway.kill();
    rmSync(folder, { recursive: true });
  }
}

class KilledProgram implements Victim {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #alive: () => Promise<unknown>;
  #program: Program | undefined;

  constructor(name: string, args: readonly string[], alive: () => Promise<unknown>) {
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
    const program = start(process.execPath, this.#args);
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
