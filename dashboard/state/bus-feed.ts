/** Listens on the bus for everything that is said to everybody, and hands it to the state. */
import type { Bus, Received, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { messageOf } from '@fieldbid/core/errors';
import { FaultMark } from '@fieldbid/core/lab/faults';
import { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type { Logger } from '@fieldbid/core/logging';
import {
  AgentState,
  Clearing,
  CommandVerdict,
  IntervalReport,
  Measurement,
} from '@fieldbid/core/market/messages';
import { SettlementReport } from '@fieldbid/core/market/settlement/report';
import { parse } from '@fieldbid/core/schema';
import type { Static, TSchema } from 'typebox';
import type { MarketState } from './market-state.ts';

/** @returns what ends the listening; the bus stays open. A message that is not what its topic says is counted and logged. */
export async function listen(bus: Bus, state: MarketState, log: Logger): Promise<() => Promise<void>> {
  const subscriptions: Subscription[] = [];
  let wrong = 0;
  const on = async <T extends TSchema>(
    filter: string,
    schema: T,
    take: (message: Static<T>) => void,
  ): Promise<void> => {
    const handle = ({ topic, message }: Received): void => {
      try {
        take(parse(schema, message, topic));
      } catch (error) {
        state.takeHealth({ wrongMessages: ++wrong });
        log.warn({ topic }, `not taken: ${messageOf(error)}`);
      }
    };
    subscriptions.push(await bus.subscribe(filter, handle));
  };
  subscriptions.push(bus.watchConnection((up) => state.takeHealth({ broker: up ? 'connected' : 'lost' })));
  await on(topics.lab, LabDescription, (lab) => state.takeLab(lab));
  await on(topics.gridStates, GridState, (grid) => state.takeGrid(grid));
  await on(topics.agents('+'), AgentState, (agent) => state.takeAgent(agent));
  await on(topics.measurements('+'), Measurement, (measurement) => state.takeMeasurement(measurement));
  await on(topics.verdicts('+'), CommandVerdict, (verdict) => state.takeVerdict(verdict));
  await on(topics.clearings, Clearing, (clearing) => state.takeClearing(clearing));
  await on(topics.intervalReports('+'), IntervalReport, (report) => state.takeReport(report));
  await on(topics.settlements('+'), SettlementReport, (report) => state.takeSettlement(report));
  await on(topics.faultMarks, FaultMark, (mark) => state.takeFault(mark));
  return async () => {
    for (const subscription of subscriptions) await subscription.close();
  };
}
