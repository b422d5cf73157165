/** Faults of what the market stands on: broker, BC-GW, Fabric's peers and orderer, the DSO's power flow. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { FaultKind } from '@fieldbid/core/lab/faults';
import { type Begun, type FaultSource, offerOf } from './source.ts';

/** Something that is killed, and started again. */
export interface Killable {
  kill(): Promise<void>;
  /** Resolves when it works again for all who use it. */
  startAgain(): Promise<void>;
}

/** A Fabric network of the run's own. */
export interface FaultyNetwork {
  /** Of its processes: `orderer`, `peer-dso`, … */
  readonly names: readonly string[];
  kill(name: string): Promise<void>;
  start(name: string): Promise<void>;
}

export interface FaultyServices {
  /** Absent: it is not ours. */
  readonly broker?: Killable | undefined;
  readonly gateway: Killable;
  readonly network?: FaultyNetwork | undefined;
  /** Process of the DSO's power flow, while it runs. */
  dsoEnginePid(): number | undefined;
}

const NONE: readonly string[] = [];

export function serviceFaults({ broker, gateway, network, dsoEnginePid }: FaultyServices): FaultSource {
  const killed = async (what: string, killable: Killable | undefined): Promise<Begun> => {
    await killable?.kill();
    return { note: `${what} is killed`, end: () => killable?.startAgain() };
  };
  const begin = async (fault: FaultKind, target: string): Promise<Begun> => {
    if (fault === 'broker-killed') return killed('the broker', broker);
    if (fault === 'gateway-killed') return killed('the BC-GW', gateway);
    if (fault === 'dso-engine-killed') {
      const pid = dsoEnginePid();
      if (pid === undefined) throw new FieldbidError('FAULT_IMPOSSIBLE', 'the power flow is not running now');
      process.kill(pid, 'SIGKILL');
      return { note: 'the process of the power flow is killed; the DSO starts another' };
    }
    if (network === undefined) throw new TypeError(`${fault} was checked to be possible`);
    await network.kill(target);
    return { note: `the process ${target} is killed`, end: () => network.start(target) };
  };
  return {
    offers: () => [
      ...(broker === undefined ? [] : [{ fault: 'broker-killed', targets: NONE } as const]),
      { fault: 'gateway-killed', targets: NONE },
      { fault: 'dso-engine-killed', targets: NONE },
      ...offerOf('ledger-peer-killed', network?.names.filter((name) => name.startsWith('peer-')) ?? []),
      ...offerOf('orderer-killed', network?.names.filter((name) => name.startsWith('orderer')) ?? []),
    ],
    begin: ({ fault, target = '' }) => begin(fault, target),
  };
}
