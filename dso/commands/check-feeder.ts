/** `fieldbid dso check-feeder`: what a feeder looks like before anybody trusts it. */
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Command } from '@fieldbid/core/cli/command';
import { codeOf, FieldbidError, InputError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import { bareFeeder, DEFAULT_LIMITS } from '../feeder/bare-feeder.ts';
import { type BaseCase, baseCase } from '../feeder/base-case.ts';
import { baseCaseText, headroomText, headText } from '../feeder/check-text.ts';
import { type DayCheck, dayCheck, dayCheckText } from '../feeder/day-check.ts';
import type { Feeder } from '../feeder/feeder.ts';
import { type Headroom, hostingHeadroom, withProbes } from '../feeder/hosting.ts';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { kindsIn } from '../feeder/one-line/kinds.ts';
import { oneLine } from '../feeder/one-line/svg.ts';
import { openPowerFlow } from '../feeder/open-feeder.ts';
import type { FeederDescription } from '../power-flow/power-flow.ts';

interface Options {
  readonly intervalMin: number;
  readonly lowPu?: number;
  readonly highPu?: number;
  readonly at: string;
  readonly svg?: string;
  readonly json?: boolean;
  /** False with `--no-…`. */
  readonly day: boolean;
  readonly hosting: boolean;
}

const HELP = `
What it tells:
  limits            voltage band, ratings of lines and transformers, export, and which voltages they hold for
  base case         one moment without any DER: extremes, what is outside, loadings, power from the substation
  day               every minute twice: without DER, and with every DER at clear-sky power (feeder.yaml only)
  hosting headroom  per bus: the largest single injection that keeps every limit. Buses cannot add theirs up

It ends with 1 when the feeder is outside its limits without DER: then no bid could be approved.

Examples:
  $ fieldbid dso check-feeder feeders/ieee13/feeder.yaml
  $ fieldbid dso check-feeder feeders/ieee123/ieee123.glm --high-pu 1.058
  $ fieldbid dso check-feeder feeders/ieee37/feeder.yaml --at 13:30 --svg ieee37.svg
  $ fieldbid dso check-feeder my-feeder.glm --json | jq '.hosting[0]'

A model that GridLAB-D cannot read is reported with file and line. How a feeder.yaml is made: CONTRIBUTING.md.`;

export function registerCheckFeeder(dso: Command): void {
  dso
    .command('check-feeder')
    .argument('<file>', 'feeder.yaml, or a GridLAB-D model (.glm) on its own')
    .description('Load a feeder, solve it, and say what it can carry.')
    .option('--interval-min <minutes>', 'length of a market interval', Number, 15)
    .option(
      '--low-pu <pu>',
      `lowest voltage allowed, of a .glm (${DEFAULT_LIMITS.low_pu} where not given)`,
      Number,
    )
    .option(
      '--high-pu <pu>',
      `highest voltage allowed, of a .glm (${DEFAULT_LIMITS.high_pu} where not given)`,
      Number,
    )
    .option('--at <HH:MM>', 'whose loads the base case and the headroom take, UTC', '12:00')
    .option('--svg <file>', 'write a one-line diagram')
    .option('--json', 'everything for machines, on standard output')
    .option('--no-day', 'leave the day out')
    .option('--no-hosting', 'leave the hosting headroom out')
    .addHelpText('after', HELP)
    .action(checkFeeder);
}

interface Found {
  readonly description: FeederDescription;
  readonly base: BaseCase;
  readonly day?: DayCheck;
  /** Null when the base case breaks a limit by itself. */
  readonly hosting?: readonly Headroom[] | null;
}

async function checkFeeder(file: string, options: Options): Promise<void> {
  const minute = minuteOf(options.at);
  const feeder = openFile(file, options);
  const found = await look(feeder, minute, options);
  const { description, base, day, hosting } = found;
  if (options.svg !== undefined) {
    const headroom_kW = new Map((hosting ?? []).map(({ bus, headroom_kW }) => [bus, headroom_kW]));
    write(options.svg, oneLine({ feeder, description, base, kinds: kindsIn(feeder), headroom_kW }));
  }
  const feasible = base.feasible && (day?.feasibleWithoutDer ?? true);
  if (options.json === true) {
    const { id, data, sha256 } = feeder;
    const { limits, voltages, ratings, margin_pu } = data;
    const told = { id, sha256, limits, margin_pu, voltages, ratings: Object.fromEntries(ratings) };
    console.log(JSON.stringify({ feasible, feeder: told, ...found }, null, 2));
  } else {
    const parts = [
      headText(feeder, description),
      baseCaseText(feeder, base),
      ...(day === undefined ? [] : [dayCheckText(day)]),
      ...(hosting === undefined ? [] : [headroomText(hosting ?? undefined)]),
      ...(options.svg === undefined ? [] : [`one-line diagram: ${options.svg}`]),
      feasible
        ? 'The feeder is feasible without DER.'
        : 'NOT feasible without DER: the DSO would answer INFEASIBLE_AT_ZERO or INFEASIBLE_UNDERVOLTAGE.',
    ];
    console.log(parts.join('\n\n'));
  }
  if (!feasible) process.exitCode = 1;
}

function openFile(file: string, { lowPu, highPu }: Options): Feeder {
  if (extname(file).toLowerCase() === '.glm') {
    return bareFeeder(file, {
      low_pu: limit('--low-pu', lowPu, 0.5, 1, DEFAULT_LIMITS.low_pu),
      high_pu: limit('--high-pu', highPu, 1, 1.5, DEFAULT_LIMITS.high_pu),
    });
  }
  const given = lowPu === undefined ? (highPu === undefined ? undefined : '--high-pu') : '--low-pu';
  if (given !== undefined) {
    const expected = `no ${given}: the limits stand in ${file}`;
    throw new InputError({ source: given, path: '', found: 'a limit for a feeder.yaml', expected });
  }
  return loadFeeder(file);
}

async function look(feeder: Feeder, minute: number, options: Options): Promise<Found> {
  const powerFlow = await openPowerFlow(feeder, silentLogger());
  try {
    const { description } = powerFlow;
    const base = await baseCase(feeder, powerFlow, minute);
    if ('failure' in base) {
      throw new FieldbidError(
        'FEEDER_REJECTED',
        `${feeder.data.file}: no solution without DER: ${base.failure}`,
      );
    }
    const bare = feeder.data.loads.size === 0 && feeder.ders.length === 0;
    const day = bare || !options.day ? undefined : await dayCheck(feeder, powerFlow, options.intervalMin);
    const hosting = options.hosting ? ((await headroom(feeder, description, minute)) ?? null) : undefined;
    return {
      description,
      base,
      ...(day === undefined ? {} : { day }),
      ...(hosting === undefined ? {} : { hosting }),
    };
  } finally {
    await powerFlow.close();
  }
}

async function headroom(feeder: Feeder, description: FeederDescription, minute: number) {
  const probed = withProbes(feeder, description, kindsIn(feeder));
  const powerFlow = await openPowerFlow(probed, silentLogger(), true);
  try {
    return await hostingHeadroom(probed, powerFlow, minute);
  } finally {
    await powerFlow.close();
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const found = `no file that can be written (${codeOf(error)})`;
    throw new InputError({ source: '--svg', path: '', found, expected: 'a file in an existing folder' });
  }
}

function limit(
  flag: string,
  given: number | undefined,
  least: number,
  most: number,
  otherwise: number,
): number {
  if (given === undefined) return otherwise;
  if (given >= least && given <= most) return given;
  throw new InputError({
    source: flag,
    path: '',
    found: String(given),
    expected: `a number ${least} … ${most}, pu`,
  });
}

function minuteOf(text: string): number {
  const [, hours = '', minutes = ''] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === '') {
    throw new InputError({ source: '--at', path: '', found: text, expected: 'a time of day such as 13:30' });
  }
  return Number(hours) * 60 + Number(minutes);
}
