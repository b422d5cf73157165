/** A site for an agent's program: a broker, simulated inverters, a DERA that takes every bid, and the config file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { Bid, Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';

export interface EdgeSite {
  readonly folder: string;
  readonly configFile: string;
  readonly brokerUrl: string;
  readonly inverters: readonly SimulatedInverter[];
  /** Measurements that have arrived at the DERA, by DER. */
  readonly measurements: ReadonlyMap<string, number>;
  /** Resolves when so many measurements have arrived since the site was opened, all DERs together. */
  measured(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface EdgeSiteOptions {
  readonly devices: number;
  /** Seconds between two cycles; 1 by default. */
  readonly cycle_s?: number;
  /** More lines of the config file. */
  readonly more?: string;
}

const MINUTE_MS = 60_000;
const RATING_W = 5000;
const AVAILABLE_W = 4000;

/** Everything on loopback, real time. The market's intervals are 3 minutes, and half of every bid is awarded. */
export async function openEdgeSite({ devices, cycle_s = 1, more = '' }: EdgeSiteOptions): Promise<EdgeSite> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-site-'));
  const broker = await EmbeddedBroker.start();
  const inverters = Array.from({ length: devices }, (_, i) => simulated(`S-${i}`));
  const ports = await Promise.all(inverters.map((inverter) => inverter.listen('127.0.0.1', 0)));
  const dera = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const measurements = new Map<string, number>();
  const waiting: { count: number; resolve: () => void }[] = [];
  const total = (): number => [...measurements.values()].reduce((sum, count) => sum + count, 0);
  await dera.subscribe(topics.measurements('+'), ({ topic, message }) => {
    const { derId } = parse(Measurement, message, topic);
    measurements.set(derId, (measurements.get(derId) ?? 0) + 1);
    for (const { count, resolve } of waiting) if (total() >= count) resolve();
  });
  await dera.respond(topics.bids('dera-1'), async ({ topic, message }) => {
    const bid = parse(Bid, message, topic);
    void award(dera, bid).catch(() => {});
    return { uid: bid.uid, accepted: true };
  });
  const configFile = join(folder, 'edge.yaml');
  const start = new Date(Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS).toISOString().slice(0, 16);
  writeFileSync(join(folder, 'prices.csv'), `start,price_USD_per_MWh\n${hours(start)}`);
  writeFileSync(configFile, configText({ start, url: broker.url, cycle_s, more, ports }));
  return {
    ...{ folder, configFile, inverters, measurements },
    brokerUrl: broker.url,
    measured: (count) =>
      new Promise((resolve) => {
        if (total() >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: async () => {
      await dera.close();
      for (const inverter of inverters) await inverter.close();
      await broker.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function simulated(serial: string): SimulatedInverter {
  return new SimulatedInverter({
    ...{ serial, phases: 'A', rating_W: RATING_W, nominal_V: 240 },
    now: Date.now,
    available_W: () => AVAILABLE_W,
  });
}

async function award(dera: MqttBus, bid: Bid): Promise<void> {
  const start_ms = Date.parse(bid.intervalId.replace(/Z$/, ':00Z'));
  const message = {
    ...{ derId: bid.derId, intervalId: bid.intervalId, bidUid: bid.uid, start_ms },
    ...{ end_ms: start_ms + 3 * MINUTE_MS, allocation_W: Math.floor(bid.quantity_W / 2) },
    ...{ price_uUSD_per_MWh: bid.price_uUSD_per_MWh, reason: 'CLEARED' },
  };
  await dera.request(topics.awards(bid.derId), message, 10_000);
}

/** A price for each of the next hours. */
function hours(start: string): string {
  const from = Date.parse(`${start.slice(0, 13)}:00Z`);
  return Array.from({ length: 48 }, (_, i) => {
    const at = new Date(from + i * 60 * MINUTE_MS).toISOString().slice(0, 16);
    return `${at}Z,30\n`;
  }).join('');
}

function configText(site: {
  start: string;
  url: string;
  cycle_s: number;
  more: string;
  ports: readonly { port: number }[];
}): string {
  const { start, url, cycle_s, more, ports } = site;
  const devices = ports.map(
    ({ port }, i) =>
      `  - { derId: pv-${i}, deviceIds: [inv-${i}], endpoint: "tcp://127.0.0.1:${port}?unit=1", riskFactor_pct: 5 }`,
  );
  return `agentId: roof-7
broker: { url: "${url}" }
market:
  deraId: dera-1
  forecastFile: prices.csv
  calendar:
    { start: ${start}Z, intervals: 400, interval_min: 3, bid_min: 4, gateClosure_min: 3, clearing_min: 2, award_min: 1 }
cycle_s: ${cycle_s}
${more}devices:
${devices.join('\n')}
`;
}
