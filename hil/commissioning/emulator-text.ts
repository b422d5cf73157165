/** The plan of what is written to grid emulators, for people. */
import type { EmulatorPlan } from '../emulator/emulator-plan.ts';
import { labelled } from './columns.ts';

export function emulatorText({ section, who, every_s, planned }: EmulatorPlan): string {
  const { name, device, der, enable, safe, nominal_V } = section;
  const head = `${name}  ${device}, feeds ${der}\n   ${who}`;
  if ('unreachable' in planned) {
    return `${head}\n${labelled('UNKNOWN', `what would be written: ${planned.unreachable}`)}`;
  }
  const { least_V, most_V, step_V, watchdog_s, atLeast, atMost } = planned;
  const volts = (value: number): string => `${value.toFixed(2)} V`;
  return [
    head,
    labelled(
      'setpoints',
      `${volts(least_V)} to ${volts(most_V)} phase to neutral, ${volts(nominal_V)} is 1 pu`,
    ),
    labelled('least', atLeast.join('; ')),
    labelled('most', atMost.join('; ')),
    labelled(
      'how often',
      `with each power flow, one in ${every_s} s of market time; a change of more than ${volts(step_V)} in steps of that`,
    ),
    labelled(
      'output',
      enable ? 'CLOSED at the beginning, at nominal voltage' : 'never closed by the run: a person does that',
    ),
    labelled(
      'silence',
      watchdog_s === null
        ? 'NOTHING brings it back when the program dies: it keeps its last voltage'
        : `it falls back by itself after ${watchdog_s} s without a sign of life`,
    ),
    labelled('at the end', safe === 'off' ? 'nominal voltage, then its output opened' : 'nominal voltage'),
  ].join('\n');
}
