/** A federation in this process, with a broker of its own, for tests. */
import { HelicsBroker } from './broker/helics-broker.ts';
import type { FederateSpec } from './federation/federate.ts';
import { Federation, type FederationOptions } from './federation/federation.ts';
import { findHelics } from './library/find-helics.ts';

export const START_MS = Date.parse('2026-06-21T00:00:00Z');

export interface TestFederation {
  readonly federation: Federation;
  /** Of `options.far`. */
  readonly far: Federation | undefined;
  readonly broker: HelicsBroker;
  close(): Promise<void>;
}

/** @param options.far federates on a core of their own: what they say to the others goes over TCP. */
export async function openTestFederation(
  federates: readonly FederateSpec[],
  options: Partial<FederationOptions> & { others?: number; far?: readonly FederateSpec[] } = {},
): Promise<TestFederation> {
  const { others = 0, far: farther = [], ...changed } = options;
  const { library, broker: program } = await findHelics({ quiet: true });
  const count = federates.length + farther.length + others;
  const broker = await HelicsBroker.start({ program, federates: count });
  const open = (own: readonly FederateSpec[]): Promise<Federation> =>
    Federation.open({
      ...{ library, broker: broker.address, federates: own, start_ms: START_MS },
      others: [...federates, ...farther].filter((one) => !own.includes(one)).map(({ name }) => name),
      ...changed,
    });
  // Each waits for the other to be there.
  const [federation, far] = await Promise.all([
    open(federates),
    farther.length === 0 ? undefined : open(farther),
  ]);
  return {
    ...{ federation, far, broker },
    close: async () => {
      await Promise.all([federation.close(), far?.close()]);
      await broker.stop();
    },
  };
}
