/**
 * Replays the market of a run that its seed alone does not give again: real DERA, BC-GW, ledger, DSO and ISO on the fast
 * clock, and in the agents' place what they once sent. Devices and the feeder as it was are not in it.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AggregatorService } from '@fieldbid/aggregator/service';
import { dayAheadMoments, firstBid_ms, moments } from '@fieldbid/core/market/calendar';
import { openClock } from '../bench/clock.ts';
import { Closers } from '../bench/closers.ts';
import { openBus } from '../bench/connect.ts';
import { openBenchLedger } from '../bench/ledger.ts';
import { writeLedgerPayloads } from '../bench/ledger-payloads.ts';
import { makeAggregator, openDsoEngines, openGateway, startDso, startIso } from '../bench/market-services.ts';
import type { Difference } from '../compare/compare-runs.ts';
import { loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { deraPortfolios } from '../scenario/schema.ts';
import { compareMarkets, readRecordedMarket } from './recorded-market.ts';
import type { ReplayOptions } from './replay-run.ts';
import { ReplayedAgents } from './replayed-agents.ts';

/** @returns every transaction of the recorded market that came out otherwise. @throws as `runMarketDay`. */
export async function replayFromRecords(options: Omit<ReplayOptions, 'progress'>): Promise<Difference[]> {
  const closers = new Closers();
  try {
    await replayMarket(options, closers);
  } finally {
    await closers.closeAll(options.log);
  }
  return compareMarkets(options.recorded, options.out);
}

async function replayMarket(
  { recorded, run, out, log, say }: Omit<ReplayOptions, 'progress'>,
  closers: Closers,
): Promise<void> {
  const loaded = loadScenario(join(recorded, run.scenarioFile));
  const { scenario } = loaded;
  const { calendar } = scenario;
  const market = await readRecordedMarket(recorded);
  const feeder = scenarioFeeder(loaded);
  const engines = await openDsoEngines(feeder, log, closers);
  const clock = openClock(firstBid_ms(calendar), { log }, closers);
  const starting = clock.join('replay');
  const now = (): number => Math.floor(clock.now());
  const connect = await openBus({ log }, closers);
  const ledger = await openBenchLedger({ kind: 'embedded' }, out, now, say, closers);
  const gateway = await openGateway(loaded, out, ledger, now, log, closers);
  const { dsoEnforced: enforce } = run;
  startDso(loaded, { ...engines, feeder, gateway: gateway.client('dso'), enforce, log, closers });
  const iso = await startIso(loaded, await connect('iso'), clock.join('iso'), log);
  closers.add('ISO', () => iso.stop());
  const agents = new ReplayedAgents({
    ...{ bus: await connect('recorded-agents'), time: clock.join('recorded agents') },
    derIds: scenario.ders.map(({ derId }) => derId),
    caughtUp: async () => connect.mqtt?.caughtUp(),
  });
  await agents.start();
  closers.add('recorded agents', () => agents.stop());
  const aggregators: AggregatorService[] = [];
  for (const [deraId, derIds] of deraPortfolios(scenario)) {
    // The keys that the bids were signed with, as their devices once enrolled them.
    const [keys, kept] = [join(out, `${deraId}.keys.ndjson`), join(recorded, `${deraId}.keys.ndjson`)];
    if (existsSync(kept)) copyFileSync(kept, keys);
    const own = { deraId, derIds, feeder, join: clock.join, gateway: gateway.client(deraId), folder: out };
    // Nothing is metered here; a baseline is committed all the same.
    const aggregator = makeAggregator(loaded, { ...own, bus: await connect(deraId), metered: false }, log);
    await aggregator.start();
    closers.add('aggregator', () => aggregator.stop());
    aggregators.push(aggregator);
  }
  const schedule = [...dayAheadMoments(calendar), ...moments(calendar)];
  const bids = [...market.values()].reduce((sum, one) => sum + one.bids.length, 0);
  say(`from the records: ${bids} bids of ${market.size} intervals`);
  const running = Promise.all([
    agents.run(schedule, market),
    iso.done(),
    ...aggregators.map((one) => one.done()),
  ]);
  starting.close();
  await Promise.race([running, clock.failure]);
  for (const { bid, reason } of agents.refused)
    say(`refused now: the bid of ${bid.derId} for ${bid.intervalId}: ${reason}`);
  await writeLedgerPayloads(ledger.ledger, out);
}
