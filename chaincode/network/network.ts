/**
 * A native Hyperledger Fabric 2.5 network on this machine, without Docker: an orderer (etcdraft), a peer and a contract
 * service for each organisation that has one, TLS everywhere. For benches and tests: its keys are made by cryptogen.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import { writeBuilder } from './builder.ts';
import { channelConfig, cryptogenConfig, PROFILE } from './channel-config.ts';
import type { ConnectionProfile } from './connection-profile.ts';
import { HOST, Layout, type OrganisationPlace, type PeerPlace } from './layout.ts';
import { Lifecycle, type Version } from './lifecycle.ts';
import { ordererConfig, peerConfig } from './node-config.ts';
import { contractPackage } from './package.ts';
import { isHealthy, type Launch, listens, Processes, type ProcessState } from './processes.ts';
import { cleanEnvironment, type Programs, requirePrograms, run } from './programs.ts';
import { ADDRESS_NAMES, installServicePackages, peerEnvironment, serviceLaunch } from './service.ts';
import { NetworkSettings } from './settings.ts';

type WithPeer = OrganisationPlace & { peer: PeerPlace };

export interface NetworkOptions {
  /** Folder of everything: keys, ledgers, logs. */
  readonly dir: string;
  readonly settings: NetworkSettings;
  /** Told of each step that was done. */
  readonly say?: (step: string, duration_ms: number) => void;
}

export interface NetworkStatus {
  readonly processes: readonly (ProcessState & { readonly healthy: boolean })[];
  readonly heights: Readonly<Record<string, number>>;
  readonly version: Version | undefined;
}

export class FabricNetwork {
  readonly #layout: Layout;
  readonly #programs: Programs;
  readonly #processes: Processes;
  readonly #lifecycle: Lifecycle;
  readonly #say: (step: string, duration_ms: number) => void;

  /** @throws FieldbidError `FABRIC_MISSING`; InputError when the folder was made with other settings. */
  constructor({ dir, settings, say = () => {} }: NetworkOptions) {
    this.#layout = new Layout(dir, settings);
    this.#programs = requirePrograms();
    this.#processes = new Processes(dir);
    this.#lifecycle = new Lifecycle(this.#layout, this.#programs);
    this.#say = say;
    requireSameSettings(this.#settingsFile, settings);
  }

  /** Settings that a folder was made with. */
  static settingsOf(dir: string): NetworkSettings | undefined {
    const file = new Layout(dir, parse(NetworkSettings, {}, '')).path('settings.json');
    return existsSync(file)
      ? parse(NetworkSettings, JSON.parse(readFileSync(file, 'utf8')), file)
      : undefined;
  }

  get profileFile(): string {
    return this.#layout.path('connection.json');
  }

  get names(): string[] {
    const { withPeers } = this.#layout;
    const services = this.#versions().flatMap(({ slot }) =>
      withPeers.map(({ key }) => `service-${key}-${slot}`),
    );
    return ['orderer', ...withPeers.map(({ key }) => `peer-${key}`), ...services];
  }

  /**
   * Brings everything up that is not. What it started it ends again when a step fails.
   * @returns false when all of it was up already.
   */
  async up(): Promise<boolean> {
    const before = new Set(this.names.filter((name) => this.#processes.pidOf(name) !== undefined));
    if (existsSync(this.profileFile) && this.names.every((name) => before.has(name))) return false;
    try {
      if (existsSync(this.profileFile)) await this.#resume();
      else await this.#create();
      return true;
    } catch (error) {
      for (const name of this.names.reverse()) if (!before.has(name)) await this.#processes.stop(name);
      throw error;
    }
  }

  /** Ends all processes; the ledger stays. */
  async down(): Promise<void> {
    for (const name of this.names.reverse()) await this.#processes.stop(name);
  }

  /** Removes everything that it has written. */
  async delete(): Promise<void> {
    await this.down();
    rmSync(this.#layout.dir, { recursive: true, force: true });
  }

  /** Starts one process, or all that are down, and waits until they work. */
  async start(...names: string[]): Promise<void> {
    const launches = this.#launches().filter(({ name }) => names.length === 0 || names.includes(name));
    for (const launch of launches) this.#processes.start(launch);
    await Promise.all(launches.map((launch) => this.#processes.untilReady(launch)));
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.names.includes(name)) {
      throw new InputError({
        source: 'process',
        path: '',
        found: name,
        expected: `one of ${this.names.join(', ')}`,
      });
    }
    await this.#processes.stop(name, signal);
  }

  async status(): Promise<NetworkStatus> {
    if (!existsSync(this.profileFile)) return { processes: [], heights: {}, version: undefined };
    const processes = await Promise.all(
      this.#launches().map(async (launch) => {
        const state = this.#processes.state(launch.name);
        return { ...state, healthy: state.pid !== undefined && (await launch.ready()) };
      }),
    );
    const up = new Set(processes.flatMap(({ name, healthy }) => (healthy ? [name] : [])));
    const heights: Record<string, number> = {};
    for (const organisation of this.#layout.withPeers) {
      if (!up.has(`peer-${organisation.key}`)) continue;
      heights[organisation.mspId] = await this.#lifecycle.height(organisation);
    }
    return { processes, heights, version: this.#versions().at(-1) };
  }

  /** The contract's next version, all data kept: installed, approved and committed; then the old services end. */
  async upgrade(label: string): Promise<Version> {
    const present = await this.#committedVersion();
    if (present === undefined) throw new FieldbidError('FABRIC_FAILED', 'the network is not up: fabric up');
    const slot = present.slot === 0 ? 1 : 0;
    const { bytes, packageId } = contractPackage(label, ADDRESS_NAMES[slot]);
    const next: Version = { label, packageId, sequence: present.sequence + 1, slot };
    writeFileSync(this.#packageFile(next), bytes);
    await this.#step(`installed ${label}`, () => this.#lifecycle.install(this.#packageFile(next)));
    this.#writeVersions([present, next]);
    await this.#step('new contract services', () => this.start());
    await this.#step(`committed ${label}, sequence ${next.sequence}`, () => this.#lifecycle.define(next));
    for (const { key } of this.#layout.withPeers)
      await this.#processes.stop(`service-${key}-${present.slot}`);
    this.#writeVersions([next]);
    await this.#step('every organisation endorses by the new version', () => this.#lifecycle.untilEndorsed());
    return next;
  }

  /** The version that is committed; what an interrupted upgrade has left of another one is ended. */
  async #committedVersion(): Promise<Version | undefined> {
    const versions = this.#versions();
    const [present, next] = versions;
    if (present === undefined || next === undefined) return present;
    const sequence = await this.#lifecycle.committedSequence();
    const [committed, other] = next.sequence === sequence ? [next, present] : [present, next];
    for (const { key } of this.#layout.withPeers) await this.#processes.stop(`service-${key}-${other.slot}`);
    this.#writeVersions([committed]);
    return committed;
  }

  async #create(): Promise<void> {
    const layout = this.#layout;
    requireOwnFolder(layout.dir, this.#settingsFile);
    await requireFreePorts(layout);
    await this.#step('packages of the contract service', async () => void (await installServicePackages()));
    rmSync(layout.dir, { recursive: true, force: true });
    mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
    writeFileSync(this.#settingsFile, canonicalJson(layout.settings), { mode: 0o600 });
    const { bytes, packageId } = contractPackage(layout.settings.label);
    const version: Version = { label: layout.settings.label, packageId, sequence: 1, slot: 0 };
    await this.#step('keys of the organisations', async () => {
      const config = this.#write('cryptogen.yaml', cryptogenConfig(layout));
      await run(this.#programs.cryptogen, ['generate', '--config', config, '--output', layout.crypto()]);
    });
    const block = layout.path('channel.block');
    await this.#step('first block of the channel', async () => {
      this.#write('configtx/configtx.yaml', channelConfig(layout));
      await run(
        this.#programs.configtxgen,
        ['-profile', PROFILE, '-channelID', layout.settings.channel, '-outputBlock', block],
        { FABRIC_CFG_PATH: layout.path('configtx') },
      );
    });
    this.#write('orderer/orderer.yaml', ordererConfig(layout));
    for (const organisation of layout.withPeers) {
      this.#write(`${organisation.key}/core.yaml`, peerConfig(layout, organisation));
    }
    writeBuilder(layout.path('builder'));
    writeFileSync(this.#packageFile(version), bytes, { mode: 0o600 });
    this.#writeVersions([version]);
    await this.#step('orderer, peers and contract services', () => this.start());
    await this.#step('channel joined', () => this.#lifecycle.joinChannel(block));
    await this.#step('contract installed', () => this.#lifecycle.install(this.#packageFile(version)));
    await this.#step('contract approved and committed', () => this.#lifecycle.define(version));
    // Peers have to learn of each other and of their contracts (gossip) before one can ask the other to endorse.
    await this.#step('every organisation endorses', () => this.#lifecycle.untilEndorsed());
    // Last: a folder with a profile is one that came up whole.
    this.#write('connection.json', this.#profile());
  }

  async #resume(): Promise<void> {
    await installServicePackages();
    await this.#step('processes started', () => this.start());
    await this.#step('every organisation endorses', () => this.#lifecycle.untilEndorsed());
  }

  #launches(): Launch[] {
    const layout = this.#layout;
    const { orderer, withPeers } = layout;
    return [
      {
        name: 'orderer',
        command: this.#programs.orderer,
        args: [],
        env: cleanEnvironment({ FABRIC_CFG_PATH: layout.path('orderer'), FABRIC_LOGGING_SPEC: 'info' }),
        ready: async () =>
          (await isHealthy(orderer.operationsPort)) &&
          (await listens(orderer.port)) &&
          (await listens(orderer.adminPort)),
      },
      ...withPeers.map((organisation) => this.#peerLaunch(organisation)),
      ...this.#versions().flatMap((version) =>
        withPeers.map((organisation) => serviceLaunch(layout, organisation, version)),
      ),
    ];
  }

  #peerLaunch(organisation: WithPeer): Launch {
    const { key, peer } = organisation;
    const { stateDatabase } = this.#layout.settings;
    mkdirSync(this.#layout.path(key, 'tmp'), { recursive: true, mode: 0o700 });
    return {
      name: `peer-${key}`,
      command: this.#programs.peer,
      args: ['node', 'start'],
      env: cleanEnvironment({
        FABRIC_CFG_PATH: this.#layout.path(key),
        FABRIC_LOGGING_SPEC: 'info',
        TMPDIR: this.#layout.path(key, 'tmp'),
        ...peerEnvironment(this.#layout, organisation),
        ...(stateDatabase.kind === 'couchdb'
          ? { CORE_LEDGER_STATE_COUCHDBCONFIG_PASSWORD: requirePassword(stateDatabase.passwordEnv) }
          : {}),
      }),
      ready: async () => (await isHealthy(peer.operationsPort)) && (await listens(peer.port)),
    };
  }

  #profile(): ConnectionProfile {
    const layout = this.#layout;
    const beside = (path: string): string => relative(layout.dir, path);
    return {
      channel: layout.settings.channel,
      contract: layout.settings.contract,
      peers: layout.withPeers.map((organisation) => ({
        mspId: organisation.mspId,
        address: `${HOST}:${organisation.peer.port}`,
        tlsCaFile: beside(layout.node(organisation, 'peer0', 'tls', 'ca.crt')),
        tlsServerName: 'localhost',
        operationsUrl: `http://${HOST}:${organisation.peer.operationsPort}`,
      })),
      organisations: layout.organisations.map((organisation) => ({
        mspId: organisation.mspId,
        caFile: beside(layout.ca(organisation).certificateFile),
      })),
      ...endorsersOf(layout.settings.policy),
      wallet: 'wallet',
      benchCas: layout.organisations.map((organisation) => ({
        mspId: organisation.mspId,
        keyFile: beside(layout.ca(organisation).keyFile),
      })),
      ordererOperationsUrl: `http://${HOST}:${layout.orderer.operationsPort}`,
    };
  }

  get #settingsFile(): string {
    return this.#layout.path('settings.json');
  }

  #packageFile({ sequence }: Version): string {
    return this.#layout.path(`contract-${sequence}.tar.gz`);
  }

  /** The contract's version in use; two while an upgrade is under way, the next one last. */
  #versions(): Version[] {
    const file = this.#layout.path('versions.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Version[]) : [];
  }

  #writeVersions(versions: readonly Version[]): void {
    this.#write('versions.json', versions);
  }

  #write(name: string, content: unknown): string {
    const file = this.#layout.path(name);
    mkdirSync(this.#layout.path(name, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    return file;
  }

  async #step(what: string, work: () => Promise<void>): Promise<void> {
    const from = performance.now();
    await work();
    this.#say(what, performance.now() - from);
  }
}

/** Of a policy that simply asks for all of some organisations. */
function endorsersOf(policy: string): { endorsers?: string[] } {
  if (!/^AND\(('[A-Za-z0-9-]+\.peer',?\s*)+\)$/.test(policy)) return {};
  return { endorsers: [...policy.matchAll(/'([A-Za-z0-9-]+)\.peer'/g)].map(([, mspId]) => mspId ?? '') };
}

/** What is made afresh removes what is there: only ever a network's own folder. */
function requireOwnFolder(dir: string, settingsFile: string): void {
  if (!existsSync(dir) || existsSync(settingsFile) || readdirSync(dir).length === 0) return;
  throw new InputError({
    source: '--dir',
    path: '',
    found: `${dir}, which holds something else`,
    expected: 'a new or empty folder, or one that fabric up has made',
  });
}

/** Another network's processes would answer in place of ours. */
async function requireFreePorts({ ports, settings }: Layout): Promise<void> {
  for (const port of ports) {
    if (!(await listens(port))) continue;
    throw new InputError({
      source: 'network settings',
      path: '/basePort',
      found: `${settings.basePort}, and somebody listens on port ${port}`,
      expected: `a number from which on these are free: ${ports.join(', ')}`,
    });
  }
}

function requireSameSettings(file: string, wanted: NetworkSettings): void {
  if (!existsSync(file)) return;
  const made = parse(NetworkSettings, JSON.parse(readFileSync(file, 'utf8')), file);
  const differs = (Object.keys(wanted) as (keyof NetworkSettings)[]).find(
    (key) => canonicalJson(made[key]) !== canonicalJson(wanted[key]),
  );
  if (differs === undefined) return;
  throw new InputError({
    source: file,
    path: `/${differs}`,
    found: `a network made with ${canonicalJson(made[differs])}`,
    expected: `${canonicalJson(wanted[differs])}, as asked for now (fabric down --delete makes room for another)`,
  });
}

function requirePassword(name: string): string {
  const password = process.env[name];
  if (password !== undefined && password !== '') return password;
  throw new InputError({
    source: `environment variable ${name}`,
    path: '',
    found: 'nothing',
    expected: 'the password of CouchDB',
  });
}
