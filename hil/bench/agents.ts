/** One edge agent per DER, each with its own connection to the bus and to its device. */

import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import { seededSigner } from '@fieldbid/core/signing-key';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { type ClearSky, clearSkyOf } from '@fieldbid/edge-agent/agent/clear-sky';
import {
  careOf,
  type DeviceSetup,
  defaultRevert_s,
  verdictRules,
} from '@fieldbid/edge-agent/agent/device-setup';
import { loadPriceForecast } from '@fieldbid/edge-agent/agent/price-forecast';
import { enrol, requireAccepted } from '@fieldbid/edge-agent/attestation/enrol';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
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
  for (const group of groupsOf(scenario, devices)) {
    const { deraId, devices: own } = group;
    const first = own[0]!.derId;
    const agentId = `agent-${first}`;
    const time = timeFor(`agent of ${first}`);
    const bus = await connect(agentId);
    const signer = seededSigner(scenario.seed, first);
    const agent = new EdgeAgent({
      ...{ agentId, deraId, bus, calendar, forecast, log },
      signer: () => signer,
      // A heartbeat has a clock of its own, and so has each further device.
      timeFor: (name) => (name === `${agentId}/${first}` ? time : timeFor(name)),
      devices: own.map((one) => setupOf(parts, one, links, clearSky, time, log)),
      dayAheadShare_pct: scenario.agents.dayAheadShare_pct,
      cycle_ms: scenario.agents.cycle_s * 1000,
    });
    await agent.start();
    closers.add(agentId, () => agent.stop());
    for (const { derId } of own) {
      agents.set(derId, agent);
      const deviceIds = [...(feeder.der(derId)?.deviceIds ?? [])];
      enrolments.push(async (codeFor) => {
        requireAccepted(await enrol(bus, signer, { deraId, derId, deviceIds }, codeFor(derId)), derId);
      });
    }
  }
  return {
    done: async () => void (await Promise.all([...new Set(agents.values())].map((agent) => agent.done()))),
    stop: async (derId) => agents.get(derId)?.stop(),
    enrol: async (codeFor) => {
      for (const one of enrolments) await one(codeFor);
    },
  };
}

/** Devices that share an agent: in the scenario's order, those of one DERA. */
function groupsOf(
  { agents, deraId, ders }: LoadedScenario['scenario'],
  devices: readonly BenchDevice[],
): { readonly deraId: string; readonly devices: readonly BenchDevice[] }[] {
  const deraOf = new Map(ders.map((der) => [der.derId, der.deraId ?? deraId]));
  const groups: { deraId: string; devices: BenchDevice[] }[] = [];
  const open = new Map<string, BenchDevice[]>();
  for (const device of devices) {
    const own = deraOf.get(device.derId) ?? deraId;
    const group = open.get(own);
    if (group !== undefined && group.length < agents.ders_per_agent) {
      group.push(device);
      continue;
    }
    const fresh = [device];
    open.set(own, fresh);
    groups.push({ deraId: own, devices: fresh });
  }
  return groups;
}

function setupOf(
  { loaded, feeder, deadline_ms: patience_ms }: AgentParts,
  one: BenchDevice,
  links: ModbusLinks,
  clearSky: ClearSky,
  time: TimeSource,
  log: Logger,
): DeviceSetup {
  const { derId, endpoint, proxy, mapping, opcua } = one;
  const owner = loaded.scenario.ders.find((der) => der.derId === derId);
  const deadline_ms =
    patience_ms === undefined || proxy === undefined
      ? patience_ms
      : Math.min(patience_ms, DISTURBED_DEADLINE_MS);
  const { device, profile } =
    one.device === undefined
      ? openDevice({
          ...{ endpoint, profile: one.profile, now: () => time.now(), links, mapping, opcua },
          ...(deadline_ms === undefined ? {} : { deadline_ms }),
          // What a device says by itself comes at moments of real time: on the fast clock two runs would differ.
          ...(patience_ms === undefined
            ? { onNotice: ({ level, text, ...fields }) => log[level]({ derId, ...fields }, text) }
            : {}),
        })
      : { device: one.device, profile: loadProfile(one.profile) };
  return {
    ...{ derId, device, clearSky },
    deviceIds: [...(feeder.der(derId)?.deviceIds ?? [])],
    riskFactor_pct: owner?.riskFactor_pct ?? 0,
    rules: verdictRules(profile, VERDICT_DEADLINE_S),
    ...careOf(profile),
    revert_s: defaultRevert_s(loaded.scenario.calendar),
    withoutAward: 'zero',
    defaultLimit_W: null,
  };
}
