/** The feeder's end of what HELICS carries between inverters and feeder: DERs by their published power, voltages out. */
import type { PlantDevice, TerminalLink } from '../../bench/plant.ts';
import type { Federate } from '../federation/federate.ts';
import { availableKey, MARKET_TIME_KEY, powerKey, voltageKey } from '../federation/members.ts';

/** @param nodes every `node.phase` of the feeder, in the order of its voltages. */
export function feederLink(
  grid: Federate,
  derIds: readonly string[],
  nodes: readonly string[],
): TerminalLink {
  const keys = derIds.flatMap((derId) => [powerKey(derId), availableKey(derId)]);
  let voltages: readonly number[] = nodes.map(() => 1);
  return {
    devices: derIds.map(
      (derId): PlantDevice => ({
        derId,
        terminalPower_W: () => grid.input(powerKey(derId))?.value ?? 0,
        available_W: () => grid.input(availableKey(derId))?.value ?? 0,
        // Voltages of all nodes go out together.
        setVoltages_pu: () => {},
      }),
    ),
    gather: () => grid.gather(keys),
    spread: (solved_pu) => {
      // Where it could not be solved, the inverters keep their voltages; they wait for news all the same.
      voltages = solved_pu ?? voltages;
      return grid.publish({
        [MARKET_TIME_KEY]: grid.now() / 1000,
        ...Object.fromEntries(nodes.map((node, i) => [voltageKey(node), voltages[i] ?? 1])),
      });
    },
  };
}
