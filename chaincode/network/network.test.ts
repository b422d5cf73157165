/** The whole life of a bench network: up, killed, started again, upgraded with its data kept, down. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '@fieldbid/core/errors';
import test from 'ava';
import { startFabric, WITHOUT_FABRIC } from '../testing/fabric.ts';
import { registration } from '../testing/fixtures.ts';
import { readConnectionProfile } from './connection-profile.ts';
import { networkMetrics } from './metrics.ts';
import { FabricNetwork } from './network.ts';
import type { NetworkSettings } from './settings.ts';
import { BenchClient } from './testing/bench-client.ts';

const title = 'a network comes up, survives kills, is upgraded with its data kept, and goes down';

if (WITHOUT_FABRIC !== undefined) {
  test.skip(`${title}: ${WITHOUT_FABRIC}`, () => {});
} else {
  test.serial(title, async (t) => {
    t.timeout(120_000);
    const network = await startFabric({ label: 'der-market_1.0' });
    t.teardown(() => network.delete());
    t.false(await network.up(), 'it is up already');
    const { version, heights, processes } = await network.status();
    t.like(version, { label: 'der-market_1.0', sequence: 1 });
    t.true(processes.every(({ healthy }) => healthy));
    t.deepEqual(Object.keys(heights), ['DeraMSP', 'DsoMSP']);

    const client = new BenchClient(readConnectionProfile(network.profileFile));
    t.teardown(() => client.close());
    await client.submit('north', 'registerDer', registration('pv1'));

    const shown = await networkMetrics(readConnectionProfile(network.profileFile));
    t.deepEqual(
      shown.map(({ name }) => name),
      ['peer of DeraMSP', 'peer of DsoMSP', 'orderer'],
    );
    const [dera, , orderer] = shown.map(({ figures = [] }) => new Map(figures));
    t.is(dera?.get('blocks'), String((await network.status()).heights.DeraMSP));
    t.is(dera?.get('peers known'), '1');
    t.true(Number(dera?.get('proposals endorsed')) > 0 && Number(orderer?.get('envelopes ordered')) > 0);

    for (const name of network.names) await network.kill(name);
    t.true((await network.status()).processes.every(({ pid }) => pid === undefined));
    t.true(await network.up(), 'it comes up again, as it was');
    t.deepEqual(await client.derIds(), ['pv1']);

    t.like(await network.upgrade('der-market_2.0'), { label: 'der-market_2.0', sequence: 2 });
    t.deepEqual(await client.derIds(), ['pv1']);
    await client.submit('north', 'registerDer', registration('pv2'));
    t.like(await network.upgrade('der-market_3.0'), { label: 'der-market_3.0', sequence: 3 });
    t.deepEqual(await client.derIds(), ['pv1', 'pv2']);
    t.true((await network.status()).processes.every(({ healthy }) => healthy));

    const other = FabricNetwork.settingsOf(join(network.profileFile, '..'));
    const settings = { ...other, channel: 'another' } as NetworkSettings;
    t.throws(() => new FabricNetwork({ dir: join(network.profileFile, '..'), settings }), {
      message: /at \/channel: found a network made with "der-market", expected "another"/,
    });
    await network.down();
    t.true((await network.status()).processes.every(({ pid }) => pid === undefined));
  });

  test.serial('ports that another network has are named, and it is left alone', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'fieldbid-fabric-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const running = await startFabric();
    t.teardown(() => running.delete());
    const settings = FabricNetwork.settingsOf(join(running.profileFile, '..')) as NetworkSettings;
    const network = new FabricNetwork({ dir: join(dir, 'second'), settings });
    await t.throwsAsync(network.up(), {
      message: /at \/basePort: found \d+, and somebody listens on port \d+, expected a number from which/,
    });
    t.true((await running.status()).processes.every(({ healthy }) => healthy));
  });

  test.serial('a step that fails ends what it had started, and shows the end of the log', async (t) => {
    const running = await startFabric();
    t.teardown(() => running.delete());
    await running.down();
    const dir = join(running.profileFile, '..');
    writeFileSync(join(dir, 'dso', 'core.yaml'), 'no yaml: [');
    const fault = await t.throwsAsync(running.up());
    t.is(codeOf(fault), 'FABRIC_FAILED');
    t.regex(fault?.message ?? '', /^peer-dso ended; the end of .*logs\/peer-dso\.log:\n.*yaml/s);
    t.true((await running.status()).processes.every(({ pid }) => pid === undefined));
  });
}
