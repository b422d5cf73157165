/** A lab of any size that says on a bus what a real one says: for tests of the page and for figures of it. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { intervalFrom, MINUTE_MS } from '@fieldbid/core/interval';
import type { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type { AgentState, Clearing, CommandVerdict, Measurement } from '@fieldbid/core/market/messages';

export const START_MS = Date.parse('2026-06-21T12:00:00Z');
export const derName = (i: number): string => `pv-${String(i).padStart(4, '0')}`;

/** `ders` PV systems on as many buses, at most 40. */
export function smallLab(ders: number): LabDescription {
  const buses = Math.min(40, ders);
  const bus = (i: number): string => `bus-${i % buses}`;
  const drawn = Array.from(
    { length: buses },
    (_, i) =>
      `<g class="bus" data-bus="${bus(i)}"><circle class="v" cx="${20 + (i % 20) * 40}" cy="${30 + Math.floor(i / 20) * 50}" r="5"/></g>`,
  );
  return {
    ...{ scenario: 'small-lab', feederId: 'small', deraIds: ['dera-1'], clock: 'of a test', ledger: 'none' },
    calendar: {
      ...{ start: '2026-06-21T12:00Z', intervals: 4, interval_min: 15 },
      ...{ bid_min: 10, gateClosure_min: 8, clearing_min: 5, award_min: 4 },
    },
    limits_pu: [0.95, 1.05],
    nodes: Array.from({ length: buses * 3 }, (_, i) => `${bus(Math.floor(i / 3))}.${'ABC'[i % 3]}`),
    ders: Array.from({ length: ders }, (_, i) => ({
      ...{ derId: derName(i), deraId: 'dera-1', node: bus(i), phases: 'ABC', nameplate_W: 10_000 },
      device: 'simulated',
    })),
    // What a page must not run, and must not show.
    oneLine_svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 130" onload="document.title='run'"><script>document.title='run'</script>${drawn.join('')}</svg>`,
  };
}

/** The feeder at a minute: every node at `pu`, but the first one at `first_pu`. */
export function gridAt(lab: LabDescription, minute: number, pu: number, first_pu = pu): GridState {
  return {
    at_ms: START_MS + minute * MINUTE_MS,
    voltages_upu: lab.nodes.map((_, i) => Math.round((i === 0 ? first_pu : pu) * 1e6)),
    power_W: lab.ders.map((_, i) => 5000 + ((i + minute) % 50)),
    available_W: lab.ders.map(() => 8000),
  };
}

export function measurementOf(derId: string, minute: number, power_W: number): Measurement {
  return {
    ...{ derId, readAt_ms: START_MS + minute * MINUTE_MS, power_W, available_W: 8000, limit_pct: 60 },
    ...{ voltages_V: [230], energy_Wh: null },
  };
}

export function verdictOf(derId: string, verdict: CommandVerdict['verdict'], minute: number): CommandVerdict {
  return {
    ...{ derId, verdict, intervalId: '2026-06-21T12:00Z', correlationId: 'c', reason: `was ${verdict}` },
    ...{ allocation_W: 6000, commanded_pct: 60, readBack_pct: 60, measured_W: 6000, binding: true },
    ...{ decidedAt_ms: START_MS + minute * MINUTE_MS, write_ms: 3 },
  };
}

export function clearingOf(intervalId: string, price_USD: number): Clearing {
  const price = Math.round(price_USD * 1e6);
  return {
    ...{
      intervalId,
      price_uUSD_per_MWh: price,
      cleared_W: 2_000_000,
      convention: 'midpoint',
      outcome: 'CLEARED',
    },
    supply: [
      { party: 'thermal', price_uUSD_per_MWh: price - 5e6, quantity_W: 1_500_000 },
      { party: 'dera-1', price_uUSD_per_MWh: price, quantity_W: 800_000 },
    ],
    demand: [{ party: 'load', price_uUSD_per_MWh: price + 20e6, quantity_W: 2_000_000 }],
  };
}

export function agentOf(derId: string, alive: boolean): AgentState {
  return { agentId: `agent-${derId}`, alive, devices: [derId], since_ms: START_MS };
}

/** All that is said in the first minute of the first interval. */
export async function sayFirstMinute(bus: Bus, lab: LabDescription): Promise<void> {
  await bus.publish(topics.lab, lab, { retain: true });
  await bus.publish(topics.clearings, clearingOf(intervalFrom(START_MS, 15).id, 40));
  for (const { derId } of lab.ders) {
    await bus.publish(topics.agents(derId), agentOf(derId, true), { retain: true });
    await bus.publish(topics.measurements(derId), measurementOf(derId, 1, 5000));
    await bus.publish(topics.verdicts(derId), verdictOf(derId, 'verified', 1));
  }
  await bus.publish(topics.gridStates, gridAt(lab, 1, 1.01));
}
