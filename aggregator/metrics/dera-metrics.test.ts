import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import type { IntervalReport } from '@fieldbid/core/market/messages';
import { serveMetrics } from '@fieldbid/core/metrics/server';
import test from 'ava';
import { DeraMetrics } from './dera-metrics.ts';

const REPORT: IntervalReport = {
  ...{ deraId: 'north', intervalId: '2026-06-21T12:00Z', completed: true, notes: [] },
  bids: {
    submitted: 12,
    accepted: 12,
    refused: 1,
    curtailed: 5,
    cleared: 9,
    partlyCleared: 1,
    reducedAfterClearing: 0,
  },
  timings_ms: { record: 40, dsoDecision: 200 },
};

test('rounds and bids of its own reports, scraped over HTTP; those of other DERAs are not counted', async (t) => {
  const bus = new LocalExchange().connect();
  const metrics = new DeraMetrics();
  await metrics.follow(bus, 'north');
  const served = await serveMetrics(metrics, { host: '127.0.0.1', port: 0, token: undefined });
  t.teardown(() => served.close());
  await bus.publish(topics.intervalReports('north'), REPORT);
  await bus.publish(topics.intervalReports('north'), { ...REPORT, completed: false });
  await bus.publish(topics.intervalReports('south'), { ...REPORT, deraId: 'south' });
  await new Promise((resolve) => setImmediate(resolve));
  const lines = (await (await fetch(served.url)).text()).split('\n');
  for (const line of [
    'fieldbid_dera_rounds_total{outcome="completed"} 1',
    'fieldbid_dera_rounds_total{outcome="failed"} 1',
    'fieldbid_dera_bids_total{outcome="accepted"} 24',
    'fieldbid_dera_bids_total{outcome="refused"} 2',
    'fieldbid_dera_step_duration_seconds_count{step="record"} 2',
    'fieldbid_dera_step_duration_seconds_sum{step="dsoDecision"} 0.4',
  ]) {
    t.true(lines.includes(line), line);
  }
});
