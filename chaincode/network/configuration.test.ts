/** What is written for Fabric, its package and its builder, without Fabric. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeBuilder } from './builder.ts';
import { channelConfig, cryptogenConfig } from './channel-config.ts';
import { readConnectionProfile } from './connection-profile.ts';
import { Layout } from './layout.ts';
import { peerConfig } from './node-config.ts';
import { contractPackage } from './package.ts';
import { Processes } from './processes.ts';
import { requirePrograms } from './programs.ts';
import { readSettings } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-network-'));
test.after.always(() => rmSync(folder, { recursive: true }));

function settings(yaml: string) {
  const file = join(folder, `${createHash('sha256').update(yaml).digest('hex').slice(0, 8)}.yaml`);
  writeFileSync(file, yaml);
  return readSettings(file);
}

test('an organisation with a peer anchors it; one without is a member all the same', (t) => {
  const layout = new Layout('/net', readSettings(undefined));
  const channel = channelConfig(layout) as {
    Profiles: { Market: { Application: { Organizations: { ID: string; AnchorPeers?: unknown }[] } } };
  };
  t.deepEqual(
    channel.Profiles.Market.Application.Organizations.map(({ ID, AnchorPeers }) => [ID, AnchorPeers]),
    [
      ['DeraMSP', [{ Host: '127.0.0.1', Port: 17_010 }]],
      ['DsoMSP', [{ Host: '127.0.0.1', Port: 17_020 }]],
      ['IsoMSP', undefined],
      ['OperatorMSP', undefined],
    ],
  );
  const { PeerOrgs } = cryptogenConfig(layout) as { PeerOrgs: { Name: string; Specs: unknown[] }[] };
  t.deepEqual(
    PeerOrgs.map(({ Name, Specs }) => [Name, Specs.length]),
    [
      ['DeraMSP', 2],
      ['DsoMSP', 2],
      ['IsoMSP', 0],
      ['OperatorMSP', 0],
    ],
  );
});

test('CouchDB is a setting; its password is never written', (t) => {
  const layout = new Layout(
    '/net',
    settings(`
organisations: [{ mspId: DeraMSP }, { mspId: DsoMSP }]
stateDatabase: { kind: couchdb, username: admin, addresses: { DeraMSP: "127.0.0.1:5984", DsoMSP: "127.0.0.1:5985" } }
`),
  );
  const [, dso] = layout.withPeers;
  const { ledger } = peerConfig(layout, dso!) as { ledger: { state: Record<string, unknown> } };
  t.like(ledger.state, {
    stateDatabase: 'CouchDB',
    couchDBConfig: { couchDBAddress: '127.0.0.1:5985', username: 'admin', password: '' },
  });
});

test('settings that cannot be are named', (t) => {
  const cases: [yaml: string, message: RegExp][] = [
    ['basePort: 80', /:1:11 at \/basePort: found 80, expected a number >= 1024/],
    ['organisations: [{ mspId: DeraMSP, peer: false }]', /at \/organisations: found no peer/],
    [
      'organisations: [{ mspId: DeraMSP }, { mspId: DeraMSP }]',
      /\/organisations\/1\/mspId: found an organisation twice/,
    ],
    ['stateDatabase: { kind: couchdb, username: a, addresses: { DeraMSP: "h:1" } }', /found none of DsoMSP/],
    ['channell: x', /found the unknown key "channell"/],
  ];
  for (const [yaml, message] of cases) t.throws(() => settings(yaml), { message }, yaml);
});

test('the package is the same bytes every time, and other programs read it', (t) => {
  const { bytes, packageId } = contractPackage('der-market_1.0');
  t.deepEqual(contractPackage('der-market_1.0'), { bytes, packageId });
  t.is(packageId, `der-market_1.0:${createHash('sha256').update(bytes).digest('hex')}`);
  const file = join(folder, 'package.tar.gz');
  writeFileSync(file, bytes);
  const tar = (...args: string[]): string => spawnSync('tar', args, { encoding: 'utf8', cwd: folder }).stdout;
  t.is(tar('tzf', file), 'metadata.json\ncode.tar.gz\n');
  t.deepEqual(JSON.parse(tar('xzOf', file, 'metadata.json')), { type: 'ccaas', label: 'der-market_1.0' });
  tar('xzf', file);
  const connection = JSON.parse(tar('xzOf', 'code.tar.gz', 'connection.json')) as Record<string, unknown>;
  t.like(connection, { address: '{{.address}}', tls_required: true, client_auth_required: true });
});

test('the builder takes a ccaas package to where the peer finds its service, and no other', (t) => {
  const at = (...parts: string[]): string => join(folder, 'build', ...parts);
  for (const name of ['source', 'metadata', 'output', 'release']) mkdirSync(at(name), { recursive: true });
  writeBuilder(at());
  const run = (phase: string, env: Record<string, string>, ...args: string[]) =>
    spawnSync(at('bin', phase), args, { encoding: 'utf8', env: { PATH: process.env.PATH ?? '', ...env } });
  t.is(statSync(at('bin', 'detect')).mode & 0o777, 0o700);
  writeFileSync(at('metadata', 'metadata.json'), '{"type":"golang","label":"x"}');
  t.not(run('detect', {}, at('source'), at('metadata')).status, 0);
  writeFileSync(at('metadata', 'metadata.json'), '{"type": "ccaas","label":"x"}');
  t.is(run('detect', {}, at('source'), at('metadata')).status, 0);
  writeFileSync(
    at('source', 'connection.json'),
    '{"address":"{{.address}}","root_cert":"{{.root_cert}}","tls_required":true}',
  );
  const without = run('build', {}, at('source'), at('metadata'), at('output'));
  t.not(without.status, 0);
  t.regex(without.stderr, /address is not in CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG/);
  // PEM has line breaks, and a value may hold what a replacement would take for a pattern.
  const values = { address: '127.0.0.1:9999', root_cert: '-----BEGIN\n$& $1 "x"\n' };
  const env = { CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG: JSON.stringify(values) };
  t.is(run('build', env, at('source'), at('metadata'), at('output')).status, 0);
  t.is(run('release', {}, at('output'), at('release')).status, 0);
  const released = readFileSync(at('release', 'chaincode', 'server', 'connection.json'), 'utf8');
  t.deepEqual(JSON.parse(released), { ...values, tls_required: true });
});

test('a connection profile that is wrong says where', (t) => {
  const good = `
channel: der-market
contract: der-market
peers: [{ mspId: DeraMSP, address: "peer.example:7051", tlsCaFile: ca.pem }]
organisations: [{ mspId: DeraMSP, caFile: dera.pem }]
wallet: wallet
`;
  const read = (text: string) => {
    const file = join(folder, 'connection.yaml');
    writeFileSync(file, text);
    return readConnectionProfile(file);
  };
  t.is(read(good).peers[0]?.tlsCaFile, join(folder, 'ca.pem'));
  t.throws(() => read(good.replace('mspId: DeraMSP, address', 'mspId: DsoMSP, address')), {
    message: /at \/peers\/0\/mspId: found DsoMSP, expected one of \/organisations: DeraMSP/,
  });
  t.throws(() => read(good.replace('peer.example:7051', 'peer.example')), {
    message: /:4:\d+ at \/peers\/0\/address/,
  });
});

test('missing programs are named, with where they were looked for', (t) => {
  t.throws(() => requirePrograms({ PATH: folder }), {
    message:
      /peer, orderer, osnadmin, configtxgen, cryptogen not found on PATH \(FABRIC_BIN is not set\); set FABRIC_BIN/,
  });
});

test('a pid file of an earlier boot is not taken for the process that has the number now', (t) => {
  const processes = new Processes(join(folder, 'processes'));
  mkdirSync(join(folder, 'processes', 'pids'), { recursive: true });
  writeFileSync(join(folder, 'processes', 'pids', 'orderer'), `${process.pid} 1`);
  t.is(processes.pidOf('orderer'), undefined);
});
