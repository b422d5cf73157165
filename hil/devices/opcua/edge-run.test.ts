/**
 * `fieldbid edge run` with an OPC UA device in its config file: it bids from the nodes, and its limits reach them. There
 * are many short intervals: on a slow machine a later one will do.
 */
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { Bid, CommandVerdict } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { shareClock } from '@fieldbid/core/time/bus-clock';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import { agentFromConfig } from '@fieldbid/edge-agent/run';
import test from 'ava';
import { EmbeddedBroker } from '../../broker/embedded-broker.ts';
import { OpcUaFolder, openOpcUaBench, USER } from './opcua-bench.ts';
import { simulatedMapping } from './simulated-mapping.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

const START = '2026-06-21T12:00Z';
const SPEED = 50;

test('an agent by its config file, beside an OPC UA inverter', async (t) => {
  const broker = await EmbeddedBroker.start();
  const dera = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const start_ms = Date.parse(START.replace('Z', ':00Z'));
  const shared = { speed: SPEED, origin_ms: start_ms - 300_000, realOrigin_ms: Date.now() };
  const clock = new WallClock(shared);
  const bench = await openOpcUaBench(folder, {
    inverter: { now: () => clock.now(), available_W: () => 4000 },
  });
  const prices = folder.write('prices.csv', `start,price_USD_per_MWh\n${START},30\n`);
  const mapping = folder.write('mapping.yaml', simulatedMapping('A'));
  const password = folder.write('password', USER.password);
  const config = folder.write(
    'edge.yaml',
    `agentId: roof-7
broker: { url: "${broker.url}" }
clock: { source: bus }
market:
  deraId: dera-1
  forecastFile: ${prices}
  calendar:
    { start: ${START}, intervals: 96, interval_min: 3, bid_min: 4, gateClosure_min: 3, clearing_min: 2, award_min: 1 }
cycle_s: 30
devices:
  - derId: pv-7
    deviceIds: [inv-7]
    endpoint: ${bench.endpoint}
    mapping: ${mapping}
    opcua: { pkiFolder: ${folder.pki}, user: { name: ${USER.name}, passwordFile: ${password} } }
    riskFactor_pct: 5
    withoutAward: zero
`,
  );
  const verdict = new Promise<CommandVerdict>((resolve) => {
    void dera.subscribe(topics.verdicts('pv-7'), ({ topic, message }) => {
      const found = parse(CommandVerdict, message, topic);
      if (found.verdict === 'verified') resolve(found);
    });
  });
  const bidding = new Promise<Bid>((resolve) => {
    void dera.respond(topics.bids('dera-1'), async ({ topic, message }) => {
      const bid = parse(Bid, message, topic);
      resolve(bid);
      return { uid: bid.uid, accepted: true };
    });
  });
  await shareClock(dera, shared);
  const { agent, close } = await agentFromConfig(config, silentLogger());
  await agent.start();
  t.like(await bidding, { derId: 'pv-7', quantity_W: 4000 });
  // Nothing was awarded: the device is held at zero, and its power proves it.
  t.like(await verdict, { allocation_W: 0, commanded_pct: 0, readBack_pct: 0 });
  await agent.stop();
  await close();
  await bench.close();
  await dera.close();
  await broker.close();
  t.true(bench.writeTransactions() > 0);
});
