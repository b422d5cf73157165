/** `fieldbid edge run` as its config file describes it: a broker, a shared clock, a device behind a socket. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { AgentState, Bid, CommandVerdict, Measurement } from '@fieldbid/core/market/messages';
import { bidSignatureHolds } from '@fieldbid/core/market/signed-bid';
import { parse } from '@fieldbid/core/schema';
import { shareClock } from '@fieldbid/core/time/bus-clock';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import { readPublicKey } from '@fieldbid/edge-agent/attestation/key-file';
import { agentFromConfig } from '@fieldbid/edge-agent/run';
import test from 'ava';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import { fieldbid } from '../testing/programs.ts';
import { SimulatedInverter } from './simulated-inverter.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-edge-'));
test.after.always(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function config(name: string, device: string, url = 'mqtt://127.0.0.1:1'): string {
  write('prices.csv', 'start,price_USD_per_MWh\n2026-06-21T12:00Z,30\n');
  return write(
    name,
    `agentId: roof-7
broker: { url: "${url}" }
clock: { source: bus }
market:
  deraId: dera-1
  forecastFile: prices.csv
  calendar:
    { start: 2026-06-21T12:00Z, intervals: 1, interval_min: 3, bid_min: 4, gateClosure_min: 3, clearing_min: 2, award_min: 1 }
cycle_s: 30
devices:
  - ${device}
`,
  );
}

test('an agent by its config file: announced, bids, takes its award, ends with the calendar', async (t) => {
  const broker = await EmbeddedBroker.start();
  const dera = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const shared = {
    speed: 200,
    origin_ms: Date.parse('2026-06-21T11:55:00Z'),
    realOrigin_ms: Date.now(),
  };
  const clock = new WallClock(shared);
  const inverter = new SimulatedInverter({
    serial: 'S',
    phases: 'A',
    rating_W: 5000,
    nominal_V: 240,
    now: () => clock.now(),
    available_W: () => 4000,
  });
  const { port } = await inverter.listen('127.0.0.1', 0);
  const states: boolean[] = [];
  const verdicts: CommandVerdict[] = [];
  let gone: () => void = () => {};
  const death = new Promise<void>((resolve) => {
    gone = resolve;
  });
  await dera.subscribe(topics.agents('roof-7'), ({ topic, message }) => {
    const { alive } = parse(AgentState, message, topic);
    states.push(alive);
    if (!alive) gone();
  });
  await dera.subscribe(topics.verdicts('pv-7'), ({ topic, message }) => {
    verdicts.push(parse(CommandVerdict, message, topic));
  });
  const readings: Measurement[] = [];
  await dera.subscribe(topics.measurements('pv-7'), ({ topic, message }) => {
    readings.push(parse(Measurement, message, topic));
  });
  const bidding = new Promise<Bid>((resolve) => {
    void dera.respond(topics.bids('dera-1'), async ({ topic, message }) => {
      const bid = parse(Bid, message, topic);
      resolve(bid);
      return { uid: bid.uid, accepted: true };
    });
  });
  await shareClock(dera, shared);
  const device = `{ derId: pv-7, deviceIds: [inv-7], endpoint: "tcp://127.0.0.1:${port}?unit=1", riskFactor_pct: 5 }`;
  const { agent, close } = await agentFromConfig(config('edge.yaml', device, broker.url), silentLogger());
  await agent.start();
  const bid = await bidding;
  t.like(bid, { derId: 'pv-7', quantity_W: 4000, price_uUSD_per_MWh: 31_500_000 });
  const start_ms = Date.parse('2026-06-21T12:00:00Z');
  const answer = await dera.request(
    topics.awards('pv-7'),
    {
      derId: 'pv-7',
      intervalId: bid.intervalId,
      start_ms,
      end_ms: start_ms + 180_000,
      bidUid: bid.uid,
      allocation_W: 2000,
      price_uUSD_per_MWh: 31_500_000,
      reason: 'CLEARED',
    },
    10_000,
  );
  t.deepEqual(answer, { accepted: true });
  await agent.done();
  await agent.stop();
  await close();
  await death;
  t.deepEqual(states, [true, false]);
  t.is(verdicts.length, 1);
  t.like(verdicts[0], { allocation_W: 2000, commanded_pct: 40 });
  // Made at the first start; by it anybody can check the bid and every reading.
  const key = readPublicKey(join(folder, 'roof-7.key.pem'));
  t.true(bidSignatureHolds(key, bid));
  t.true(readings.length > 3 && (readings[0]?.raw?.length ?? 0) > 0);
  const lines = write(
    'readings.ndjson',
    readings.map((reading) => `${JSON.stringify({ body: reading })}\n`).join(''),
  );
  const check = ['edge', 'verify-readings', lines, '--key', join(folder, 'roof-7.key.pem')];
  const verified = await fieldbid(...check);
  t.is(verified.code, 0, verified.output);
  t.regex(verified.output, new RegExp(`^${readings.length} readings of pv-7: signed, whole, unchanged`));
  write(
    'readings.ndjson',
    readings.flatMap((one, i) => (i === 1 ? [] : [`${JSON.stringify(one)}\n`])).join(''),
  );
  const shortened = await fieldbid(...check);
  t.is(shortened.code, 1);
  t.regex(shortened.output, /gap: pv-7, reading 2: 1 missing/);
  await inverter.close();
  await dera.close();
  await broker.close();
});

test('a wrong file is refused before anything is connected, with line and expectation', async (t) => {
  const good = 'derId: pv-7, deviceIds: [inv-7], riskFactor_pct: 5';
  const wrong: [string, RegExp][] = [
    [`{ ${good}, endpoint: "192.0.2.1" }`, /edge\d\.yaml at \/devices\/0\/endpoint.*tcp:\/\/HOST:PORT/],
    [`{ ${good}, endpoint: "tcp://192.0.2.1", profil: x }`, /unknown key "profil"/],
    [
      `{ ${good}, endpoint: "tcp://192.0.2.1", profile: nobody }`,
      /found "nobody", expected one of .*generic-1xx/,
    ],
    ['{ derId: pv-7, deviceIds: [inv-7], endpoint: "tcp://192.0.2.1" }', /the key "riskFactor_pct"/],
    [
      `{ ${good}, endpoint: "tcp://192.0.2.1" }\n  - { ${good}, endpoint: "tcp://192.0.2.2" }`,
      /\/devices\/1\/derId: found pv-7 a second time/,
    ],
  ];
  for (const [i, [device, message]] of wrong.entries()) {
    await t.throwsAsync(agentFromConfig(config(`edge${i}.yaml`, device), silentLogger()), { message });
  }
});
