/** One edge agent per DER, each with its own connection to the bus and to its device. */

import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import { seededSigner } from '@fieldbid/core/signing-key';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { clearSkyOf } from '@fieldbid/edge-agent/agent/clear-sky';
import { careOf, defaultRevert_s, verdictRules } from '@fieldbid/edge-agent/agent/device-setup';
import { loadPriceForecast } from '@fieldbid/edge-agent/agent/price-forecast';
import { enrol, requireAccepted } from '@fieldbid/edge-agent/attestation/enrol';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import type { LoadedScenario } from '../scenario/load.ts';
import type { Closers } from './closers.ts';
import type { BenchDevice } from './devices.ts';

/** A command must be proved within this, market seconds: three of the bench's cycles. */
export const VERDICT_DEADLINE_S = 180;

/** Real ms for one answer on a line with faults, where answers do get lost: a day must not wait long for each. */
const DISTURBED_DEADLINE_MS = 2000;

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
  /** Makes each agent's key known to the DERA, by the codes that it has issued. */
  enrol(codeFor: (derId: string) => string): Promise<void>;
}

/** Starts them all; each takes awards from then on. */
export async function startAgents(parts: AgentParts): Promise<BenchAgents> {
  const { loaded, feeder, devices, connect, timeFor, closers } = parts;
  const { scenario } = loaded;
  const { calendar } = scenario;
  const log = parts.log.child({ room: 'edge-agent' });
  const forecast = loadPriceForecast(loaded.priceForecastFile);
  const clearSky = clearSkyOf(feeder.data.clearSky.map((value, minute) => ({ minute, value })));
  const agents = new Map<string, EdgeAgent>();
  const enrolments: ((codeFor: (derId: string) => string) => Promise<void>)[] = [];
  const links = new ModbusLinks();
  for (const { derId, endpoint, profile: profileName, proxy, mapping, opcua } of devices) {
    const owner = scenario.ders.find((der) => der.derId === derId);
    const deraId = owner?.deraId ?? scenario.deraId;
    const time = timeFor(`agent of ${derId}`);
    const deadline_ms =
      parts.deadline_ms === undefined || proxy === undefined
        ? parts.deadline_ms
        : Math.min(parts.deadline_ms, DISTURBED_DEADLINE_MS);
    const { device, profile } = openDevice({
      endpoint,
      profile: profileName,
      now: () => time.now(),
      links,
      mapping,
      opcua,
      ...(deadline_ms === undefined ? {} : { deadline_ms }),
      // What a device says by itself comes at moments of real time: on the fast clock two runs would differ.
      ...(parts.deadline_ms === undefined
        ? { onNotice: ({ level, text, ...fields }) => log[level]({ derId, ...fields }, text) }
        : {}),
    });
    const bus = await connect(`agent-${derId}`);
    const deviceIds = feeder.der(derId)?.deviceIds ?? [];
    const signer = seededSigner(scenario.seed, derId);
    enrolments.push(async (codeFor) => {
      const answer = await enrol(bus, signer, { deraId, derId, deviceIds }, codeFor(derId));
      requireAccepted(answer, derId);
    });
    const agent = new EdgeAgent({
      agentId: `agent-${derId}`,
      deraId,
      bus,
      signer: () => signer,
      // A heartbeat has a clock of its own.
      timeFor: (name) => (name === `agent-${derId}/${derId}` ? time : timeFor(name)),
      calendar,
      forecast,
      devices: [
        {
          derId,
          deviceIds,
          device,
          riskFactor_pct: owner?.riskFactor_pct ?? 0,
          clearSky,
          rules: verdictRules(profile, VERDICT_DEADLINE_S),
          ...careOf(profile),
          revert_s: defaultRevert_s(calendar),
          withoutAward: 'zero',
          defaultLimit_W: null,
        },
      ],
      dayAheadShare_pct: scenario.agents.dayAheadShare_pct,
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
    enrol: async (codeFor) => {
      for (const one of enrolments) await one(codeFor);
    },
  };
}
