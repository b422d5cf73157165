/**
 * Who is in the federation of a run, and which values go between them: a federate for each DER, one for the
 * DERAs, the ISO and the grid. A third party finds power and voltages by these keys.
 */
import type { FederateSpec } from './federate.ts';

export const GRID = 'grid';
export const ISO = 'iso';
/** Aggregators, bids and settlement. */
export const DERA = 'dera';
/** Federates that are not DERs. */
export const MARKET_FEDERATES = 3;

export const derFederate = (derId: string): string => `der/${derId}`;
/** Names of all federates of a run. */
export const federatesOf = (ders: readonly { readonly derId: string }[]): string[] => [
  ...[GRID, DERA, ISO],
  ...ders.map(({ derId }) => derFederate(derId)),
];
export const powerKey = (derId: string): string => `der/${derId}/power_W`;
export const availableKey = (derId: string): string => `der/${derId}/available_W`;
/** @param node `node.phase`, or `node.phases` between two lines. */
export const voltageKey = (node: string): string => `grid/${node}/voltage_pu`;

/** Market time of the voltages beside it, epoch seconds: for those who do not know when the run began. */
export const MARKET_TIME_KEY = 'grid/market_time_s';

/** Port of the next broker, at the host of this one, before the federation goes over to it (renewal.ts); 0: it does not. */
export const NEXT_BROKER_KEY = 'grid/next_broker_port';

/** @param connection where the DER is connected: `node.phase` of each of its phases. */
export function derSpec(derId: string, connection: readonly string[]): FederateSpec {
  return {
    name: derFederate(derId),
    publications: { [powerKey(derId)]: 'W', [availableKey(derId)]: 'W' },
    inputs: [...new Set(connection)].map(voltageKey),
  };
}

/** @param nodes every `node.phase` of the feeder. */
export function marketSpecs(derIds: readonly string[], nodes: readonly string[]): FederateSpec[] {
  return [
    {
      name: GRID,
      publications: {
        [MARKET_TIME_KEY]: 's',
        [NEXT_BROKER_KEY]: '',
        ...Object.fromEntries(nodes.map((node) => [voltageKey(node), 'pu'])),
      },
      inputs: derIds.flatMap((derId) => [powerKey(derId), availableKey(derId)]),
    },
    { name: DERA },
    { name: ISO },
  ];
}

/** The federate that a participant of the clock, or a client of the bus, belongs to, by its name. */
export function federateOf(name: string, derIds: readonly string[], deraIds: readonly string[]): string {
  if (name === 'iso') return ISO;
  if (deraIds.some((deraId) => name === deraId || name.startsWith(`${deraId}/`))) return DERA;
  // `agent of <derId>`, `agent-<derId>`, `agent-<derId>/…`
  const agent = /^agent( of |-)([^/]+)/.exec(name)?.[2];
  return agent !== undefined && derIds.includes(agent) ? derFederate(agent) : GRID;
}
