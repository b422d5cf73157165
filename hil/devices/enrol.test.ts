/** A device's key from its first code to its revocation, by the commands that people use, over a real broker. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerEnrolments, openEnrolments } from '@fieldbid/aggregator/registration/enrolment-service';
import { Journal } from '@fieldbid/aggregator/registration/journal';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { silentLogger } from '@fieldbid/core/logging';
import { keyIdOf } from '@fieldbid/core/signing';
import { enrol } from '@fieldbid/edge-agent/attestation/enrol';
import { deviceKey } from '@fieldbid/edge-agent/attestation/key-file';
import test from 'ava';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';

const FIELDBID = fileURLToPath(new URL('../../core/bin/fieldbid.js', import.meta.url));
const CALENDAR = '{ start: 2026-06-21T12:00Z, intervals: 1 }';

/** Runs a command with something on its standard input. */
async function fieldbid(input: string, ...args: string[]) {
  const child = spawn(process.execPath, [FIELDBID, ...args], { stdio: 'pipe' });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk) => out.push(String(chunk)));
  child.stderr.on('data', (chunk) => err.push(String(chunk)));
  child.stdin.on('error', () => {}); // it may have ended before it read
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: out.join(''), err: err.join('') };
}

test('code, enrolment, rotation, revocation', async (t) => {
  t.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-enrol-'));
  const broker = await EmbeddedBroker.start();
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const dera = write(
    'aggregator.yaml',
    `deraId: dera-1
broker: { url: "${broker.url}" }
gateway: { url: "http://127.0.0.1:1" }
clock: {}
calendar: ${CALENDAR}
portfolio:
  - { derId: pv-7, feederId: f, bus: b, phases: A, nameplate_W: 5000, deviceIds: [inv-7] }
`,
  );
  const edge = write(
    'edge.yaml',
    `agentId: roof-7
broker: { url: "${broker.url}" }
market: { deraId: dera-1, calendar: ${CALENDAR}, forecastFile: prices.csv }
devices:
  - { derId: pv-7, deviceIds: [inv-7], endpoint: "tcp://192.0.2.1", riskFactor_pct: 0 }
`,
  );
  const bus = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const seen: string[] = [];
  await bus.subscribe('#', ({ message }) => void seen.push(JSON.stringify(message)));
  const registration = { feederId: 'f', bus: 'b', phases: 'A', nameplate_W: 5000, deviceIds: ['inv-7'] };
  const enrolments = openEnrolments({
    ...{ deraId: 'dera-1', journal: new Journal(join(folder, 'dera-1.keys.ndjson')), log: silentLogger() },
    ...{
      portfolio: [{ ...registration, derId: 'pv-7', deraId: 'dera-1' }],
      schedule: [],
      marketNow: () => 0,
    },
  });
  const answering = await answerEnrolments(bus, 'dera-1', enrolments, async () => {}, silentLogger());

  const issued = await fieldbid('', 'aggregator', 'enrol-code', '--config', dera, '--der', 'pv-7');
  t.is(issued.code, 0, issued.err);
  const code = issued.out.trim();
  const wrongCode = `${code.startsWith('0') ? '1' : '0'}${code.slice(1)}`;
  const keyFile = join(folder, 'roof-7.key.pem');
  const device = { deraId: 'dera-1', derId: 'pv-7', deviceIds: ['inv-7'] };
  const wrong = await enrol(bus, deviceKey(keyFile), device, wrongCode);
  t.like(wrong, { accepted: false, code: 'WRONG_CODE' });
  const nonsense = await t.throwsAsync(enrol(bus, deviceKey(keyFile), device, 'ABC-123'));
  t.regex(nonsense?.message ?? '', /found 7 characters that are no code, expected five groups of four/);
  t.notRegex(nonsense?.message ?? '', /ABC/);
  const enrolled = await fieldbid(`${code}\n`, 'edge', 'enrol', '--config', edge, '--der', 'pv-7');
  t.is(enrolled.code, 0, enrolled.err);
  t.is(statSync(keyFile).mode & 0o777, 0o600);
  const first = deviceKey(keyFile);
  t.deepEqual(enrolments.keysOf('pv-7')?.current, first.publicKey);

  const rotated = await fieldbid('', 'edge', 'rotate-key', '--config', edge);
  t.is(rotated.code, 0, rotated.err);
  const second = deviceKey(keyFile);
  t.not(second.keyId, first.keyId);
  t.is(keyIdOf(enrolments.keysOf('pv-7')!.current!), second.keyId);

  const stolen = ['--der', 'pv-7', '--reason', 'the gateway was stolen'];
  const revoked = await fieldbid('', 'aggregator', 'revoke-key', '--config', dera, ...stolen);
  t.is(revoked.code, 0, revoked.err);
  t.is(enrolments.keysOf('pv-7')?.current, null);
  const refused = await fieldbid('', 'edge', 'rotate-key', '--config', edge);
  t.is(refused.code, 1);
  t.regex(refused.err, /UNKNOWN_KEY: .* is not the key of pv-7: it was revoked/);
  t.is(deviceKey(keyFile).keyId, second.keyId); // nothing was replaced

  // The code was told to a person and to nobody else.
  const bare = code.replaceAll('-', '');
  const said = [enrolled, rotated, revoked, refused].map(({ out, err }) => out + err);
  for (const text of [...seen, ...said]) t.false(text.replaceAll('-', '').includes(bare));
  t.true(seen.some((text) => text.includes('proof')));
  for (const subscription of answering) await subscription.close();
  await bus.close();
  await broker.close();
  rmSync(folder, { recursive: true });
});
