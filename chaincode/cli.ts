/** `fieldbid fabric …`: a Hyperledger Fabric network for the bench, and the contract's package for any other. */
import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type Command, group } from '@fieldbid/core/cli/command';
import { FieldbidError } from '@fieldbid/core/errors';
import { readConnectionProfile } from './network/connection-profile.ts';
import { networkMetrics } from './network/metrics.ts';
import { FabricNetwork } from './network/network.ts';
import { contractPackage } from './network/package.ts';
import { readSettings } from './network/settings.ts';
import { FabricWallet } from './network/wallet.ts';

const DIR = '.fabric';
const EXAMPLE = `
Needs the programs of Hyperledger Fabric 2.5 (peer, orderer, osnadmin, configtxgen, cryptogen) in the folder that
FABRIC_BIN names, or on PATH. No Docker.

  $ npx fieldbid fabric up                       # orderer, peers of DERA and DSO, the contract: all on loopback
  $ npx fieldbid fabric status
  $ npm start -- --ledger fabric --fabric-profile .fabric/connection.json
  $ npx fieldbid fabric down                     # the ledger stays; --delete removes it

Example network.yaml, all of it optional:
  channel: der-market
  policy: "AND('DeraMSP.peer','DsoMSP.peer')"
  organisations: [{ mspId: DeraMSP }, { mspId: DsoMSP }, { mspId: IsoMSP }, { mspId: OperatorMSP, peer: false }]
  basePort: 17000
  batch: { timeout_ms: 200, messages: 500 }
  stateDatabase: { kind: couchdb, username: admin, addresses: { DeraMSP: "127.0.0.1:5984", DsoMSP: "127.0.0.1:5985", IsoMSP: "127.0.0.1:5986" } }
`;

interface Place {
  readonly dir: string;
  readonly config?: string;
}

export function register(program: Command): void {
  const fabric = group(program, 'fabric', 'a Hyperledger Fabric network for the bench').addHelpText(
    'after',
    EXAMPLE,
  );
  const command = (name: string, description: string): Command =>
    fabric
      .command(name)
      .description(description)
      .option('--dir <folder>', 'where its keys, ledgers and logs are', DIR);
  command('up', 'Start the network; make it first where there is none. What is up already stays as it is.')
    .option('--config <file>', 'YAML file of settings (see the example)')
    .addHelpText('after', EXAMPLE)
    .action(up);
  command('down', 'End all its processes. The ledger stays.')
    .option('--delete', 'remove everything: keys, ledgers, logs', false)
    .action(async ({ dir, delete: all }: Place & { delete: boolean }) => {
      const network = existing(dir);
      await (all ? network.delete() : network.down());
      console.error(all ? `${dir} is removed.` : 'The network is down.');
    });
  command(
    'status',
    'Show processes, block heights and the contract version; ends with 1 when something is down.',
  ).action(status);
  command('start', 'Start one process again, or all that are down.')
    .argument('[name]', 'as status shows it')
    .action((name: string | undefined, { dir }: Place) =>
      existing(dir).start(...(name === undefined ? [] : [name])),
    );
  command('kill', 'Kill a process (SIGKILL), to see what the others do.')
    .argument('<name>', 'as status shows it')
    .action((name: string, { dir }: Place) => existing(dir).kill(name));
  command('upgrade', 'Put the next version of the contract on the channel; all data stay.')
    .requiredOption('--label <label>', 'label of its package, e.g. der-market_2.0')
    .action(async ({ dir, label }: Place & { label: string }) => {
      const { sequence, packageId } = await existing(dir, progress).upgrade(label);
      console.error(`The contract is ${packageId}, sequence ${sequence}.`);
    });
  fabric
    .command('metrics')
    .description('Show what peers and orderer say of themselves on their operations endpoints.')
    .option('--profile <file>', 'connection profile', `${DIR}/connection.json`)
    .option('--json', 'for programs', false)
    .action(showMetrics);
  fabric
    .command('package')
    .description('Write the package of the contract, to install on the peers of any network.')
    .requiredOption('--label <label>', 'its label: name and version, e.g. der-market_1.0')
    .requiredOption('--out <file>', 'the file to write, .tar.gz')
    .action(({ label, out }: { label: string; out: string }) => {
      const { bytes, packageId } = contractPackage(label);
      writeFileSync(out, bytes);
      console.log(packageId);
    });
  fabric
    .command('identity')
    .description('Make an identity by the bench CA of an organisation, into the wallet of a profile.')
    .requiredOption('--profile <file>', 'connection profile, e.g. .fabric/connection.json')
    .requiredOption('--msp <id>', 'organisation, e.g. DeraMSP')
    .requiredOption('--role <role>', 'dera, dso, iso or operator')
    .option('--dera <id>', 'aggregator that it acts for')
    .action(async (options: { profile: string; msp: string; role: string; dera?: string }) => {
      const { msp, role, dera } = options;
      const wallet = new FabricWallet(readConnectionProfile(options.profile));
      const name = dera === undefined ? { mspId: msp, role } : { mspId: msp, role, deraId: dera };
      console.log((await wallet.identity(name)).file);
    });
}

async function showMetrics({ profile, json }: { profile: string; json: boolean }): Promise<void> {
  const nodes = await networkMetrics(readConnectionProfile(profile));
  if (json) console.log(JSON.stringify(nodes, null, 2));
  for (const { name, figures, fault } of json ? [] : nodes) {
    console.log(name);
    for (const [what, value] of figures ?? [['does not answer', fault ?? '']]) {
      console.log(`  ${what.padEnd(26)}${value}`);
    }
  }
  if (nodes.some(({ figures }) => figures === undefined)) process.exitCode = 1;
}

async function up({ dir, config }: Place): Promise<void> {
  const network = new FabricNetwork({ dir: resolve(dir), settings: readSettings(config), say: progress });
  const from = performance.now();
  if (!(await network.up())) {
    console.error('The network is up already.');
    return;
  }
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.error(`The network is up after ${seconds} s. Its connection profile:`);
  console.log(relative(process.cwd(), network.profileFile));
}

async function status({ dir }: Place): Promise<void> {
  const { processes, heights, version } = await existing(dir).status();
  for (const { name, pid, memory_MiB, healthy } of processes) {
    const what = pid === undefined ? 'down' : healthy ? 'up' : 'starting, or not well';
    const about = pid === undefined ? '' : `pid ${pid}\t${memory_MiB} MiB`;
    console.log(`${name.padEnd(20)}${what}\t${about}`);
  }
  for (const [mspId, height] of Object.entries(heights)) console.log(`${mspId.padEnd(20)}${height} blocks`);
  if (version !== undefined)
    console.log(`contract            ${version.label}, sequence ${version.sequence}`);
  if (processes.some(({ healthy }) => !healthy)) process.exitCode = 1;
}

function existing(dir: string, say?: typeof progress): FabricNetwork {
  const settings = FabricNetwork.settingsOf(resolve(dir));
  if (settings === undefined) {
    throw new FieldbidError('FABRIC_MISSING', `there is no network in ${dir}: fieldbid fabric up makes one`);
  }
  return new FabricNetwork({ dir: resolve(dir), settings, ...(say === undefined ? {} : { say }) });
}

function progress(step: string, duration_ms: number): void {
  console.error(`${(duration_ms / 1000).toFixed(1).padStart(6)} s  ${step}`);
}
