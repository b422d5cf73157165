/** The suite of every ledger, on a real Fabric network of this test's own. */
import { startFabric, WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import test from 'ava';
import { ledgerConformance } from '../conformance.ts';
import { FabricLedger } from './fabric-ledger.ts';

if (WITHOUT_FABRIC !== undefined) {
  test.skip(`the suite of every ledger on Hyperledger Fabric: ${WITHOUT_FABRIC}`, () => {});
} else {
  let network: Awaited<ReturnType<typeof startFabric>> | undefined;
  test.before(async (t) => {
    t.timeout(120_000);
    network = await startFabric();
  });
  test.after.always(() => network?.delete());
  ledgerConformance(test, 'fabric', async () => {
    const ledger = await FabricLedger.open(network?.profileFile ?? '');
    return { ledger, close: () => ledger.close() };
  });
}
