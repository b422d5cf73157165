import test from 'ava';
import { killEmbeddedGateway } from './kills.ts';

test.serial(
  'the gateway killed 20 times over a run: nothing lost, nothing doubled, both stores equal',
  async (t) => {
    t.timeout(120_000);
    const report = await killEmbeddedGateway(20, 1);
    t.deepEqual(report.faults, []);
    t.deepEqual(report.kills, { gateway: 20 });
    t.true(report.acknowledged > 20 && report.intervals > 3, JSON.stringify(report));
  },
);
