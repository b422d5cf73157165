/** `fieldbid gateway …` */
import {
  type Command,
  group,
  InvalidArgumentError,
  logLevelOption,
  Option,
} from '@fieldbid/core/cli/command';
import { Role } from '@fieldbid/core/gateway-api/schemas';
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { Scope, scopesOf } from './auth/scopes.ts';
import { addKey, describeKeys, revokeKey, rotateKey } from './commands/keys.ts';
import { printDocument } from './commands/openapi.ts';
import { runGateway, withKeys } from './commands/run.ts';
import { showBid, showVerification } from './commands/show.ts';

const CONFIG_HELP = 'YAML file: listen, dataDir, keysFile, tls (see the example below)';
const EXAMPLE = `
Example gateway.yaml:
  listen: { host: 127.0.0.1, port: 8080 }
  dataDir: ./data          # ledger, its keys, raw records
  keysFile: ./keys.json    # hashes only; written by "gateway key add"
  metrics: { listen: 127.0.0.1:9465 }

First start:
  $ npx fieldbid gateway key add --config gateway.yaml --name north --role dera --dera north
  $ npx fieldbid gateway key add --config gateway.yaml --name dso --role dso
  $ npx fieldbid gateway run --config gateway.yaml
  $ curl http://127.0.0.1:8080/openapi.json

To other machines than this one it listens with a tls section only:
  listen: { host: 0.0.0.0, port: 8443 }
  tls: { certFile: server.crt, keyFile: server.key }

On Hyperledger Fabric instead of the embedded ledger (fieldbid fabric up writes this profile for a bench network):
  ledger: { kind: fabric, profile: .fabric/connection.json }

Several instances on one PostgreSQL, which keeps the API keys too (then without keysFile):
  store: { kind: postgresql, urlFile: database.url }    # postgresql://USER:PASSWORD@HOST:5432/DATABASE
`;

const SHOW_EXAMPLE = `
The API key is read from --key-file, or from the environment variable FIELDBID_API_KEY:
  $ npx fieldbid gateway bid 5f1c… --url http://127.0.0.1:8080 --key-file operator.key
`;

const OPENAPI_EXAMPLE = `
A client of your own, in any language:
  $ npx fieldbid gateway openapi > openapi.json
  $ npx openapi-typescript openapi.json -o api.d.ts
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
    .action(runGateway);
  gateway
    .command('openapi')
    .description('Print the API as an OpenAPI 3.1 document; needs no config and no running gateway.')
    .addHelpText('after', OPENAPI_EXAMPLE)
    .action(printDocument);
  registerShow(gateway);
  const key = gateway
    .command('key')
    .description(
      'API keys: each stands for one identity on the ledger. A running gateway takes changes over.',
    );
  registerKeys(key);
}

function registerShow(gateway: Command): void {
  const show = (name: string, description: string): Command =>
    gateway
      .command(name)
      .description(description)
      .requiredOption('--url <url>', 'the gateway, e.g. http://127.0.0.1:8080')
      .option('--key-file <file>', 'file with the API key')
      .option('--json', 'for programs', false)
      .addHelpText('after', SHOW_EXAMPLE);
  show(
    'bid',
    'Show what the ledger holds of a bid: every revision, its checksum, and whether the raw record fits.',
  )
    .argument('<uid>', 'UID of the bid: 32 hex digits')
    .action(showBid);
  show(
    'verify',
    'Verify everything: blocks, signatures, raw records. Ends with 1 when anything was changed.',
  ).action(showVerification);
}

interface KeyOptions {
  readonly config: string;
  readonly name: string;
}

function registerKeys(key: Command): void {
  const command = (name: string, description: string): Command =>
    key.command(name).description(description).requiredOption('--config <file>', CONFIG_HELP);
  command('add', 'Make a key and print it, once: only its hash is kept.')
    .requiredOption('--name <name>', 'what to call the key, e.g. north-2026')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['dera', 'dso', 'iso', 'operator'])
        .makeOptionMandatory(),
    )
    .option('--dera <id>', 'the aggregator that a key of the role dera acts for')
    .option('--msp <id>', 'organisation, when it is not the usual one of the role (DeraMSP, DsoMSP, …)')
    .option(
      '--scope <scope...>',
      `less than all of its role, e.g. read (dera: ${scopesOf('dera').join(', ')})`,
    )
    .option('--days <n>', 'how long it is good for; for ever when absent', days)
    .action(add);
  command('list', 'List the keys: name, role, organisation, aggregator, scopes, state.').action(
    ({ config }: KeyOptions) =>
      withKeys(config, async (keys) => console.log(await describeKeys(keys, Date.now()))),
  );
  command('rotate', 'Give a key a new secret and print it; the old one stays good for a while.')
    .requiredOption('--name <name>', 'the key’s name')
    .option('--grace-hours <n>', 'how long the old secret stays good', hours, 24)
    .action(({ config, name, graceHours }: KeyOptions & { graceHours: number }) =>
      withKeys(config, async (keys) => {
        const made = await rotateKey(keys, name, graceHours * HOUR_MS, Date.now());
        console.error(
          `New secret of ${name}; it is shown this once. The old one is good for ${graceHours} h:`,
        );
        console.log(made);
      }),
    );
  command('revoke', 'Revoke a key; from then on it is answered with 401.')
    .requiredOption('--name <name>', 'the key’s name')
    .action(({ config, name }: KeyOptions) =>
      withKeys(config, async (keys) => {
        await revokeKey(keys, name);
        console.error(`Key ${name} is revoked.`);
      }),
    );
}

const HOUR_MS = 3_600_000;

interface AddOptions extends KeyOptions {
  readonly role: string;
  readonly dera?: string;
  readonly msp?: string;
  readonly scope?: string[];
  readonly days?: number;
}

async function add({ config, name, role, dera, msp, scope, days }: AddOptions): Promise<void> {
  await withKeys(config, async (keys) => {
    const made = await addKey(keys, {
      name,
      role: parse(Role, role, '--role'),
      ...(dera === undefined ? {} : { deraId: dera }),
      ...(msp === undefined ? {} : { mspId: msp }),
      ...(scope === undefined ? {} : { scopes: parse(Type.Array(Scope), scope, '--scope') }),
      ...(days === undefined ? {} : { expiresAt_ms: Date.now() + days * 24 * HOUR_MS }),
    });
    console.error(`Key ${name}; it is shown this once:`);
    console.log(made);
  });
}

function hours(text: string): number {
  return within(text, 0, 24 * 90, 'hours, at most 2160');
}

function days(text: string): number {
  return within(text, 1 / 24, 3660, 'days, at most 3660');
}

function within(text: string, least: number, most: number, what: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`expected a number of ${what}`);
}
