/** Command-line options that several commands share: which scenario, and what of it is changed. */
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from '@fieldbid/core/cli/command';
import { CLEARING_SAFETIES, type ClearingSafety } from '@fieldbid/dso/feasibility/clearing-outcomes';
import { POLICY_NAMES } from '@fieldbid/dso/feasibility/policies';
import type { Overrides } from '../scenario/load.ts';

export const DEFAULT_SCENARIO = fileURLToPath(
  new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url),
);

export interface ScenarioOptions {
  scenario: string;
  seed?: number;
  intervals?: number;
  start?: string;
  dayAhead: boolean;
  policy?: string;
  safety?: ClearingSafety;
}

export function scenarioOptions(command: Command): Command {
  return command
    .option('--scenario <file>', 'scenario to run (default: a clear day on the modified IEEE 13-bus feeder)')
    .option('--seed <n>', 'seed of weather, loads and demand; the same seed gives the same run', integer(0))
    .option('--intervals <n>', 'number of market intervals', integer(1))
    .option('--start <minute>', 'first interval, UTC, e.g. 2026-06-21T11:00Z')
    .option('--no-day-ahead', 'without the day-ahead market: real time alone, any start')
    .addOption(
      new Option(
        '--policy <name>',
        'who gives way where not everything fits (default: the scenario’s)',
      ).choices(POLICY_NAMES),
    )
    .addOption(
      new Option(
        '--safety <what>',
        'what the clearing may make of approved bids (default: the scenario’s, merit-order)',
      ).choices([...CLEARING_SAFETIES]),
    )
    .hook('preAction', (_, action) => {
      if (action.getOptionValue('scenario') === undefined)
        action.setOptionValue('scenario', DEFAULT_SCENARIO);
    });
}

export function overridesOf({
  seed,
  intervals,
  start,
  dayAhead,
  policy,
  safety,
}: ScenarioOptions): Overrides {
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(intervals === undefined ? {} : { intervals }),
    ...(start === undefined ? {} : { start }),
    ...(dayAhead ? {} : { dayAhead }),
    ...(policy === undefined ? {} : { policy }),
    ...(safety === undefined ? {} : { safety }),
  };
}

export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`expected a whole number >= ${least}`);
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a number > 0');
}
