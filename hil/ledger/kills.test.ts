import { startPostgresql, WITHOUT_POSTGRESQL } from '@fieldbid/bc-gateway/testing/postgresql';
import { startFabric, WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import test from 'ava';
import { killEmbeddedGateway, killOnFabric } from './kills.ts';

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

const onFabric =
  'two gateways on one PostgreSQL, peers, orderer and contract services killed on Fabric: nothing lost, nothing doubled';

const missing = WITHOUT_FABRIC ?? WITHOUT_POSTGRESQL;
if (missing !== undefined) {
  test.skip(`${onFabric}: ${missing}`, () => {});
} else {
  test.serial(onFabric, async (t) => {
    t.timeout(180_000);
    const network = await startFabric();
    t.teardown(() => network.delete());
    const server = await startPostgresql();
    t.teardown(() => server.stop());
    const report = await killOnFabric(network, await server.database(), 12, 1);
    t.deepEqual(report.faults, []);
    t.is(
      Object.values(report.kills).reduce((a, b) => a + b),
      12,
    );
    t.true(report.acknowledged > 10, JSON.stringify(report));
  });
}
