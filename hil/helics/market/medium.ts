/** HELICS as the medium of a run: the federates of the market, and those of the DERs or the way to them. */
import { codeOf, FieldbidError, messageOf, withDeadline } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { moments } from '@fieldbid/core/market/calendar';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { type BenchClock, HANG_GUARD_MS, standsStill, startOf } from '../../bench/clock.ts';
import type { Closers } from '../../bench/closers.ts';
import type { BenchDevices } from '../../bench/devices.ts';
import type { FederationChoice, Medium, MediumOptions } from '../../bench/medium.ts';
import type { LoadedScenario } from '../../scenario/load.ts';
import { deraPortfolios } from '../../scenario/schema.ts';
import type { FederateSpec } from '../federation/federate.ts';
import { Federation } from '../federation/federation.ts';
import {
  DERA,
  derFederate,
  derSpec,
  federateOf,
  GRID,
  marketSpecs,
  NEXT_BROKER_KEY,
} from '../federation/members.ts';
import { Renewal } from '../federation/renewal.ts';
import { findHelics } from '../library/find-helics.ts';
import { runTerminals, type SolveTimes } from '../terminals/der-terminals.ts';
import { feederLink } from '../terminals/feeder-link.ts';
import { holdAll } from './hold.ts';
import { remoteDers } from './remote-ders.ts';
import { memberTopics } from './topics.ts';
import { watchMembers } from './watch-members.ts';
import { watchStandstill } from './watch-standstill.ts';

/** Real ms in which a federation can be left in order. */
const LEAVING_MS = 3000;

export interface OpenedFederation {
  readonly federation: Federation;
  /** Rejects when the federation ends, or time stands still. */
  readonly failure: Promise<never>;
  readonly fail: (error: FieldbidError) => void;
  /** In order, or it breaks off where that cannot be. Once left, it has been left. */
  readonly leave: () => Promise<void>;
}

/** Joins with these federates; leaves with the closers, or breaks off where it cannot. */
export async function joinFederation(
  options: {
    broker: string;
    federates: readonly FederateSpec[];
    others: readonly string[];
    first_ms: number;
    onInstant?: (instants: number) => void;
    log: Logger;
  },
  closers: Closers,
): Promise<OpenedFederation> {
  const { library } = await findHelics();
  let reject: (error: FieldbidError) => void = () => {};
  const failure = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  failure.catch(() => {});
  const fail = (error: FieldbidError): void => {
    reject(error);
    // Whoever waits for time or for an answer would keep the run from being closed.
    federation.breakOff(error);
  };
  const federation: Federation = await Federation.open({
    library,
    broker: options.broker,
    federates: options.federates,
    others: options.others,
    ...(options.onInstant === undefined ? {} : { onInstant: options.onInstant }),
    start_ms: startOf(options.first_ms),
    hangGuard_ms: HANG_GUARD_MS,
    onHang: (names) => fail(standsStill(names, options.log)),
    onLost: reject,
  });
  const leave = async (): Promise<void> => {
    try {
      await withDeadline(federation.close(), LEAVING_MS, 'the federation, asked to let go,');
    } catch (error) {
      federation.breakOff(new FieldbidError(codeOf(error), messageOf(error), { cause: error }));
    }
  };
  closers.add('federation', leave);
  return { federation, failure, fail, leave };
}

export async function openHelicsMedium(
  { loaded, feeder, nodes, first_ms, log }: MediumOptions,
  { broker, dersElsewhere, observers, nextBroker, onMinute, onFailure }: FederationChoice,
  closers: Closers,
): Promise<Medium> {
  const derIds = loaded.scenario.ders.map(({ derId }) => derId);
  const deraIds = [...deraPortfolios(loaded.scenario).keys()];
  const specs = marketSpecs(derIds, nodes);
  if (!dersElsewhere) specs.push(...derIds.map((derId) => derSpec(derId, feeder.connection(derId))));
  const others = dersElsewhere ? derIds.map(derFederate) : [];
  let opened: Federation | undefined;
  const { renewAfterInstants: afterInstants } = loaded.scenario.clock.helics;
  const renewal: Renewal = new Renewal({
    ...{ federation: () => opened, afterInstants, observers },
    nextBroker,
    announce: async (port) => opened?.federate(GRID).publish({ [NEXT_BROKER_KEY]: port }),
    now_ms: () => opened?.federate(GRID).now() ?? first_ms,
    fail: (error) => abort(error),
  });
  const joined = await joinFederation(
    { broker, federates: specs, others, first_ms, onInstant: (count) => renewal.count(count), log },
    closers,
  );
  const { federation, failure, fail } = joined;
  opened = federation;
  const leave = async (): Promise<void> => {
    await renewal.stop();
    await joined.leave();
  };
  closers.add('renewal of the federation', () => renewal.stop());
  const standstill = watchStandstill(federation, fail);
  closers.add('watch over HELICS', () => clearInterval(standstill));
  failure.catch((error: Error) => onFailure?.(error));
  const of = (name: string) => federation.federate(federateOf(name, dersElsewhere ? [] : derIds, deraIds));
  const grid = federation.federate(GRID);
  const clock: BenchClock = {
    now: () => federation.federate(DERA).now(),
    join: (name) => of(name).join(name),
    hold: (name) => holdAll(name, federation.federates),
    failure,
  };
  const connect: Medium['connect'] = async (clientId) =>
    of(clientId).connect(({ topic, error }) =>
      log.warn({ clientId, topic, code: codeOf(error) }, `bus: ${messageOf(error)}`),
    );
  const afterSolve = engineWatch(onMinute);
  const abort = (cause: unknown): void => fail(new FieldbidError(codeOf(cause), messageOf(cause), { cause }));
  const description = `HELICS, ${specs.length} federates in one process`;
  if (!dersElsewhere) {
    return {
      description,
      clock,
      connect,
      afterSolve,
      abort,
      leave,
      nowAt: (derId) => () => federation.federate(derFederate(derId)).now(),
      linkOf: (devices) => {
        terminalsOf(loaded, feeder, devices, federation, log);
        return feederLink(grid, derIds, nodes);
      },
    };
  }
  const bus = await connect('bench');
  await bus.subscribe(memberTopics.instants('+'), ({ topic, message }) =>
    renewal.countOf(topic, Number(message)),
  );
  const remote = await remoteDers({ loaded, feeder, bus, log });
  const watch = watchMembers(federation, derIds.map(derFederate), fail);
  closers.add('watch over the DERs', () => clearInterval(watch));
  return {
    description: `HELICS, ${derIds.length} DERs in processes of their own`,
    clock,
    connect,
    afterSolve,
    abort,
    leave,
    linkOf: () => feederLink(grid, derIds, nodes),
    remote,
  };
}

/**
 * The feeder's engine is a member of the federation like any other: one that has died ends the run, though a new one
 * could solve on. Whoever couples an engine that keeps a state would otherwise go on with a grid that has forgotten it.
 */
function engineWatch(onMinute: FederationChoice['onMinute']): NonNullable<Medium['afterSolve']> {
  let joined: number | undefined;
  return ({ at_ms }, pid) => {
    joined ??= pid;
    if (pid !== joined) {
      throw new FieldbidError(
        'GRID_ENGINE_DIED',
        `the grid's power flow (process ${joined}) died before market time ${new Date(at_ms).toISOString()}; ` +
          'look for what ended it (memory, a signal), and start the run again',
      );
    }
    onMinute?.(at_ms);
  };
}

/** When the feeder of a scenario is solved. */
export function solveTimes({ scenario }: LoadedScenario): SolveTimes {
  const schedule = moments(scenario.calendar);
  const start_ms = schedule[0]?.interval.start_ms ?? 0;
  return {
    start_ms,
    end_ms: schedule.at(-1)?.interval.end_ms ?? start_ms,
    step_ms: scenario.powerFlow.step_s * 1000,
    offset_ms: scenario.powerFlow.offset_s * 1000,
  };
}

/** Starts the terminals of these devices, each at its federate. */
export function terminalsOf(
  loaded: LoadedScenario,
  feeder: Feeder,
  devices: BenchDevices,
  federation: Federation,
  log: Logger,
): void {
  for (const { derId, plant } of devices) {
    runTerminals({
      ...solveTimes(loaded),
      federate: federation.federate(derFederate(derId)),
      device: plant,
      connection: feeder.connection(derId),
    }).catch((error: unknown) => log.error({ derId, code: codeOf(error) }, `terminals: ${messageOf(error)}`));
  }
}
