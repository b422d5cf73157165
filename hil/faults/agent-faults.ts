/** Faults of the gateways that the agents run on: their power, and their clock. */
import { type Begun, type FaultSource, offerOf } from './source.ts';
import type { MachineClock } from './stepped-time.ts';

/** What can be done to a DER's agent. */
export interface FaultyAgents {
  readonly derIds: readonly string[];
  /** Resolves when everybody can know that it is gone. */
  cutPower(derId: string): Promise<void>;
  /** Resolves when it runs again, with what its disk has kept. */
  startAgain(derId: string): Promise<void>;
  clockOf(derId: string): MachineClock;
}

const STEP_S = 600;

export function agentFaults(agents: FaultyAgents): FaultSource {
  return {
    offers: () => [
      ...offerOf('agent-power-loss', agents.derIds),
      ...offerOf('agent-clock-step', agents.derIds),
    ],
    begin: async ({ fault, target = '', step_s = STEP_S }): Promise<Begun> => {
      if (fault === 'agent-power-loss') {
        await agents.cutPower(target);
        return {
          note: 'its agent is gone without a word, and comes back with what its disk has kept',
          end: () => agents.startAgain(target),
        };
      }
      const clock = agents.clockOf(target);
      clock.step_ms = step_s * 1000;
      return {
        note: `its clock is ${Math.abs(step_s)} s ${step_s < 0 ? 'behind' : 'ahead'}`,
        end: () => {
          clock.step_ms = 0;
        },
      };
    },
  };
}
