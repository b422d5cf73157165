/** For tests and benches: nine PV systems on the modified IEEE 13-bus feeder, with both engines. */
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import { readDers } from '../approve/case-files.ts';
import { Feeder } from '../feeder/feeder.ts';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { openPowerFlow, openSearchFlow } from '../feeder/open-feeder.ts';
import type { OpenDss } from '../power-flow/opendss/engine.ts';
import type { Phase, PowerFlow } from '../power-flow/power-flow.ts';

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ALL: Phase[] = ['A', 'B', 'C'];

export interface OpenEngines {
  readonly feeder: Feeder;
  readonly powerFlow: PowerFlow;
  readonly search: OpenDss;
  readonly margin_pu: number;
  close(): Promise<void>;
}

export function ninePv(): Feeder {
  const { data } = loadFeeder(file('feeders/ieee13/feeder.yaml'));
  return new Feeder({ ...data, ders: readDers(file('dso/examples/nine-pv-ders.csv'), () => ALL) });
}

/** Without a margin: what is feasible is decided by the limits alone. */
export async function openEngines(feeder: Feeder, margin_pu = 0): Promise<OpenEngines> {
  const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
  const search = await openSearchFlow(feeder, silentLogger());
  if (search === undefined) throw new TypeError(`OpenDSS has no model of ${feeder.id}`);
  return {
    feeder,
    powerFlow,
    search,
    margin_pu,
    close: async () => {
      await search.close();
      await powerFlow.close();
    },
  };
}
