/** The market's way to DERs that are federates of their own processes (processes/der-member.ts is the other end). */
import type { Bus } from '@fieldbid/core/bus/bus';
import { withDeadline } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import type { BenchAgents } from '../../bench/agents.ts';
import { actualLoads, type BenchDevice, type BenchDevices } from '../../bench/devices.ts';
import type { Medium } from '../../bench/medium.ts';
import type { DeviceWrites } from '../../recorder/run-record.ts';
import type { LoadedScenario } from '../../scenario/load.ts';
import { memberTopics } from './topics.ts';

/** Real ms for a DER's process: to come up after it has joined, and to answer. */
const READY_MS = 120_000;
const ANSWER_MS = 30_000;

export async function remoteDers({
  loaded,
  feeder,
  bus,
  log,
}: {
  loaded: LoadedScenario;
  feeder: Feeder;
  bus: Bus;
  log: Logger;
}): Promise<NonNullable<Medium['remote']>> {
  const { ders } = loaded.scenario;
  const derIds = ders.map(({ derId }) => derId);
  const ready = gathering(derIds);
  const done = gathering(derIds);
  await bus.subscribe(memberTopics.ready('+'), ({ message }) => ready.take(String(message)));
  await bus.subscribe(memberTopics.done('+'), ({ message }) => done.take(String(message)));
  await withDeadline(ready.all, READY_MS, `a DER's process (missing: ${ready.missing().join(', ')})`);
  log.info({ derIds }, 'all DERs are ready');
  const devices: BenchDevice[] = ders.map(({ derId, profile }) => ({
    derId,
    profile,
    endpoint: 'in a process of its own',
    plant: { derId, terminalPower_W: () => 0, available_W: () => 0, setVoltages_pu: () => {} },
  }));
  const agents: BenchAgents = {
    done: () => done.all,
    stop: async (derId) => void (await bus.request(memberTopics.stop(derId), null, ANSWER_MS)),
    enrol: async (codeFor) => {
      // In the order of the scenario: codes are drawn one after the other.
      for (const derId of derIds) await bus.request(memberTopics.enrol(derId), codeFor(derId), ANSWER_MS);
    },
  };
  return {
    devices: Object.assign(devices, {
      loadFactors: actualLoads(loaded, feeder),
      writes: () => writesOf(bus, derIds),
    }) satisfies BenchDevices,
    agents,
    end: () => bus.publish(memberTopics.end, null),
  };
}

async function writesOf(bus: Bus, derIds: readonly string[]): Promise<DeviceWrites[]> {
  const found: DeviceWrites[] = [];
  for (const derId of derIds) {
    const writes = (await bus.request(
      memberTopics.writes(derId),
      null,
      ANSWER_MS,
    )) as unknown as DeviceWrites | null;
    if (writes !== null) found.push(writes);
  }
  return found;
}

/** Resolves when every name has been taken. */
function gathering(names: readonly string[]): {
  all: Promise<void>;
  take(name: string): void;
  missing(): string[];
} {
  const open = new Set(names);
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  return {
    all,
    missing: () => [...open],
    take: (name) => {
      open.delete(name);
      if (open.size === 0) done();
    },
  };
}
