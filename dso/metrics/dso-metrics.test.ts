import type { Certificate } from '@fieldbid/core/gateway-api/schemas';
import test from 'ava';
import { DsoMetrics } from './dso-metrics.ts';

test('decisions by step and outcome, power flows, the latest factor', async (t) => {
  const metrics = new DsoMetrics();
  const certificate = { outcome: 'CURTAILED', solves: 45, alpha_ppm: 612_385 } as Certificate;
  metrics.take('decision', certificate, 120);
  metrics.take('dispatch', { ...certificate, outcome: 'ACCEPTED', solves: 15, alpha_ppm: 1_000_000 }, 40);
  const text = await metrics.text();
  for (const line of [
    'fieldbid_dso_decisions_total{step="decision",outcome="CURTAILED"} 1',
    'fieldbid_dso_decisions_total{step="dispatch",outcome="ACCEPTED"} 1',
    'fieldbid_dso_power_flows_total 60',
    'fieldbid_dso_approved_share 0.612385',
    'fieldbid_dso_decision_duration_seconds_bucket{le="0.1",step="decision"} 0',
    'fieldbid_dso_decision_duration_seconds_bucket{le="0.3",step="decision"} 1',
  ]) {
    t.true(text.split('\n').includes(line), line);
  }
});
