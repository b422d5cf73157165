/** The commands as a person uses them: a simulated device, a first refusal, trust, a reading, and the agent. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@fieldbid/core/logging';
import { agentFromConfig } from '@fieldbid/edge-agent/run';
import test from 'ava';
import { EmbeddedBroker } from '../../broker/embedded-broker.ts';
import { fieldbid, freePorts, printed, startFieldbid } from '../../testing/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-opcua-cli-'));
test.after.always(() => rmSync(folder, { recursive: true }));

test.serial('sim opcua, edge read, edge trust, edge read', async (t) => {
  t.timeout(120_000);
  const sim = join(folder, 'sim');
  const pki = join(folder, 'pki');
  const port = await freePorts(1);
  const program = startFieldbid(
    'sim',
    'opcua',
    '--listen',
    `127.0.0.1:${port}`,
    '--folder',
    sim,
    '--phases',
    'ABC',
  );
  t.teardown(() => program.stop());
  const endpoint = `opc.tcp://127.0.0.1:${port}/inverter`;
  await printed(program, `npx fieldbid edge read ${endpoint}`);
  t.is(statSync(join(sim, 'password')).mode & 0o077, 0);
  const read = ['edge', 'read', endpoint, '--mapping', join(sim, 'mapping.yaml'), '--pki', pki];
  const user = ['--user', 'operator', '--password-file', join(sim, 'password')];
  const refused = await fieldbid(...read, ...user);
  t.is(refused.code, 1);
  t.regex(refused.output, /^fieldbid: .*certificate is not accepted \(BadCertificateUntrusted\).*edge trust/);
  const [file] = readdirSync(join(pki, 'rejected'));
  const trusted = await fieldbid('edge', 'trust', join(pki, 'rejected', file!), '--pki', pki);
  t.is(trusted.code, 0);
  t.regex(trusted.output, /CN=fieldbid simulated inverter\n {2}SHA-1 ([0-9A-F]{2}:){19}/);
  const done = await fieldbid(...read, ...user);
  t.is(done.code, 0, done.output);
  t.regex(done.output, /device +fieldbid Simulated PV 3ph 1\.0\nserial +SIM-0001\n/);
  t.regex(done.output, /power +4287 W\n/); // 1.2 · 5000 · 0.8 · (1 - 0.004 · 19.8) · 0.97, as pv-model.ts says
  t.regex(done.output, /voltages +240 V, 240 V, 240 V\n/);
  const none = await fieldbid('edge', 'read', endpoint);
  t.regex(none.output, /mapping: found none, expected a mapping file/);
});

test.serial(
  'edge run: wrong entries of an OPC UA device are named before anything is connected',
  async (t) => {
    writeFileSync(join(folder, 'prices.csv'), 'start,price_USD_per_MWh\n2026-06-21T12:00Z,30\n');
    writeFileSync(join(folder, 'm.yaml'), 'name: m\npoints: { power: { node: i=1 } }\n');
    const broker = await EmbeddedBroker.start();
    t.teardown(() => broker.close());
    const config = (device: string): string => {
      const file = join(folder, 'edge.yaml');
      writeFileSync(
        file,
        `agentId: roof-7
broker: { url: "${broker.url}" }
market: { deraId: dera-1, forecastFile: prices.csv, calendar: { start: 2026-06-21T12:00Z, intervals: 1 } }
devices: [{ derId: pv-7, deviceIds: [inv-7], riskFactor_pct: 5, ${device} }]
`,
      );
      return file;
    };
    const opc = 'endpoint: "opc.tcp://192.0.2.1/x"';
    const wrong: [string, RegExp][] = [
      [opc, /edge\.yaml at \/devices\/0\/mapping: found none, expected a mapping file/],
      [`${opc}, mapping: n.yaml`, /n\.yaml: found no readable file/],
      [
        `${opc}, mapping: m.yaml, opcua: { securityMode: None }`,
        /\/devices\/0\/opcua\/securityMode: found None/,
      ],
      [
        `${opc}, mapping: m.yaml, opcua: { user: { name: a } }`,
        /\/devices\/0\/opcua\/user: found a without a password/,
      ],
      [`${opc}, mapping: m.yaml, opcua: { pki: x }`, /unknown key "pki"/],
      [
        'endpoint: "tcp://192.0.2.1", mapping: m.yaml',
        /\/devices\/0\/mapping: found mapping for tcp:.*expected it beside/,
      ],
      ['endpoint: "tcp://192.0.2.1", opcua: {}', /\/devices\/0\/opcua: found opcua for tcp:/],
    ];
    for (const [device, message] of wrong) {
      await t.throwsAsync(agentFromConfig(config(device), silentLogger()), {
        message,
        code: 'INVALID_INPUT',
      });
    }
    const { close } = await agentFromConfig(config(`${opc}, mapping: m.yaml`), silentLogger());
    await close();
  },
);
