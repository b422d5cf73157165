/** `fieldbid gateway …` */
import { type Command, group, logLevelOption, Option, runUntilSignal } from '@fieldbid/core/cli/command';
import { Role } from '@fieldbid/core/gateway-api/schemas';
import { createLogger } from '@fieldbid/core/logging';
import { parse } from '@fieldbid/core/schema';
import { ApiKeyFile } from './auth/api-keys.ts';
import { type GatewayFiles, readGatewayConfig } from './config.ts';
import { BcGateway } from './gateway.ts';
import { addKey, describeKeys, revokeKey } from './key-commands.ts';
import { EmbeddedLedger } from './ledger/embedded/embedded-ledger.ts';
import type { Ledger } from './ledger/ledger.ts';
import { openRawStore } from './store/sqlite-raw-store.ts';

const CONFIG_HELP = 'YAML file: listen, dataDir, keysFile, tls (see the example below)';
const EXAMPLE = `
Example gateway.yaml:
  listen: { host: 127.0.0.1, port: 8080 }
  dataDir: ./data          # ledger, its keys, raw records
  keysFile: ./keys.json    # hashes only; written by "gateway key add"

On Hyperledger Fabric instead of the embedded ledger (fieldbid fabric up writes this profile for a bench network):
  ledger: { kind: fabric, profile: .fabric/connection.json }

First start:
  $ npx fieldbid gateway key add --config gateway.yaml --name north --role dera --dera north
  $ npx fieldbid gateway key add --config gateway.yaml --name dso --role dso
  $ npx fieldbid gateway run --config gateway.yaml
  $ curl http://127.0.0.1:8080/openapi.json

To other machines than this one it listens with a tls section only:
  listen: { host: 0.0.0.0, port: 8443 }
  tls: { certFile: server.crt, keyFile: server.key }
`;

export function register(program: Command): void {
  const gateway = group(
    program,
    'gateway',
    'the BC-GW: API in front of the ledger and the raw records',
  ).addHelpText('after', EXAMPLE);
  gateway
    .command('run')
    .description('Run the gateway until it is told to stop (SIGINT, SIGTERM).')
    .requiredOption('--config <file>', CONFIG_HELP)
    .addOption(logLevelOption())
    .addHelpText('after', EXAMPLE)
    .action(run);
  const key = gateway
    .command('key')
    .description(
      'API keys: each stands for one identity on the ledger. A running gateway takes changes over.',
    );
  key
    .command('add')
    .description('Make a key and print it, once: only its hash is kept.')
    .requiredOption('--config <file>', CONFIG_HELP)
    .requiredOption('--name <name>', 'what to call the key, e.g. north-2026')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['dera', 'dso', 'iso', 'operator'])
        .makeOptionMandatory(),
    )
    .option('--dera <id>', 'the aggregator that a key of the role dera acts for')
    .option('--msp <id>', 'organisation, when it is not the usual one of the role (DeraMSP, DsoMSP, …)')
    .action((options: { config: string; name: string; role: string; dera?: string; msp?: string }) => {
      const { name, dera, msp } = options;
      const made = addKey(readGatewayConfig(options.config).keysFile, {
        name,
        role: parse(Role, options.role, '--role'),
        ...(dera === undefined ? {} : { deraId: dera }),
        ...(msp === undefined ? {} : { mspId: msp }),
      });
      console.error(`Key ${name}; it is shown this once:`);
      console.log(made);
    });
  key
    .command('list')
    .description('List the keys: name, role, organisation, aggregator, valid or revoked.')
    .requiredOption('--config <file>', CONFIG_HELP)
    .action((options: { config: string }) =>
      console.log(describeKeys(readGatewayConfig(options.config).keysFile)),
    );
  key
    .command('revoke')
    .description('Revoke a key; from then on it is answered with 401.')
    .requiredOption('--config <file>', CONFIG_HELP)
    .requiredOption('--name <name>', 'the key’s name')
    .action((options: { config: string; name: string }) => {
      revokeKey(readGatewayConfig(options.config).keysFile, options.name);
      console.error(`Key ${options.name} is revoked.`);
    });
}

async function openLedger(
  files: GatewayFiles['ledger'],
  now: () => number,
  durability: GatewayFiles['durability'],
): Promise<Ledger> {
  if (files.kind === 'embedded') return EmbeddedLedger.open({ dir: files.dir, now, durability });
  // Fabric's client takes a third of a second to load.
  const { FabricLedger } = await import('./ledger/fabric/fabric-ledger.ts');
  return FabricLedger.open(files.profile);
}

async function run(options: { config: string; logLevel: string }): Promise<void> {
  const { http, durability, ledger: ledgerFiles, rawFile, keysFile } = readGatewayConfig(options.config);
  const log = createLogger({ level: options.logLevel }).child({ room: 'bc-gateway' });
  // Market time of a gateway that runs by itself is real time.
  const now = Date.now;
  const keys = new ApiKeyFile(keysFile, log);
  const ledger = await openLedger(ledgerFiles, now, durability);
  try {
    const store = await openRawStore({ file: rawFile, durability });
    try {
      const gateway = await BcGateway.start({ config: http, ledger, store, keys, now, log });
      await runUntilSignal(() => gateway.close());
    } finally {
      await store.close();
    }
  } finally {
    await ledger.close();
  }
}
