/**
 * One edge agent per DER, each with its own connection to the bus and to its device, and each on a machine of its own as
 * far as power and clock go.
 */
import { join } from 'node:path';
import type { Bus } from '@fieldbid/core/bus/bus';
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
import type { FaultyAgents } from '../faults/agent-faults.ts';
import { type MachineClock, SteppedTime } from '../faults/stepped-time.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { deraOf, isPhysical } from '../scenario/schema.ts';
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
  /** Of the run: what the agents' disks keep. Absent: they keep nothing. */
  readonly folder?: string;
  /** Real ms for one answer of a device that is no hardware; the profile's own when absent. */
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
  /** What may be done to the machines that they run on; absent where nothing can be. */
  readonly machines?: FaultyAgents;
}

/** A machine that an agent runs on, with one DER or several. */
interface Machine {
  readonly agentId: string;
  readonly deraId: string;
  readonly devices: readonly BenchDevice[];
  readonly clock: MachineClock;
  /** Absent while it has no power. */
  running?: { readonly agent: EdgeAgent; readonly bus: Bus };
}

/** Starts them all; each takes awards from then on. */
export async function startAgents(parts: AgentParts): Promise<BenchAgents> {
  const { loaded, feeder, devices, connect, timeFor, closers } = parts;
  const { scenario } = loaded;
  const { calendar, seed } = scenario;
  const log = parts.log.child({ room: 'edge-agent' });
  const forecast = loadPriceForecast(loaded.priceForecastFile);
  const clearSky = clearSkyOf(feeder.data.clearSky.map((value, minute) => ({ minute, value })));
  const links = new ModbusLinks();
  const machines = machinesOf(scenario, devices);
  const machineOf = new Map(
    machines.flatMap((machine) => machine.devices.map(({ derId }) => [derId, machine] as const)),
  );
  // One for all: each agent takes only what is its own from it.
  const awardStore =
    parts.folder === undefined
      ? undefined
      : await openAwardStore(join(parts.folder, 'agents', 'awards.sqlite'), log, DURABILITY);
  if (awardStore !== undefined) closers.add('kept awards', () => awardStore.close());

  const at = (derId: string): Machine => {
    const machine = machineOf.get(derId);
    if (machine === undefined) throw new TypeError(`${derId} has no agent on this bench`);
    return machine;
  };
  const signerOf = ({ devices: own }: Machine) => seededSigner(seed, own[0]!.derId);
  const start = async (machine: Machine): Promise<void> => {
    const { agentId, deraId, devices: own, clock } = machine;
    const derIds = own.map(({ derId }) => derId);
    const onMachine = (name: string): TimeSource => new SteppedTime(timeFor(name), clock);
    const time = onMachine(`agent of ${derIds[0]}`);
    const bus = await connect(agentId, agentWill(agentId, derIds));
    const signer = signerOf(machine);
    const agent = new EdgeAgent({
      ...{ agentId, deraId, bus, calendar, forecast, log },
      signer: () => signer,
      // A heartbeat has a clock of its own, and so has each further device.
      timeFor: (name) => (name === `${agentId}/${derIds[0]}` ? time : onMachine(name)),
      devices: own.map((one) => setupOf(parts, one, links, clearSky, time, log)),
      dayAheadShare_pct: scenario.agents.dayAheadShare_pct,
      cycle_ms: scenario.agents.cycle_s * 1000,
      ...(awardStore === undefined ? {} : { awardStore }),
    });
    await agent.start();
    machine.running = { agent, bus };
  };
  for (const machine of machines) {
    await start(machine);
    closers.add(machine.agentId, () => machine.running?.agent.stop());
  }
  const { mqtt } = connect;
  return {
    done: () => allDone(machines),
    stop: async (derId) => at(derId).running?.agent.stop(),
    enrol: async (codeFor) => {
      for (const machine of machines) {
        const { deraId, devices: own, running } = machine;
        if (running === undefined) continue;
        for (const { derId } of own) {
          const device = { deraId, derId, deviceIds: [...(feeder.der(derId)?.deviceIds ?? [])] };
          requireAccepted(await enrol(running.bus, signerOf(machine), device, codeFor(derId)), derId);
        }
      }
    },
    ...(mqtt === undefined
      ? {}
      : {
          machines: {
            derIds: devices.map(({ derId }) => derId),
            clockOf: (derId) => at(derId).clock,
            cutPower: cutter(at, connect, mqtt),
            startAgain: (derId) => start(at(derId)),
          },
        }),
  };
}

/** Resolves when all have come to the end of the calendar, those that were started again meanwhile too. */
async function allDone(machines: readonly Machine[]): Promise<void> {
  const running = () => machines.flatMap((machine) => machine.running ?? []);
  for (let before: unknown[] = [], now = running(); now.some((one) => !before.includes(one)); ) {
    await Promise.all(now.map(({ agent }) => agent.done()));
    [before, now] = [now, running()];
  }
}

function cutter(
  at: (derId: string) => Machine,
  connect: Connect,
  mqtt: NonNullable<Connect['mqtt']>,
): (derId: string) => Promise<void> {
  /** Hears of deaths. */
  let witness: Bus | undefined;
  return async (derId) => {
    const machine = at(derId);
    const { running } = machine;
    if (running === undefined) throw new TypeError(`${derId} has no running agent`);
    delete machine.running;
    witness ??= await connect('witness');
    const told = await willOf(witness, machine.agentId);
    await mqtt.drop(running.bus);
    await running.agent.cutPower();
    await told();
    await mqtt.caughtUp();
  };
}

/** Devices that share a machine: in the scenario's order, those of one DERA. */
function machinesOf(scenario: LoadedScenario['scenario'], devices: readonly BenchDevice[]): Machine[] {
  const owners = new Map(scenario.ders.map((der) => [der.derId, deraOf(scenario, der)]));
  const machines: Machine[] = [];
  const open = new Map<string, BenchDevice[]>();
  for (const device of devices) {
    const own = owners.get(device.derId) ?? scenario.deraId;
    const group = open.get(own);
    if (group !== undefined && group.length < scenario.agents.ders_per_agent) {
      group.push(device);
      continue;
    }
    const fresh = [device];
    open.set(own, fresh);
    const clock: MachineClock = { step_ms: 0 };
    machines.push({ agentId: `agent-${device.derId}`, deraId: own, devices: fresh, clock });
  }
  return machines;
}

function setupOf(
  { loaded, feeder, deadline_ms }: AgentParts,
  one: BenchDevice,
  links: ModbusLinks,
  clearSky: ClearSky,
  time: TimeSource,
  log: Logger,
): DeviceSetup {
  const { derId, endpoint, inverter, proxy, mapping, opcua } = one;
  const owner = loaded.scenario.ders.find((der) => der.derId === derId);
  // Hardware answers by the wall clock, whatever time does: its profile knows how long that takes.
  const patient_ms = owner !== undefined && isPhysical(owner) ? undefined : deadline_ms;
  const isDisturbed = (): boolean => proxy !== undefined || inverter?.line?.isDisturbed === true;
  const { device, profile } =
    one.device === undefined
      ? openDevice({
          ...{ endpoint, profile: one.profile, now: () => time.now(), links, mapping, opcua },
          ...(patient_ms === undefined
            ? {}
            : {
                deadline_ms: () => (isDisturbed() ? Math.min(patient_ms, DISTURBED_DEADLINE_MS) : patient_ms),
              }),
          // What a device says by itself comes at moments of real time: on the fast clock two runs would differ.
          ...(patient_ms === undefined
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

/** @returns what resolves when the broker has told that the agent is dead. */
async function willOf(witness: Bus, agentId: string): Promise<() => Promise<void>> {
  let heard: () => void = () => {};
  const dead = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const subscription = await witness.subscribe(topics.agents(agentId), ({ topic, message }) => {
    if (!parse(AgentState, message, topic).alive) heard();
  });
  return async () => {
    try {
      await withDeadline(dead, WILL_DEADLINE_MS, `the broker, asked for the will of ${agentId},`);
    } finally {
      await subscription.close();
    }
  };
}
