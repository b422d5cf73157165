import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import type { Clearing } from '@fieldbid/core/market/messages';
import test from 'ava';
import { IsoMetrics } from './iso-metrics.ts';

test('clearings as they are published, real time and day ahead apart', async (t) => {
  const bus = new LocalExchange().connect();
  const metrics = new IsoMetrics();
  await metrics.follow(bus);
  const clearing: Clearing = {
    ...{ intervalId: '2026-06-21T12:00Z', price_uUSD_per_MWh: 44_080_000, cleared_W: 26_961_000 },
    ...{ convention: 'midpoint', outcome: 'CLEARED', supply: [], demand: [] },
  };
  await bus.publish(topics.clearings, clearing);
  await bus.publish(topics.clearings, { ...clearing, intervalId: '2026-06-21T13:00Z--PT60M' });
  await new Promise((resolve) => setImmediate(resolve));
  const lines = (await metrics.text()).split('\n');
  for (const line of [
    'fieldbid_iso_clearings_total{product="energy",outcome="CLEARED"} 1',
    'fieldbid_iso_clearings_total{product="day-ahead-energy",outcome="CLEARED"} 1',
    'fieldbid_iso_price_usd_per_mwh{product="energy"} 44.08',
    'fieldbid_iso_cleared_watts{product="energy"} 26961000',
  ]) {
    t.true(lines.includes(line), line);
  }
});
