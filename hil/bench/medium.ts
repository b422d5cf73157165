/** What the programs of a run share: market time, and a bus. In this process and over MQTT, or HELICS for both. */
import type { Logger } from '@fieldbid/core/logging';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import type { MinuteRecord } from '../recorder/run-record.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import type { BenchAgents } from './agents.ts';
import { type BenchClock, openClock } from './clock.ts';
import type { Closers } from './closers.ts';
import { type Connect, openBus } from './connect.ts';
import type { BenchDevices } from './devices.ts';
import type { TerminalLink } from './plant.ts';

/** The federation that a run is part of. */
export interface FederationChoice {
  /** The HELICS broker, `host:port`. */
  readonly broker: string;
  /** Every DER in a process of its own, started by somebody else. */
  readonly dersElsewhere: boolean;
  /** Federates of others that are waited for. */
  readonly observers: number;
  /** Starts another broker at the same host, for a federation that has to be renewed. @returns its port. */
  readonly nextBroker: () => Promise<number>;
  /** Told the market time of every power flow. */
  readonly onMinute?: (at_ms: number) => void;
  /** Told at once when the run fails, before anything is closed. */
  readonly onFailure?: (error: Error) => void;
}

export interface MediumOptions {
  readonly loaded: LoadedScenario;
  readonly feeder: Feeder;
  /** Every `node.phase` of the feeder, in the order of its voltages. */
  readonly nodes: readonly string[];
  /** Market time of the first bid, epoch ms. */
  readonly first_ms: number;
  readonly federation?: FederationChoice;
  readonly realtimeSpeed?: number;
  readonly brokerUrl?: string;
  readonly log: Logger;
}

export interface Medium {
  /** For the report. */
  readonly description: string;
  readonly clock: BenchClock;
  readonly connect: Connect;
  /** Where DERs are federates: their market time, and what lies between them and the feeder. */
  readonly nowAt?: (derId: string) => () => number;
  readonly linkOf?: (devices: BenchDevices) => TerminalLink;
  /**
   * Told of every power flow of the plant and of the process that solved it.
   * @throws FieldbidError `GRID_ENGINE_DIED` where that is no longer the one that joined.
   */
  readonly afterSolve?: (minute: MinuteRecord, enginePid: number | undefined) => void;
  /** Ends it for everybody when a run fails: what waits for time or for an answer would keep the run from being closed. */
  readonly abort?: (cause: unknown) => void;
  /**
   * Where time and bus are shared with others, who cannot stand still for as long as somebody looks at a day that is
   * over: leaves them. Market time stays where it is.
   */
  readonly leave?: () => Promise<void>;
  /** DERs in processes of their own. */
  readonly remote?: { readonly devices: BenchDevices; readonly agents: BenchAgents; end(): Promise<void> };
}

export async function openMedium(options: MediumOptions, closers: Closers): Promise<Medium> {
  const { federation, realtimeSpeed, log } = options;
  if (federation !== undefined) {
    // libhelics is loaded for those who use it.
    const { openHelicsMedium } = await import('../helics/market/medium.ts');
    return openHelicsMedium(options, federation, closers);
  }
  const clock = openClock(
    options.first_ms,
    { log, ...(realtimeSpeed === undefined ? {} : { realtimeSpeed }) },
    closers,
  );
  const connect = await openBus(options, closers);
  const description = realtimeSpeed === undefined ? 'fast' : `wall clock × ${realtimeSpeed}`;
  return { description, clock, connect };
}
