/** `fieldbid edge plan`, `limit`, `release`, `prepare`: what a command writes, and writing it by hand. */
import { type Command as CliCommand, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { InputError } from '@fieldbid/core/errors';
import type { CommandVerdict } from '@fieldbid/core/market/messages';
import { verdictRules } from '../agent/device-setup.ts';
import { type Command, decide, newCommand, type VerdictRules } from '../agent/verdict.ts';
import type { DerReading, DeviceRefused } from '../device/der-device.ts';
import type { PointWrite } from '../drivers/registers/control.ts';
import type { RegisterDevice } from '../drivers/registers/register-device.ts';
import { runsOf } from '../drivers/registers/writer.ts';
import { type TargetOptions, table, targetOptions, watts, whole, withDevice } from './target.ts';

/** A reading or two after a device must have followed. */
const SLACK_S = 15;

interface LimitOptions extends TargetOptions {
  watts?: number;
  percent?: number;
  revert: number;
  wait?: number;
}

export function registerLimit(edge: CliCommand): void {
  limitOptions(
    edge
      .command('plan')
      .description('Dry run: print the exact registers that a limit would write. Nothing is written.'),
  )
    .addHelpText('after', "\nExample:\n  $ npx fieldbid edge plan 'tcp://192.0.2.10:502?unit=1' --watts 2000")
    .action(planLimit);
  limitOptions(
    edge
      .command('limit')
      .description('Limit a device by hand, and watch by its measured power whether it obeys.'),
  )
    .option(
      '--wait <s>',
      'how long to watch; 0 only writes (default: until it must have settled)',
      whole(0, 600),
    )
    .addHelpText(
      'after',
      `
The device drops the limit by itself after --revert seconds, where it has a timer. The command ends with
verified (0), refused (1) or unproven (1): an echo in the register proves nothing.

Example:
  $ npx fieldbid edge limit 'tcp://192.0.2.10:502?unit=1' --percent 50 --revert 300`,
    )
    .action(limitDevice);
  targetOptions(edge.command('release').description('Lift the limit: the device runs by its own default.'))
    .addHelpText('after', "\nExample:\n  $ npx fieldbid edge release 'tcp://192.0.2.10:502?unit=1'")
    .action(releaseDevice);
  targetOptions(
    edge
      .command('prepare')
      .description('Write, once, the settings in flash that a profile needs before it can be controlled.'),
  )
    .option('--yes', 'write; without it the settings are only shown')
    .addHelpText(
      'after',
      "\nExample:\n  $ npx fieldbid edge prepare --profile solaredge 'tcp://192.0.2.10:1502?unit=1' --yes",
    )
    .action(prepareDevice);
}

function limitOptions(command: CliCommand): CliCommand {
  return targetOptions(command)
    .option('--watts <w>', 'at most this power, W', number(0, 1e9))
    .option('--percent <p>', 'or a share of the rating, percent', number(0, 100))
    .option(
      '--without-timer',
      'also where nothing but `release` would end the limit: stay until it is released',
    )
    .option(
      '--revert <s>',
      'seconds after which the device drops the limit by itself',
      whole(1, 86_400),
      600,
    );
}

async function planLimit(endpoint: string, options: LimitOptions): Promise<void> {
  await withDevice(endpoint, options, async (device) => {
    const reading = await device.read();
    const plan = await device.planned({ limit_W: limitFrom(options, reading), revert_s: options.revert });
    if (options.json === true) {
      console.log(
        JSON.stringify('outcome' in plan ? plan : { ...plan, requests: runsOf(plan.writes) }, null, 2),
      );
    } else if (!('outcome' in plan)) {
      console.log(
        `${plan.commanded_pct} % of ${watts(reading.rating_W)}${plan.raisedToFloor ? ", the profile's floor" : ''}:`,
      );
      console.log(writesText(plan.writes));
      console.log('Nothing was written.');
    }
    if ('outcome' in plan) refusalExit(plan, options);
  });
}

async function limitDevice(endpoint: string, options: LimitOptions): Promise<void> {
  await withDevice(endpoint, options, async (device, profile) => {
    const before = await device.read();
    const limit_W = limitFrom(options, before);
    const result = await device.applyLimit({ limit_W, revert_s: options.revert });
    if (result.outcome === 'refused') return refusalExit(result, options);
    const award = { derId: endpoint, intervalId: 'by hand', allocation_W: limit_W };
    const command = newCommand(award, 'by hand', Date.now(), before.power_W);
    Object.assign(command, { result, writtenAt_ms: Date.now() });
    const { verdict, reading } = await watched(
      device,
      command,
      verdictRules(profile, options.wait ?? profile.limit.settle_s + SLACK_S),
    );
    const ending = verdict ?? { verdict: 'written', reason: 'not watched (--wait 0)' };
    if (options.json === true) console.log(JSON.stringify({ result, ...ending, reading }, null, 2));
    else {
      const back = result.readBack;
      const echo = `${back?.pct} %, ${back?.enabled ? '' : 'not '}in force, revert timer ${back?.revert_s ?? 'none'}`;
      console.log(
        table([
          ['commanded', `${result.commanded_pct} %, ${Math.floor(limit_W)} W`],
          ['reads back', back === null ? 'not readable' : echo],
          ['delivers', reading === null ? 'not watched' : watts(reading.power_W)],
          ['verdict', `${ending.verdict}: ${ending.reason}`],
        ]),
      );
    }
    if (ending.verdict === 'refused' || ending.verdict === 'unproven') process.exitCode = 1;
  });
}

/** Reads once a second until the command can be judged, by the same rules as the agent. */
async function watched(
  device: RegisterDevice,
  command: Command,
  rules: VerdictRules,
): Promise<{ verdict: CommandVerdict | undefined; reading: DerReading | null }> {
  let reading: DerReading | null = null;
  let verdict: CommandVerdict | undefined;
  while (verdict === undefined && rules.deadline_ms > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    reading = await device.read();
    verdict = decide(command, reading, Date.now(), rules);
  }
  return { verdict, reading };
}

async function releaseDevice(endpoint: string, options: TargetOptions): Promise<void> {
  await withDevice(endpoint, options, async (device) => {
    const result = await device.release();
    if (result.outcome === 'refused') return refusalExit(result, options);
    if (options.json === true) console.log(JSON.stringify(result, null, 2));
    else
      console.log(
        result.readBack?.enabled === true ? 'Written, but the limit still reads as in force.' : 'Released.',
      );
    if (result.readBack?.enabled === true) process.exitCode = 1;
  });
}

async function prepareDevice(endpoint: string, options: TargetOptions & { yes?: boolean }): Promise<void> {
  await withDevice(endpoint, options, async (device: RegisterDevice) => {
    const writes = await device.preparation();
    if (writes.length === 0) {
      console.log('Nothing to prepare: every setting is as the profile needs it.');
      return;
    }
    console.log(writesText(writes));
    if (options.yes !== true) {
      console.log('Kept in flash. Nothing was written; add --yes to write it, once.');
      process.exitCode = 1;
      return;
    }
    const refused = await device.prepare();
    if (refused !== undefined) return refusalExit(refused, options);
    console.log('Written and read back.');
  });
}

function limitFrom({ watts: limit_W, percent }: LimitOptions, { rating_W }: DerReading): number {
  if (limit_W !== undefined && percent === undefined) return limit_W;
  if (percent !== undefined && limit_W === undefined && rating_W !== null) return (percent / 100) * rating_W;
  throw new InputError({
    source: 'command line',
    path: '',
    found:
      [limit_W === undefined ? '' : '--watts', percent === undefined ? '' : '--percent']
        .filter(Boolean)
        .join(' and ') || 'no limit',
    expected:
      rating_W === null ? '--watts: the device does not say its rating' : 'either --watts or --percent',
  });
}

function writesText(writes: readonly PointWrite[]): string {
  return table(
    writes.map(({ point, words, value }): [string, string] => [
      `  ${point.name}`,
      `register ${point.address}: ${words.join(' ')}  (${value})`,
    ]),
  );
}

function refusalExit(refusal: DeviceRefused, { json }: TargetOptions): void {
  if (json === true) console.log(JSON.stringify(refusal, null, 2));
  else console.error(`refused, ${refusal.code}: ${refusal.reason}`);
  process.exitCode = 1;
}

function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a number from ${least} to ${most}`);
  };
}
