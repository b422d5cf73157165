/** Certificates, users, and what becomes of a connection: over real sockets, against the simulated inverter. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { openPki, trustCertificate } from '@fieldbid/edge-agent/drivers/opcua/pki';
import type { Notice } from '@fieldbid/edge-agent/drivers/opcua/subscription';
import test, { type ExecutionContext } from 'ava';
import { type OpcUaBenchOptions, OpcUaFolder, openOpcUaBench, USER } from './opcua-bench.ts';
import { simulatedMapping } from './simulated-mapping.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

async function opened(t: ExecutionContext, options: OpcUaBenchOptions = {}) {
  const bench = await openOpcUaBench(folder, options);
  t.teardown(async () => {
    await bench.device.close();
    await bench.close();
  });
  return bench;
}

/** Collects what a device says, and resolves when it has said something. */
function listener() {
  const notices: Notice[] = [];
  const waiting: { fits: (notice: Notice) => boolean; resolve: () => void }[] = [];
  return {
    onNotice: (notice: Notice) => {
      notices.push(notice);
      for (const { fits, resolve } of waiting) if (fits(notice)) resolve();
    },
    /** The next notice of that kind, from now on. */
    next: (fits: (notice: Notice) => boolean) =>
      new Promise<void>((resolve) => waiting.push({ fits, resolve })),
  };
}
const alarm = (text: string) => (notice: Notice) => notice.name === 'alarm' && notice.value === text;
const QUICK = 'subscription: { publishing_ms: 20, keepAliveCount: 2, missedKeepAlives: 3 }\n';

test('an unknown certificate is refused, kept for a look, and taken once somebody trusts it', async (t) => {
  const pki = join(folder.path, 'new-pki');
  const { device, pass, inverter } = await opened(t, { trusted: false, access: { pkiFolder: pki } });
  const error = await t.throwsAsync(device.read(), { code: 'OPCUA_UNTRUSTED' });
  t.like(error, { retryable: false });
  const [refused] = readdirSync(join(pki, 'rejected'));
  const file = join(pki, 'rejected', refused!);
  t.true(error?.message.includes(`fieldbid edge trust '${file}' --pki '${pki}'`), error?.message);
  // Nobody but its owner reads the key that was made meanwhile.
  t.is(statSync(join(pki, 'own', 'private', 'private_key.pem')).mode & 0o077, 0);
  t.is(statSync(pki).mode & 0o077, 0);
  const { subject, sha1 } = await trustCertificate(pki, file);
  t.regex(subject, /fieldbid simulated inverter/);
  t.true(file.includes(sha1.replaceAll(':', '').toLowerCase()));
  pass(60_000);
  t.like(await device.read(), { power_W: 5000 });
  t.deepEqual(readdirSync(join(pki, 'rejected')), []);
  await t.throwsAsync(trustCertificate(pki, folder.write('no.pem', 'hello')), {
    message: /no\.pem: found something else, expected an X\.509 certificate/,
  });
  t.truthy(inverter.certificateFile);
});

test('every security policy and mode that is offered works; None is not offered', async (t) => {
  const { endpoint } = await opened(t);
  for (const access of [
    { securityPolicy: 'Aes128_Sha256_RsaOaep' },
    { securityPolicy: 'Aes256_Sha256_RsaPss' },
    { securityMode: 'Sign' },
  ] as const) {
    const device = folder.device(endpoint, simulatedMapping('A'), access);
    t.like(await device.read(), { power_W: 5000 });
    await device.close();
  }
  const none = folder.device(endpoint, simulatedMapping('A'), { securityMode: 'None' });
  t.like(await t.throwsAsync(none.read()), { retryable: false, code: 'OPCUA_ACCESS' });
  await none.close();
});

test('who may not enter is told so, and is not tried again at once', async (t) => {
  const { endpoint } = await opened(t);
  const passwordFile = folder.write('password', 'wrong');
  const wrong = folder.device(endpoint, simulatedMapping('A'), { user: { name: USER.name, passwordFile } });
  t.like(await t.throwsAsync(wrong.read(), { message: /\(operator\).*BadUserAccessDenied/ }), {
    code: 'OPCUA_ACCESS',
    retryable: false,
  });
  await t.throwsAsync(wrong.read(), { message: /next attempt in 1 s/ });
  await wrong.close();
  const nobody = folder.device(endpoint, simulatedMapping('A'), { user: {} });
  t.like(await t.throwsAsync(nobody.read()), { code: 'OPCUA_ACCESS', retryable: false });
  await nobody.close();
});

test('a user known by a certificate', async (t) => {
  const { endpoint } = await opened(t);
  const { own, close } = await openPki(join(folder.path, 'user-pki'));
  await close();
  const user = { certificateFile: own.certificateFile, keyFile: own.keyFile };
  const device = folder.device(endpoint, simulatedMapping('A'), { user });
  t.like(await device.read(), { power_W: 5000 });
  await device.close();
  t.regex(readFileSync(own.certificateFile, 'utf8'), /BEGIN CERTIFICATE/);
});

test('a server that is killed and started again: reading works again, and its news come again', async (t) => {
  const { onNotice, next } = listener();
  const bench = await opened(t, { mapping: simulatedMapping('A', QUICK), device: { onNotice } });
  const { device } = bench;
  const first = next(alarm('fan'));
  await device.read();
  bench.inverter.setAlarm('fan');
  await first;
  t.deepEqual(device.counts, { sessions: 1, recreated: 0 });
  const again = next(({ text }) => text.startsWith('subscribed again'));
  await bench.restart();
  bench.pass(60_000);
  t.like(await device.read(), { power_W: 5000 });
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 60 }), { outcome: 'written', echoes: true });
  await again;
  const second = next(alarm('arc'));
  bench.inverter.setAlarm('arc');
  await second;
  t.like(device.counts, { sessions: 2, recreated: 1 });
});

test('a subscription that the server forgot is made anew by the watchdog, and counted', async (t) => {
  const { onNotice, next } = listener();
  const { device, inverter } = await opened(t, {
    mapping: simulatedMapping('A', QUICK),
    device: { onNotice },
  });
  const first = next(alarm('fan'));
  await device.read();
  inverter.setAlarm('fan');
  await first;
  const again = next(({ text }) => text.startsWith('subscribed again'));
  inverter.forgetSubscriptions();
  await again;
  const second = next(alarm('arc'));
  inverter.setAlarm('arc');
  await second;
  t.is(device.counts.sessions, 1);
  t.true(device.counts.recreated >= 1);
});

test('a server that takes the connection and says nothing: every call ends by its deadline', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const device = folder.device(
    `opc.tcp://127.0.0.1:${port}/x`,
    simulatedMapping('A'),
    {},
    { deadline_ms: 300 },
  );
  const calls = await Promise.allSettled([
    device.read(),
    device.identity(),
    device.applyLimit({ limit_W: 1, revert_s: 60 }),
  ]);
  for (const call of calls) {
    t.like(call.status === 'rejected' ? call.reason : undefined, { retryable: true });
  }
  await device.close();
});

test('closing ends what is under way, and what comes after it', async (t) => {
  const { device } = await opened(t);
  const calls = [device.read(), device.read(), device.identity()];
  await device.close();
  const ends = await Promise.allSettled(calls);
  t.is(ends.length, 3);
  t.like(await t.throwsAsync(device.read(), { message: /is closed/ }), { code: 'OPCUA_CONNECTION' });
  await device.close();
});

test('many calls at once share one session', async (t) => {
  const { device } = await opened(t);
  const readings = await Promise.all(Array.from({ length: 20 }, () => device.read()));
  t.true(readings.every(({ power_W }) => power_W === 5000));
  t.is(device.counts.sessions, 1);
});
