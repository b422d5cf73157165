/** Metrics of a running agent, scraped over HTTP and parsed by the rules of the text format 0.0.4. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import { metricsAccess, serveMetrics } from '@fieldbid/core/metrics/server';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { AgentMetrics } from '@fieldbid/edge-agent/metrics/metrics';
import { agentFromConfig } from '@fieldbid/edge-agent/run';
import { UplinkCounts } from '@fieldbid/edge-agent/uplink/counts';
import test from 'ava';
import { openEdgeSite } from '../testing/edge-site.ts';

interface Scrape {
  readonly types: ReadonlyMap<string, string>;
  /** By name and labels in alphabetical order. */
  readonly values: ReadonlyMap<string, number>;
}

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
function parseText(text: string): Scrape {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    else if (!/^# HELP [a-zA-Z_:][\w:]* \S/.test(line)) {
      const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (sample === null) throw new Error(`not a sample: ${line}`);
      const [, name = '', labels = '', value = ''] = sample;
      const pairs = labels === '' ? [] : labels.split(/,(?=[a-zA-Z_])/);
      if (!pairs.every((pair) => /^[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"$/.test(pair))) throw new Error(line);
      const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
      if (Number.isNaN(number)) throw new Error(`no number: ${line}`);
      values.set(`${name}{${pairs.sort().join(',')}}`, number);
    }
  }
  return { types, values };
}

test('a running agent: cycles, reads, commands, link, writes, health; counters only grow', async (t) => {
  const site = await openEdgeSite({ devices: 2, more: 'metrics: { listen: "127.0.0.1:0" }\n' });
  t.teardown(() => site.close());
  // The second device is not there.
  await site.inverters[1]?.close();
  const { agent, close, metricsUrl = '' } = await agentFromConfig(site.configFile, silentLogger());
  await agent.start();
  await site.measured(3);
  const response = await fetch(metricsUrl);
  t.is(response.status, 200);
  t.regex(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const first = parseText(await response.text());
  const at = (name: string, scrape = first): number => scrape.values.get(name) ?? Number.NaN;
  t.true(at('fieldbid_device_reads_total{der="pv-0",outcome="ok"}') >= 3);
  t.is(at('fieldbid_device_reads_total{der="pv-0",outcome="failed"}'), 0);
  t.is(at('fieldbid_device_reads_total{der="pv-1",outcome="ok"}'), 0);
  t.true(at('fieldbid_device_reads_total{der="pv-1",outcome="failed"}') >= 1);
  t.true(at('fieldbid_cycle_duration_seconds_count{der="pv-0"}') >= 3);
  t.true(at('fieldbid_link_requests_total{der="pv-0"}') > 3);
  t.is(at('fieldbid_link_timeouts_total{der="pv-0"}'), 0);
  for (const verdict of ['verified', 'refused', 'unproven']) {
    t.true(first.values.has(`fieldbid_commands_total{der="pv-1",verdict="${verdict}"}`));
  }
  t.is(at('fieldbid_buffer_lost_total{kind="measurement"}'), 0);
  t.true(at('process_resident_memory_bytes{}') > 10e6);
  for (const [name, type] of first.types) {
    t.is(name.endsWith('_total') || name.endsWith('_seconds_total'), type === 'counter', name);
  }
  await site.measured(6);
  const second = parseText(await (await fetch(metricsUrl)).text());
  for (const [name, value] of first.values) {
    const type = first.types.get(name.replace(/\{.*/, ''));
    if (type === 'counter') t.true(at(name, second) >= value, name);
  }
  const heldBefore = second.values.get('fieldbid_device_reads_total{der="pv-0",outcome="ok"}') ?? 0;
  t.true(heldBefore >= 6);
  await agent.stop();
  await close();
  await t.throwsAsync(fetch(metricsUrl));
});

test('writes by register and verdicts are counted; a buffer and health are shown when there are any', async (t) => {
  const site = await openEdgeSite({ devices: 1 });
  t.teardown(() => site.close());
  const endpoint = `tcp://127.0.0.1:${site.inverters[0]?.port}?unit=1`;
  const { device } = openDevice({ endpoint, now: Date.now });
  for (const limit_W of [2000, 1000]) await device.applyLimit({ limit_W, revert_s: 600 });
  await device.close();
  const buffer = new UplinkCounts();
  buffer.bytes = () => 400;
  buffer.add([{ kind: 'measurement', count: 2 }]);
  const metrics = new AgentMetrics({
    devices: [{ derId: 'pv-0', device }],
    buffer,
    health: () => undefined,
  });
  metrics.onVerdict('pv-0', 'verified');
  metrics.onVerdict('pv-0', 'verified');
  metrics.onCycle('pv-0', { duration_ms: 250, overruns: 2, answered: true });
  const { values } = parseText(await metrics.text());
  t.is(values.get('fieldbid_commands_total{der="pv-0",verdict="verified"}'), 2);
  // The simulated inverter has counted the same writes.
  for (const [point, count] of site.inverters[0]?.writes ?? []) {
    t.is(values.get(`fieldbid_register_writes_total{der="pv-0",point="${point}"}`), count, point);
  }
  t.is(site.inverters[0]?.writes.get('123.WMaxLimPct'), 2);
  t.is(values.get('fieldbid_cycle_overruns_total{der="pv-0"}'), 2);
  t.is(values.get('fieldbid_cycle_duration_seconds_sum{der="pv-0"}'), 0.25);
  t.is(values.get('fieldbid_buffer_bytes{}'), 400);
  t.is(values.get('fieldbid_buffer_lost_total{kind="verdict"}'), 0);
  t.is(values.get('fieldbid_buffer_lost_total{kind="measurement"}'), 2);
  t.false(values.has('fieldbid_gateway_temperature_celsius{}'));
});

test('a token is asked for where the config has one; other paths and methods are refused', async (t) => {
  const content = { contentType: 'text/plain', text: async () => 'up 1\n' };
  const server = await serveMetrics(content, { host: '127.0.0.1', port: 0, token: 'a-token-of-16-ch' });
  t.teardown(() => server.close());
  const ask = async (url: string, init: RequestInit = {}): Promise<number> => (await fetch(url, init)).status;
  const headers = { authorization: 'Bearer a-token-of-16-ch' };
  t.is(await ask(server.url), 401);
  t.is(await ask(server.url, { headers: { authorization: 'Bearer another' } }), 401);
  t.is(await ask(server.url, { headers }), 200);
  t.is(await ask(server.url, { headers, method: 'POST' }), 405);
  t.is(await ask(server.url.replace('/metrics', '/'), { headers }), 404);
  const port = Number(new URL(server.url).port);
  await t.throwsAsync(serveMetrics(content, { host: '127.0.0.1', port, token: undefined }), {
    message: /metrics: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
  });
});

test('where other machines can ask there must be a token, and a long one', async (t) => {
  const site = await openEdgeSite({ devices: 1 });
  t.teardown(() => site.close());
  writeFileSync(join(site.folder, 'token'), 'short\n');
  const refused = (config: { listen: string; tokenFile?: string }, message: RegExp): void => {
    t.throws(() => metricsAccess(config, site.configFile), { instanceOf: InputError, message });
  };
  refused({ listen: '0.0.0.0:9464' }, /\/metrics\/tokenFile: found none.*0\.0\.0\.0.*a bearer token/);
  refused({ listen: '[::]:9464' }, /\/metrics\/tokenFile: found none/);
  refused({ listen: '0.0.0.0:9464', tokenFile: 'token' }, /found 5 characters/);
  refused({ listen: '127.0.0.1:99999' }, /\/metrics\/listen: found "127\.0\.0\.1:99999"/);
  t.deepEqual(metricsAccess({ listen: '[::1]:9464' }, site.configFile), {
    host: '::1',
    port: 9464,
    token: undefined,
  });
  const text = readFileSync(site.configFile, 'utf8').replace('devices:', 'metrics: { port: 9464 }\ndevices:');
  writeFileSync(site.configFile, text);
  await t.throwsAsync(agentFromConfig(site.configFile, silentLogger()), { message: /unknown key "port"/ });
});
