/**
 * One edge agent per DER, each with its own connection to the bus and to its device, and each on a machine of its own as
 * far as power and clock go.
 */
import { join } from 'node:path';
import type { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { withDeadline } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { AgentState } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { seededSigner } from '@fieldbid/core/signing-key';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { agentWill, EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { openAwardStore } from '@fieldbid/edge-agent/agent/award-store';
import { clearSkyOf } from '@fieldbid/edge-agent/agent/clear-sky';
import { careOf, defaultRevert_s, verdictRules } from '@fieldbid/edge-agent/agent/device-setup';
import { loadPriceForecast } from '@fieldbid/edge-agent/agent/price-forecast';
import { enrol, requireAccepted } from '@fieldbid/edge-agent/attestation/enrol';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import type { FaultyAgents } from '../faults/agent-faults.ts';
import { type MachineClock, SteppedTime } from '../faults/stepped-time.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import type { Closers } from './closers.ts';
import type { Connect } from './connect.ts';
import type { BenchDevice } from './devices.ts';
import { DURABILITY } from './ledger.ts';

/** A command must be proved within this, market seconds: three of the bench's cycles. */
export const VERDICT_DEADLINE_S = 180;

/** Real ms for one answer on a line with faults, where answers do get lost: a day must not wait long for each. */
const DISTURBED_DEADLINE_MS = 2000;
/** Until the broker has told an agent's will. Real ms. */
const WILL_DEADLINE_MS = 10_000;

export interface AgentParts {
  readonly loaded: LoadedScenario;
  readonly feeder: Feeder;
  readonly devices: readonly BenchDevice[];
  readonly connect: Connect;
  readonly timeFor: (name: string) => TimeSource;
  /** Of the run: what the agents' disks keep. */
  readonly folder: string;
  /** Real ms for one answer of a device; the profile's own when absent. */
  readonly deadline_ms?: number;
  readonly log: Logger;
  readonly closers: Closers;
}

export interface BenchAgents extends FaultyAgents {
  /** Resolves when all of them have come to the end of the calendar. */
  done(): Promise<void>;
  stop(derId: string): Promise<void>;
  /** Makes each agent's key known to the DERA, by the codes that it has issued. */
  enrol(codeFor: (derId: string) => string): Promise<void>;
}

interface Running {
  readonly agent: EdgeAgent;
  readonly bus: MqttBus;
}

/** Starts them all; each takes awards from then on. */
export async function startAgents(parts: AgentParts): Promise<BenchAgents> {
  const { loaded, feeder, devices, connect, timeFor, closers } = parts;
  const { scenario } = loaded;
  const { calendar, deraId, seed } = scenario;
  const log = parts.log.child({ room: 'edge-agent' });
  const forecast = loadPriceForecast(loaded.priceForecastFile);
  const clearSky = clearSkyOf(feeder.data.clearSky.map((value, minute) => ({ minute, value })));
  const running = new Map<string, Running>();
  const clocks = new Map<string, MachineClock>(devices.map(({ derId }) => [derId, { step_ms: 0 }]));
  const links = new ModbusLinks();
  /** Hears of deaths. */
  let witness: MqttBus | undefined;
  // One for all: each agent takes only what is its own from it.
  const awardStore = await openAwardStore(join(parts.folder, 'agents', 'awards.sqlite'), log, DURABILITY);
  if (awardStore !== undefined) closers.add('kept awards', () => awardStore.close());

  const clockOf = (derId: string): MachineClock => {
    const clock = clocks.get(derId);
    if (clock === undefined) throw new TypeError(`${derId} has no agent on this bench`);
    return clock;
  };
  const start = async (found: BenchDevice): Promise<void> => {
    const { derId, endpoint, proxy, mapping, opcua, inverter } = found;
    const owner = scenario.ders.find((der) => der.derId === derId);
    const clock = clockOf(derId);
    const onMachine = (name: string): TimeSource => new SteppedTime(timeFor(name), clock);
    const agentId = `agent-${derId}`;
    const time = onMachine(`agent of ${derId}`);
    const { deadline_ms: patient_ms } = parts;
    const { device, profile } = openDevice({
      endpoint,
      profile: found.profile,
      now: () => time.now(),
      links,
      mapping,
      opcua,
      ...(patient_ms === undefined
        ? {}
        : {
            deadline_ms: () =>
              proxy !== undefined || inverter?.line?.isDisturbed === true
                ? Math.min(patient_ms, DISTURBED_DEADLINE_MS)
                : patient_ms,
          }),
      // What a device says by itself comes at moments of real time: on the fast clock two runs would differ.
      ...(patient_ms === undefined
        ? { onNotice: ({ level, text, ...fields }) => log[level]({ derId, ...fields }, text) }
        : {}),
    });
    const bus = await connect(agentId, agentWill(agentId, [derId]));
    const deviceIds = feeder.der(derId)?.deviceIds ?? [];
    const signer = seededSigner(seed, derId);
    const agent = new EdgeAgent({
      agentId,
      deraId,
      bus,
      signer: () => signer,
      // A heartbeat has a clock of its own.
      timeFor: (name) => (name === `${agentId}/${derId}` ? time : onMachine(name)),
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
      ...(awardStore === undefined ? {} : { awardStore }),
      log,
    });
    await agent.start();
    running.set(derId, { agent, bus });
  };
  for (const device of devices) {
    await start(device);
    const { derId } = device;
    closers.add(`agent of ${derId}`, () => running.get(derId)?.agent.stop());
  }
  return {
    derIds: devices.map(({ derId }) => derId),
    clockOf,
    done: async () => {
      for (
        let before: Running[] = [], now = [...running.values()];
        now.some((one) => !before.includes(one));
      ) {
        await Promise.all(now.map(({ agent }) => agent.done()));
        // One that was started again meanwhile has its day before it.
        [before, now] = [now, [...running.values()]];
      }
    },
    stop: async (derId) => running.get(derId)?.agent.stop(),
    cutPower: async (derId) => {
      const found = running.get(derId);
      if (found === undefined) throw new TypeError(`${derId} has no running agent`);
      running.delete(derId);
      witness ??= await connect('witness');
      const told = await willOf(witness, derId);
      await connect.drop(found.bus);
      await found.agent.cutPower();
      await told();
      await connect.caughtUp();
    },
    startAgain: async (derId) => {
      const device = devices.find((one) => one.derId === derId);
      if (device === undefined) throw new TypeError(`${derId} has no device on this bench`);
      await start(device);
    },
    enrol: async (codeFor) => {
      for (const { derId } of devices) {
        const bus = running.get(derId)?.bus;
        if (bus === undefined) continue;
        const deviceIds = feeder.der(derId)?.deviceIds ?? [];
        const answer = await enrol(
          bus,
          seededSigner(seed, derId),
          { deraId, derId, deviceIds },
          codeFor(derId),
        );
        requireAccepted(answer, derId);
      }
    },
  };
}

/** @returns what resolves when the broker has told that the agent is dead. */
async function willOf(witness: MqttBus, derId: string): Promise<() => Promise<void>> {
  let heard: () => void = () => {};
  const dead = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const subscription = await witness.subscribe(topics.agents(`agent-${derId}`), ({ topic, message }) => {
    if (!parse(AgentState, message, topic).alive) heard();
  });
  return async () => {
    try {
      await withDeadline(dead, WILL_DEADLINE_MS, `the broker, asked for the will of the agent of ${derId},`);
    } finally {
      await subscription.close();
    }
  };
}
