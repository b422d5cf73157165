/** M24 · A peer that hands out changed blocks, or whose contract answers otherwise than its blocks say, is found out. */
import { readConnectionProfile } from '@fieldbid/chaincode/network/connection-profile';
import { FabricWallet } from '@fieldbid/chaincode/network/wallet';
import { startFabric, WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import { batch, claim, qualification, registration } from '@fieldbid/chaincode/testing/fixtures';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { common } from '@hyperledger/fabric-protos';
import test from 'ava';
import fc from 'fast-check';
import { positionOf } from '../checkpoint.ts';
import { submit } from '../ledger.ts';
import { parseBlock } from './blocks.ts';
import { FabricLedger } from './fabric-ledger.ts';
import { FabricPeer } from './peer.ts';
import { ChannelWalk } from './verify.ts';

const title = 'any byte of any block of a Fabric channel, changed on its way, is found and its block named';

if (WITHOUT_FABRIC !== undefined) {
  test.skip(`${title}: ${WITHOUT_FABRIC}`, () => {});
} else {
  test.serial(title, async (t) => {
    t.timeout(120_000);
    const network = await startFabric();
    t.teardown(() => network.delete());
    const ledger = await FabricLedger.open(network.profileFile);
    const dera = await ledger.identity({ mspId: 'DeraMSP', role: 'dera', deraId: 'north' });
    const dso = await ledger.identity({ mspId: 'DsoMSP', role: 'dso' });
    for (const [identity, name, payload] of [
      [dera, 'registerDer', registration('pv1')],
      [dso, 'qualifyDer', qualification('pv1')],
      [dera, 'submitBids', batch([claim('pv1')])],
    ] as const) {
      t.is((await submit(ledger, identity, name, JSON.stringify(payload))).outcome, 'committed');
    }
    t.like(await ledger.verify(), { transactions: 3, findings: [] });
    const last = positionOf(await ledger.head()).block;
    await ledger.close();

    const profile = readConnectionProfile(network.profileFile);
    const wallet = new FabricWallet(profile);
    const [peerProfile] = profile.peers;
    const peer = new FabricPeer(peerProfile!, profile, () => wallet.anyOf('DeraMSP'));
    const blocks: Uint8Array[] = [];
    for (let number = 0; number <= last; number++) {
      blocks.push(await peer.query('GetBlockByNumber', profile.channel, String(number)));
    }
    peer.close();

    const walked = async (change: (block: common.Block, number: number) => void): Promise<ChannelWalk> => {
      const walk = new ChannelWalk(profile);
      for (const [number, bytes] of blocks.entries()) {
        const block = common.Block.deserializeBinary(bytes);
        change(block, number);
        await walk.block(parseBlock(block, profile.contract));
      }
      return walk;
    };
    const whole = await walked(() => {});
    t.deepEqual(whole.report().findings, []);

    await fc.assert(
      fc.asyncProperty(fc.nat(last), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, at, by) => {
        const walk = await walked((block, number) => {
          if (number !== which) return;
          const data = block.getData()!;
          const [envelope] = data.getDataList_asU8();
          const changed = Uint8Array.from(envelope!);
          changed[at % changed.length]! ^= by;
          data.setDataList([changed]);
        });
        const { findings } = walk.report();
        t.true(
          findings.some(({ where }) => where === `block ${which}`),
          JSON.stringify(findings),
        );
      }),
      { numRuns: 100 },
    );

    // Made to fit: the data hash follows, the chain does not; and the signatures do not hold.
    const forged = await walked((block, number) => {
      if (number !== last) return;
      const data = block.getData()!;
      const text = Buffer.from(data.getDataList_asU8()[0]!);
      for (let i = text.indexOf('50000'); i >= 0; i = text.indexOf('50000', i + 1)) text.write('49999', i);
      data.setDataList([text]);
    });
    const kinds = new Set(forged.report().findings.map(({ kind }) => kind));
    for (const kind of ['BLOCK_HASH', 'SIGNATURE', 'ENDORSEMENT']) t.true(kinds.has(kind), [...kinds].join());

    // What the contract answers is compared with what was written.
    const answers = new Map([
      ['der~pv1', canonicalJson({ ...registration('pv1'), limit_W: 99_999 })],
      ['der~pv9', '{}'],
    ]);
    whole.compare(answers);
    const found = whole.report().findings.map(({ kind, where }) => `${kind} ${where}`);
    t.true(found.includes('STATE_VALUE state der~pv1'));
    t.true(found.includes('STATE_EXTRA state der~pv9'));
    t.true(found.some((text) => text.startsWith('STATE_MISSING state bid~')));
  });
}
