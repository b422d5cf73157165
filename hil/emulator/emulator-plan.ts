/** What a run will write to physical grid emulators, known before anything is written: each is read, and planned for. */
import { messageOf } from '@fieldbid/core/errors';
import { accessBeside } from '../bench/opcua-lab.ts';
import { type LoadedScenario, scenarioFeeder } from '../scenario/load.ts';
import { channelsOf, mappingFileOf } from './check.ts';
import { rangeOf } from './limits.ts';
import { openEmulator } from './open-emulator.ts';
import type { EmulatorSection } from './section.ts';

export interface EmulatorPlan {
  readonly section: EmulatorSection;
  /** Maker, model and serial, as far as it says. */
  readonly who: string;
  /** Between two power flows, s of market time. */
  readonly every_s: number;
  readonly planned:
    | {
        /** Lowest and highest setpoint, and the largest change of one write, V phase to neutral. */
        readonly least_V: number;
        readonly most_V: number;
        readonly step_V: number;
        /** What is written for each, a line for each register or node. */
        readonly atLeast: readonly string[];
        readonly atMost: readonly string[];
        /** It falls back by itself, s; null: never. */
        readonly watchdog_s: number | null;
      }
    | { readonly unreachable: string };
}

/** For every physical emulator of the scenario, in its order. Nothing is written. @throws InputError. */
export async function emulatorPlans(loaded: LoadedScenario): Promise<EmulatorPlan[]> {
  const physical = (loaded.scenario.emulators ?? []).filter(({ device }) => device !== 'simulated');
  const plans: EmulatorPlan[] = [];
  for (const section of physical) plans.push(await planOf(loaded, section));
  return plans;
}

async function planOf(loaded: LoadedScenario, section: EmulatorSection): Promise<EmulatorPlan> {
  const { file, scenario } = loaded;
  const { device: endpoint, der, limits, name, nominal_V, opcua } = section;
  const phases = scenarioFeeder(loaded).der(der)?.phases.length ?? 0;
  const followed = channelsOf(section, phases);
  const every_s = scenario.powerFlow.step_s;
  const emulator = openEmulator({
    ...{ endpoint, mappingFile: mappingFileOf(section, file), now: Date.now },
    ...(opcua === undefined ? {} : { opcua: accessBeside(file, opcua) }),
    source: { file, path: `/emulators/${name}/device` },
  });
  try {
    const { manufacturer, model, serial, channels, resolution_V, watchdog_s } = await emulator.identity();
    const range = rangeOf(limits, nominal_V, resolution_V);
    const at = (volts: number): readonly string[] =>
      emulator.planned(Array.from({ length: channels }, (_, i) => (followed.includes(i) ? volts : null)));
    const { least_V, most_V, step_V } = range;
    const who =
      [manufacturer, model, serial].filter((one) => one !== null).join(' ') || 'says not what it is';
    const planned = { least_V, most_V, step_V, watchdog_s, atLeast: at(least_V), atMost: at(most_V) };
    return { section, who, every_s, planned };
  } catch (error) {
    return { section, who: 'does not answer', every_s, planned: { unreachable: messageOf(error) } };
  } finally {
    await emulator.close();
  }
}

export function isReachable({ planned }: EmulatorPlan): boolean {
  return !('unreachable' in planned);
}
