/** `fieldbid edge doctor` against real sockets: what is wrong is named, with what to do; what is right passes. */

import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { writesPerDay } from '@fieldbid/edge-agent/doctor/device';
import { examineSite } from '@fieldbid/edge-agent/doctor/doctor';
import type { Finding } from '@fieldbid/edge-agent/doctor/finding';
import type { MachineFacts } from '@fieldbid/edge-agent/doctor/machine';
import type { Health } from '@fieldbid/edge-agent/health/health';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test, { type ExecutionContext } from 'ava';
import { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { type EdgeSite, openEdgeSite } from '../testing/edge-site.ts';
import { fieldbid, printed, startFieldbid } from '../testing/programs.ts';

const DAY_MS = 86_400_000;

const WELL: Health = {
  ...{ cpu_pct: 1, memoryAvailable_bytes: 500e6, memoryTotal_bytes: 1000e6, diskFree_bytes: 10e9 },
  ...{ diskSize_bytes: 30e9, temperature_C: 45 },
  throttling: { undervoltage: false, throttled: false, sinceBoot: false },
};

function facts(changes: Partial<MachineFacts> = {}): MachineFacts {
  return {
    ...{
      nodeVersion: 'v20.19.0',
      now_ms: Date.now(),
      synchronized: async () => true,
      health: async () => WELL,
    },
    ...changes,
  };
}

/** A site whose profile allows what intervals of three minutes cost. */
async function siteFor(
  t: ExecutionContext,
  change: (text: string) => string = (text) => text,
): Promise<EdgeSite> {
  const site = await openEdgeSite({ devices: 2 });
  t.teardown(() => site.close());
  writeFileSync(join(site.folder, 'own.yaml'), 'name: own\nwear: { writesPerDay: 1000 }\n');
  const text = readFileSync(site.configFile, 'utf8').replaceAll(
    'riskFactor_pct',
    'profile: own.yaml, riskFactor_pct',
  );
  writeFileSync(site.configFile, change(text));
  return site;
}

const bad = (findings: readonly Finding[]): string[] =>
  findings
    .filter(({ outcome }) => outcome !== 'ok')
    .map(({ outcome, area, what, found }) => `${outcome} ${area} ${what}: ${found}`);

test('a site in order: nothing FAILs, and nothing was written to a device', async (t) => {
  const site = await siteFor(t);
  const findings = await examineSite(site.configFile, facts());
  t.deepEqual(bad(findings), []);
  const looked = findings.map(({ area, what }) => `${area} ${what}`);
  for (const what of [
    'machine Node.js',
    'machine time server',
    'machine disk',
    'files config',
    'broker login',
  ]) {
    t.true(looked.includes(what), what);
  }
  for (const what of ['link', 'device', 'profile', 'rating', 'control', 'dead-man', 'wear', 'preparation']) {
    t.true(looked.includes(`pv-1 ${what}`), what);
  }
  for (const inverter of site.inverters) t.is(inverter.writeTransactions, 0);
  // As a program it looks at the machine that the tests run on, which may have faults of its own.
  const { code, stdout } = await fieldbid('edge', 'doctor', '--config', site.configFile, '--json');
  const fails = (JSON.parse(stdout) as Finding[]).filter(({ outcome }) => outcome === 'FAIL');
  t.deepEqual(
    fails.filter(({ area }) => area !== 'machine'),
    [],
  );
  t.is(code, fails.length === 0 ? 0 : 1);
});

test('a device without a dead-man FAILs by name; its owner may insist', async (t) => {
  const inverter = new SimulatedInverter({
    ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240, now: Date.now },
    ...{ available_W: () => 4000, quirks: { noRevertTimer: true } },
  });
  const { port } = await inverter.listen('127.0.0.1', 0);
  t.teardown(() => inverter.close());
  const endpoint = `tcp://127.0.0.1:${port}?unit=1`;
  const careful = await fieldbid('edge', 'doctor', endpoint);
  t.is(careful.code, 1);
  t.regex(careful.output, /FAIL +device +dead-man +none: it keeps a limit for ever.*\n.*→ .*watchdog_s/);
  const site = await siteFor(t, (text) =>
    text.replace(/endpoint: "tcp:[^"]+"(.*)own\.yaml/, `endpoint: "${endpoint}"$1insisting.yaml`),
  );
  writeFileSync(
    join(site.folder, 'insisting.yaml'),
    'name: insisting\nlimit: { revertTimer: optional }\nwear: { writesPerDay: 1000 }\n',
  );
  const lines = bad(await examineSite(site.configFile, facts()));
  t.is(lines.length, 1, lines.join('\n'));
  t.regex(lines[0] ?? '', /^warning pv-0 dead-man: none/);
  t.is(inverter.writeTransactions, 0);
});

test('settings in flash that are not as the profile needs them FAIL until a person has written them', async (t) => {
  const sim = startFieldbid('sim', 'inverter', '--family', 'solaredge', '--listen', '127.0.0.1:0');
  t.teardown(() => sim.stop());
  await printed(sim, 'Ctrl-C ends it');
  const endpoint = /answers at (\S+);/.exec(sim.output())?.[1] ?? '';
  const before = await fieldbid('edge', 'doctor', '--profile', 'solaredge', endpoint);
  t.is(before.code, 1);
  t.regex(
    before.output,
    /FAIL +device +preparation +.*CommandTimeout must be 1800.*\n.*→ once: fieldbid edge prepare/,
  );
  await fieldbid('edge', 'prepare', '--profile', 'solaredge', endpoint, '--yes');
  const after = await fieldbid('edge', 'doctor', '--profile', 'solaredge', endpoint);
  t.is(after.code, 0, after.output);
  t.regex(after.output, /ok +device +dead-man +watchdog after 1800 s/);
});

test('machine: old Node, a clock that lags or runs free, no room, a weak supply', async (t) => {
  const site = await siteFor(t);
  const sick = facts({
    nodeVersion: 'v20.18.3',
    now_ms: Date.now() - 400 * DAY_MS,
    synchronized: async () => false,
    health: async () => ({
      ...WELL,
      diskFree_bytes: 1e6,
      throttling: { undervoltage: true, throttled: false, sinceBoot: true },
    }),
  });
  const lines = bad(await examineSite(site.configFile, sick)).map((line) => line.replace(/:.*/, ''));
  t.deepEqual(lines, [
    ...['FAIL machine Node.js', 'FAIL machine clock', 'FAIL machine time server', 'FAIL machine disk'],
    ...['warning machine undervoltage', 'warning machine supply'],
  ]);
  const untold = bad(await examineSite(site.configFile, facts({ synchronized: async () => undefined })));
  t.deepEqual(untold, ['warning machine time server: cannot be told here']);
});

test('files: a key that others can read, a config that everybody can change, a password in it', async (t) => {
  const site = await siteFor(t, (text) =>
    text.replace(/broker: .*/, (line) =>
      line.replace('mqtt://', 'mqtt://me:secret@').replace(' }', ', username: me, passwordFile: password }'),
    ),
  );
  const password = join(site.folder, 'password');
  writeFileSync(password, 'secret', { mode: 0o600 });
  chmodSync(password, 0o644);
  chmodSync(site.configFile, 0o666);
  const key = join(site.folder, 'roof-7.key.pem');
  writeFileSync(key, 'a key');
  chmodSync(key, 0o640);
  const lines = bad(await examineSite(site.configFile, facts()));
  t.is(lines.length, 4, lines.join('\n'));
  t.regex(lines[0] ?? '', /^FAIL files config: everybody can change .*edge\.yaml \(mode 666\)/);
  t.regex(lines[1] ?? '', /^FAIL files secret: \/keyFile: others can read .*key\.pem \(mode 640\)/);
  t.regex(lines[2] ?? '', /^FAIL files secret: a password in the config itself, at \/broker\/url$/);
  t.regex(
    lines[3] ?? '',
    /^FAIL files secret: \/broker\/passwordFile: others can read .*password \(mode 644\)/,
  );
  t.notRegex(lines.join(), /secret@/);
});

test('broker: nobody there, and one that refuses us', async (t) => {
  const nobody = await siteFor(t, (text) => text.replace(/url: "[^"]+"/, 'url: "mqtt://127.0.0.1:1"'));
  t.deepEqual(
    bad(await examineSite(nobody.configFile, facts())).map((line) => line.slice(0, 52)),
    ['FAIL broker reached: no connection to 127.0.0.1:1: c'],
  );
  const garbled = await siteFor(t, (text) => text.replace(/url: "[^"]+"/, 'url: "mqtt://[::"'));
  t.deepEqual(bad(await examineSite(garbled.configFile, facts())), [
    'FAIL broker settings: "mqtt://[::" is no URL',
  ]);
  const strict = await EmbeddedBroker.start({ credentials: { username: 'roof', password: 'right' } });
  t.teardown(() => strict.close());
  const site = await siteFor(t, (text) =>
    text.replace(/url: "[^"]+"/, `url: "${strict.url}", username: roof, passwordFile: password`),
  );
  const password = join(site.folder, 'password');
  writeFileSync(password, 'wrong\n', { mode: 0o600 });
  const [line, ...more] = bad(await examineSite(site.configFile, facts()));
  t.regex(line ?? '', /^FAIL broker login: the broker at .* refuses us/);
  t.deepEqual(more, []);
  writeFileSync(password, 'right\n');
  t.deepEqual(bad(await examineSite(site.configFile, facts())), []);
});

test('broker certificates: good, soon over, expired, not ours', async (t) => {
  const site = await siteFor(t);
  const plain = readFileSync(site.configFile, 'utf8');
  const withCertificate = async (startDate: Date, validity: number, trusted = true): Promise<string[]> => {
    const { cert, key } = await certificate(
      join(site.folder, `pki-${startDate.getTime()}-${trusted}`),
      startDate,
      validity,
    );
    const server = await tlsBefore(site.brokerUrl, cert, key);
    const ca = join(site.folder, 'ca.pem');
    writeFileSync(
      ca,
      trusted ? cert : (await certificate(join(site.folder, 'pki-other'), new Date(), 365)).cert,
    );
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    writeFileSync(
      site.configFile,
      plain.replace(/url: "[^"]+"/, `url: "mqtts://127.0.0.1:${port}", caFile: ca.pem`),
    );
    const lines = bad(await examineSite(site.configFile, facts()));
    server.close();
    return lines;
  };
  const before = (days: number): Date => new Date(Date.now() - days * DAY_MS);
  t.deepEqual(await withCertificate(before(1), 365), []);
  const [soon, ...none] = await withCertificate(before(360), 365);
  t.regex(soon ?? '', /^warning broker expiry: the broker's certificate .* ends on/);
  t.deepEqual(none, []);
  const [expired, ...others] = await withCertificate(before(400), 365);
  t.regex(expired ?? '', /^FAIL broker expiry: the broker's certificate .* expired on/);
  t.deepEqual(others, []);
  const [foreign] = await withCertificate(before(2), 365, false);
  t.regex(foreign ?? '', /^FAIL broker certificate: .* is not trusted: .*SELF_SIGNED/);
});

test('devices: silence, two of one unit, a shared bus, a wrong profile', async (t) => {
  const site = await siteFor(t);
  const text = readFileSync(site.configFile, 'utf8');
  const [first = '', second = ''] = [...text.matchAll(/tcp:\/\/[^"]+/g)].map(([endpoint]) => endpoint);
  writeFileSync(site.configFile, text.replace(second, first));
  const twice = bad(await examineSite(site.configFile, facts()));
  t.deepEqual(twice, ['FAIL pv-0 bus: unit 1 is pv-1 as well', 'FAIL pv-1 bus: unit 1 is pv-0 as well']);
  writeFileSync(site.configFile, text.replace(second, first.replace('unit=1', 'unit=9')));
  const findings = await examineSite(site.configFile, facts());
  t.regex(bad(findings).join('\n'), /^FAIL pv-1 link: tcp:.*unit=9/);
  t.true(findings.some(({ area, found }) => area === 'pv-0' && found === 'shared with pv-1 (unit 9)'));
  writeFileSync(site.configFile, text);
  const own =
    'name: own\nmatch: { manufacturer: ^SMA$ }\nwear: { writesPerDay: 300 }\nlimit: { settle_s: 5 }\n';
  writeFileSync(join(site.folder, 'own.yaml'), own);
  t.deepEqual(bad(await examineSite(site.configFile, facts())).slice(0, 2), [
    'warning pv-0 profile: profile own is for manufacturer ^SMA$, this is fieldbid',
    // 480 intervals of 3 minutes a day, each award written once.
    'FAIL pv-0 wear: 480 writes a day expected, the profile allows 300',
  ]);
});

test('a wrong file is a finding with its line, and no device is asked', async (t) => {
  const site = await siteFor(t, (text) => text.replace('cycle_s', 'cycle'));
  const lines = bad(await examineSite(site.configFile, facts()));
  t.is(lines.length, 1);
  t.regex(
    lines[0] ?? '',
    /^FAIL config file: .*edge\.yaml:\d+:\d+ at \/cycle: found the unknown key "cycle"/,
  );
  const { code, output } = await fieldbid('edge', 'doctor');
  t.is(code, 2, output);
});

test('writes a day, by hand', (t) => {
  const profile = loadProfile();
  // 96 intervals of 15 minutes; renewed at half of 30 minutes, when the next award is written anyway.
  t.is(writesPerDay({ interval_s: 900, revert_s: 1800, profile }), 96);
  // Renewed every 300 s: three writes an interval.
  t.is(writesPerDay({ interval_s: 900, revert_s: 600, profile }), 288);
  // The device's own time-out of 120 s: once a minute.
  t.is(writesPerDay({ interval_s: 900, revert_s: 1800, profile: { ...profile, watchdog_s: 120 } }), 1440);
});

/** A self-signed certificate for 127.0.0.1, PEM. */
async function certificate(
  folder: string,
  startDate: Date,
  validity: number,
): Promise<{ cert: string; key: string }> {
  const store = new OPCUACertificateManager({ rootFolder: folder, disableFileWatchers: true, keySize: 2048 });
  await store.initialize();
  const outputFile = join(folder, 'certificate.pem');
  await store.createSelfSignedCertificate({
    ...{ applicationUri: 'urn:broker', dns: ['localhost'], ip: ['127.0.0.1'], subject: '/CN=broker' },
    ...{ outputFile, startDate, validity },
  });
  const key = readFileSync(store.privateKey, 'utf8');
  await store.dispose();
  return { cert: readFileSync(outputFile, 'utf8'), key };
}

/** TLS in front of a broker that has none. */
async function tlsBefore(url: string, cert: string, key: string): Promise<Server> {
  const { hostname, port } = new URL(url);
  const server = createServer({ cert, key }, (socket) => {
    const inner = connect(Number(port), hostname);
    for (const end of [socket, inner]) end.on('error', () => end.destroy());
    socket.on('close', () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
