/** Holding market time at every federate of a process: what is set up or recorded at one may need the bus of another. */
import type { Hold } from '../../bench/clock.ts';
import type { Federate } from '../federation/federate.ts';

/** While it does not hold, it looks this often whether it is to hold again, market ms. */
const LOOK_MS = 15 * 60_000;

export function holdAll(name: string, federates: readonly Federate[]): Hold {
  const times = federates.map((federate) => federate.join(`${name} at ${federate.name}`));
  let wanted = true;
  let held: Promise<unknown> = Promise.resolve();
  return {
    release: () => {
      wanted = false;
      held = Promise.all(
        times.map(async (time) => {
          while (!wanted) await time.requestTime(time.now() + LOOK_MS);
        }),
      );
      held.catch(() => {}); // said by the federation
    },
    regain: async () => {
      wanted = true;
      await held;
    },
  };
}
