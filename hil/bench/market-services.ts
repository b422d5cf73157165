/**
 * The market's services in this process, each with its own connection, key and log namespace: BC-GW with the
 * ledger of the run (5-7), DSO (7), ISO (8-9), DERA (3-10). They meet over sockets only.
 */
import { join } from 'node:path';
import { Journal } from '@fieldbid/aggregator/registration/journal';
import { AggregatorService } from '@fieldbid/aggregator/service';
import { type Baselines, openBaselines } from '@fieldbid/aggregator/settlement/baselines';
import { apiKeysOf, type NewApiKey, newApiKey } from '@fieldbid/bc-gateway/auth/api-keys';
import { BcGateway } from '@fieldbid/bc-gateway/gateway';
import { openSqliteStores } from '@fieldbid/bc-gateway/store/sqlite/open';
import type { Bus } from '@fieldbid/core/bus/bus';
import { hmacSha256Hex } from '@fieldbid/core/digest';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import { seededSalts } from '@fieldbid/core/gateway-api/checksum';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { Logger } from '@fieldbid/core/logging';
import { priceRange } from '@fieldbid/core/market/calendar';
import { seededRandom } from '@fieldbid/core/random';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { policyNamed } from '@fieldbid/dso/feasibility/policies';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { openPowerFlow, openSearchFlow } from '@fieldbid/dso/feeder/open-feeder';
import type { SearchFlow } from '@fieldbid/dso/power-flow/power-flow';
import { DsoService } from '@fieldbid/dso/service';
import { loadMarketData } from '@fieldbid/iso-sim/market-data';
import { IsoService } from '@fieldbid/iso-sim/service';
import type { LoadedScenario } from '../scenario/load.ts';
import { deraPortfolios } from '../scenario/schema.ts';
import type { Closers } from './closers.ts';
import { type BenchLedger, DURABILITY } from './ledger.ts';
import { portfolioOf } from './portfolio.ts';

/** The BC-GW and a way in for everybody. */
export interface OpenGateway {
  readonly url: string;
  readonly ledger: BenchLedger;
  /** @param name a DERA's id, `dso` or `operator`. */
  client(name: string): GatewayClient;
  /** Ends the gateway: its connections break, and nobody listens any more. */
  kill(): Promise<void>;
  /** Starts it again on the same port, ledger and store. */
  startAgain(): Promise<void>;
}

/** @param options.deadline_ms real ms for one of its answers; as the client has it when absent. */
export async function openGateway(
  loaded: LoadedScenario,
  folder: string,
  ledger: BenchLedger,
  now: () => number,
  log: Logger,
  closers: Closers,
  options: { readonly deadline_ms?: number } = {},
): Promise<OpenGateway> {
  const { seed } = loaded.scenario;
  const wanted: NewApiKey[] = [
    ...[...deraPortfolios(loaded.scenario).keys()].map(
      (deraId) => ({ name: deraId, role: 'dera', deraId }) as const,
    ),
    { name: 'dso', role: 'dso' },
    { name: 'operator', role: 'operator' },
  ];
  const made = wanted.map((one) => ({ name: one.name, ...newApiKey(one) }));
  const stores = await openSqliteStores({
    file: join(folder, 'gateway', 'raw-records.sqlite'),
    durability: DURABILITY,
  });
  closers.add('stores', () => stores.close());
  const start = (port: number): Promise<BcGateway> =>
    BcGateway.start({
      config: { listen: { port } },
      ledger: ledger.ledger,
      stores,
      keys: apiKeysOf(made.map(({ entry }) => entry)),
      now,
      saltFor: seededSalts(seed),
      log: log.child({ room: 'bc-gateway' }),
    });
  let gateway = await start(0);
  const { url } = gateway;
  closers.add('gateway', () => gateway.close());
  return {
    url,
    ledger,
    kill: () => gateway.close(),
    startAgain: async () => {
      gateway = await start(Number(new URL(url).port));
    },
    client: (name) => {
      const apiKey = made.find((one) => one.name === name)?.key;
      if (apiKey === undefined) throw new TypeError(`no key was made for ${name}`);
      const onInterruption = (error: unknown): void =>
        log.warn({ client: name, code: codeOf(error) }, `event stream interrupted: ${messageOf(error)}`);
      return new GatewayClient({ url, apiKey, onInterruption, ...options });
    },
  };
}

/** The DSO's engines: that of record, and one to search with where there is one. */
export interface DsoEngines {
  readonly powerFlow: Awaited<ReturnType<typeof openPowerFlow>>;
  readonly search: SearchFlow | undefined;
}

/** To be called before the clock is made: on first use this sets up Python, which takes a while. */
export async function openDsoEngines(feeder: Feeder, log: Logger, closers: Closers): Promise<DsoEngines> {
  const dsoLog = log.child({ room: 'dso' });
  const powerFlow = await openPowerFlow(feeder, dsoLog);
  closers.add('power flow of the DSO', () => powerFlow.close());
  const search = await openSearchFlow(feeder, dsoLog);
  closers.add('search engine of the DSO', async () => search?.close());
  return { powerFlow, search };
}

/** @param parts.enforce false: every bid is approved unchecked. */
export function startDso(
  { scenario }: LoadedScenario,
  parts: DsoEngines & {
    readonly feeder: Feeder;
    readonly gateway: GatewayClient;
    readonly enforce: boolean;
    readonly log: Logger;
    readonly closers: Closers;
  },
): void {
  const { closers, log, ...own } = parts;
  const dso = new DsoService({
    ...own,
    interval_min: scenario.calendar.interval_min,
    deraIds: [...deraPortfolios(scenario).keys()],
    policy: policyNamed(scenario.dso.policy),
    safety: scenario.dso.safety,
    margin_pu: scenario.dso.margin_pu ?? own.feeder.data.margin_pu,
    log: log.child({ room: 'dso' }),
  });
  dso.start();
  closers.add('DSO', () => dso.stop());
}

export async function startIso(
  loaded: LoadedScenario,
  bus: Bus,
  time: TimeSource,
  log: Logger,
): Promise<IsoService> {
  const { calendar, market, seed } = loaded.scenario;
  const iso = new IsoService({
    bus,
    time,
    calendar,
    rules: market,
    marketData: loadMarketData({
      supplyFile: loaded.supplyFile,
      demandFile: loaded.demandFile,
      cap_uUSD_per_MWh: priceRange(calendar).cap,
      demandDeviation_pct: market.demandDeviation_pct,
      seed,
    }),
    log: log.child({ room: 'iso-sim' }),
  });
  await iso.start();
  return iso;
}

/** Blinds from the seed, as secret as that: two runs of one seed write the same hashes on the ledger. */
function baselinesOf(
  { scenario, baselineFile }: LoadedScenario,
  deraId: string,
  derIds: readonly string[],
): Baselines | undefined {
  const { baseline, calendar, ders, seed } = scenario;
  if (baseline === undefined || baselineFile === undefined) return undefined;
  return openBaselines({
    ...{ deraId, calendar, rules: baseline.rules, file: baselineFile },
    derIds,
    others: ders.map(({ derId }) => derId).filter((derId) => !derIds.includes(derId)),
    drawBlind: (intervalId) =>
      hmacSha256Hex(`fieldbid/blind/v1\n${seed}`, `${deraId}\n${intervalId}`).slice(0, 32),
  });
}

/** What a bench's DERA has of its own. */
export interface DeraParts {
  readonly deraId: string;
  readonly derIds: readonly string[];
  readonly feeder: Feeder;
  readonly bus: Bus;
  readonly join: (name: string) => TimeSource;
  readonly gateway: GatewayClient;
  /** Where its journal of codes and keys goes. */
  readonly folder: string;
  /** False: no meter is read, and nothing is settled; baselines are committed all the same. */
  readonly metered?: boolean;
}

export function makeAggregator(loaded: LoadedScenario, parts: DeraParts, log: Logger): AggregatorService {
  const { calendar, market, seed, settlement } = loaded.scenario;
  const { deraId, derIds, feeder, bus, join: joinClock, gateway, folder } = parts;
  const codes = seededRandom(seed, `${deraId} codes`);
  const baselines = baselinesOf(loaded, deraId, derIds);
  return new AggregatorService({
    ...{ deraId, bus, gateway, calendar },
    time: joinClock(deraId),
    journal: new Journal(join(folder, `${deraId}.keys.ndjson`)),
    portfolio: portfolioOf(feeder, deraId, derIds),
    ...(parts.metered === false && baselines === undefined
      ? {}
      : {
          settlement: {
            ...{ time: joinClock(`${deraId}/settlement`), rules: settlement },
            ...(baselines === undefined ? {} : { baselines }),
          },
        }),
    maxSegments: market.maxSegments,
    requireSignatures: true,
    // A proof of the code is on the ledger, and two runs of one seed write the same there.
    drawCode: (below) => Math.floor(codes.uniform() * below),
    log: log.child({ room: 'aggregator' }),
  });
}
