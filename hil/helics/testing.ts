/** A federation of two in this process, with a broker of its own, for tests. */
import { HelicsBroker } from './broker/helics-broker.ts';
import { type FederateSpec, Federation, type FederationOptions } from './federation/federation.ts';
import { findHelics } from './library/find-helics.ts';

export const START_MS = Date.parse('2026-06-21T00:00:00Z');

export interface TestFederation {
  readonly federation: Federation;
  readonly broker: HelicsBroker;
  close(): Promise<void>;
}

export async function openTestFederation(
  federates: readonly FederateSpec[],
  options: Partial<FederationOptions> & { others?: number } = {},
): Promise<TestFederation> {
  const { library, broker: program } = await findHelics({ quiet: true });
  const broker = await HelicsBroker.start({ program, federates: federates.length + (options.others ?? 0) });
  const federation = await Federation.open({
    ...{ library, broker: broker.address, federates, start_ms: START_MS },
    ...options,
  });
  return {
    federation,
    broker,
    close: async () => {
      await federation.close();
      await broker.stop();
    },
  };
}
