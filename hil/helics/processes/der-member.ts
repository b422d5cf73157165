/** One DER in a process of its own: its inverter behind a real socket, its edge agent, and their federate. */
import { messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { firstBid_ms } from '@fieldbid/core/market/calendar';
import { startAgents } from '../../bench/agents.ts';
import { Closers } from '../../bench/closers.ts';
import { openBenchDevices, writesOf } from '../../bench/devices.ts';
import { type LoadedScenario, scenarioFeeder } from '../../scenario/load.ts';
import { derFederate, derSpec, federatesOf } from '../federation/members.ts';
import { holdAll } from '../market/hold.ts';
import { joinFederation, terminalsOf } from '../market/medium.ts';
import { memberTopics } from '../market/topics.ts';

export interface DerMemberOptions {
  readonly loaded: LoadedScenario;
  readonly derId: string;
  /** The HELICS broker, `host:port`. */
  readonly broker: string;
  readonly log: Logger;
}

/** Real ms for the inverter's answer, as in one process. */
const PATIENT_DEADLINE_MS = 30_000;
/** The market is told of every so many instants of HELICS time. */
const INSTANTS_TOLD = 250;

/** Runs until the market says that the run has been recorded. @throws FieldbidError when the federation ends before. */
export async function runDerMember({ loaded, derId, broker, log }: DerMemberOptions): Promise<void> {
  const closers = new Closers();
  const { scenario } = loaded;
  const feeder = scenarioFeeder(loaded);
  const only: LoadedScenario = {
    ...loaded,
    scenario: { ...scenario, ders: scenario.ders.filter((der) => der.derId === derId) },
  };
  let told: (instants: number) => void = () => {};
  try {
    const { federation, failure } = await joinFederation(
      {
        broker,
        federates: [derSpec(derId, feeder.connection(derId))],
        others: federatesOf(scenario.ders).filter((name) => name !== derFederate(derId)),
        onInstant: (instants) => told(instants),
        first_ms: firstBid_ms(scenario.calendar),
        log,
      },
      closers,
    );
    const federate = federation.federate(derFederate(derId));
    const hold = holdAll(`member ${derId}`, [federate]);
    const connect = async (clientId: string) =>
      federate.connect(({ topic, error }) => log.warn({ clientId, topic }, `bus: ${messageOf(error)}`));
    const bus = await connect('member');
    told = (instants) => {
      if (instants % INSTANTS_TOLD !== 0) return;
      bus.publish(memberTopics.instants(derId), instants).catch(() => {}); // said by the federation
    };
    const devices = await openBenchDevices({ loaded: only, feeder, now: () => federate.now(), bus, closers });
    terminalsOf(loaded, feeder, devices, federation, log);
    const agents = await startAgents({
      loaded: only,
      feeder,
      devices,
      connect,
      timeFor: (name) => federate.join(name),
      deadline_ms: PATIENT_DEADLINE_MS,
      log,
      closers,
    });
    const ended = new Promise<void>((resolve) => {
      void bus.subscribe(memberTopics.end, () => resolve());
    });
    await bus.respond(memberTopics.enrol(derId), async ({ message }) => agents.enrol(() => String(message)));
    await bus.respond(memberTopics.stop(derId), async () => agents.stop(derId));
    await bus.respond(memberTopics.writes(derId), async () => {
      const inverter = devices[0]?.inverter;
      return inverter === undefined ? null : { derId, ...writesOf(inverter) };
    });
    const whole = agents.done().then(() => bus.publish(memberTopics.done(derId), derId));
    await bus.publish(memberTopics.ready(derId), derId, { retain: true });
    hold.release();
    await Promise.race([Promise.all([whole, ended]), failure]);
    await Promise.race([hold.regain(), failure]);
  } finally {
    await closers.closeAll(log);
  }
}
