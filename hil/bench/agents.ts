/** One edge agent per DER, each with its own connection to the bus and to its device. */

import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { clearSkyOf } from '@fieldbid/edge-agent/agent/clear-sky';
import { loadPriceForecast } from '@fieldbid/edge-agent/agent/price-forecast';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import type { LoadedScenario } from '../scenario/load.ts';
import type { Closers } from './closers.ts';
import type { BenchDevice } from './devices.ts';

/** A command must be proved within this, market ms. */
const VERDICT_DEADLINE_MS = 180_000;
/** The revert timer outlasts an interval by this, s, so that a late next award does not free the device. */
const REVERT_SLACK_S = 300;

export interface AgentParts {
  readonly loaded: LoadedScenario;
  readonly feeder: Feeder;
  readonly devices: readonly BenchDevice[];
  readonly connect: (clientId: string) => Promise<Bus>;
  readonly timeFor: (name: string) => TimeSource;
  /** Real ms for one answer of a device; the profile's own when absent. */
  readonly deadline_ms?: number;
  readonly log: Logger;
  readonly closers: Closers;
}

export interface BenchAgents {
  /** Resolves when all of them have come to the end of the calendar. */
  done(): Promise<void>;
  stop(derId: string): Promise<void>;
}

/** Starts them all; each takes awards from then on. */
export async function startAgents(parts: AgentParts): Promise<BenchAgents> {
  const { loaded, feeder, devices, connect, timeFor, closers } = parts;
  const { scenario } = loaded;
  const { calendar, deraId } = scenario;
  const log = parts.log.child({ room: 'edge-agent' });
  const forecast = loadPriceForecast(loaded.priceForecastFile);
  const clearSky = clearSkyOf(feeder.data.clearSky.map((value, minute) => ({ minute, value })));
  const agents = new Map<string, EdgeAgent>();
  for (const { derId, endpoint, profile: profileName } of devices) {
    const owner = scenario.ders.find((der) => der.derId === derId);
    const time = timeFor(`agent of ${derId}`);
    const { device, profile } = openDevice({
      endpoint,
      profile: profileName,
      now: () => time.now(),
      ...(parts.deadline_ms === undefined ? {} : { deadline_ms: parts.deadline_ms }),
    });
    const agent = new EdgeAgent({
      agentId: `agent-${derId}`,
      deraId,
      bus: await connect(`agent-${derId}`),
      timeFor: () => time,
      calendar,
      forecast,
      devices: [
        {
          derId,
          deviceIds: feeder.der(derId)?.deviceIds ?? [],
          device,
          riskFactor_pct: owner?.riskFactor_pct ?? 0,
          clearSky,
          rules: {
            settle_ms: profile.limit.settle_s * 1000,
            deadline_ms: VERDICT_DEADLINE_MS,
            tolerance_pct: profile.limit.tolerance_pct,
          },
          revert_s: calendar.interval_min * 60 + REVERT_SLACK_S,
          withoutAward: 'zero',
          defaultLimit_W: null,
        },
      ],
      cycle_ms: scenario.agents.cycle_s * 1000,
      log,
    });
    await agent.start();
    closers.add(`agent of ${derId}`, () => agent.stop());
    agents.set(derId, agent);
  }
  return {
    done: async () => void (await Promise.all([...agents.values()].map((agent) => agent.done()))),
    stop: async (derId) => agents.get(derId)?.stop(),
  };
}
