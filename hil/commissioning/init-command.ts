/**
 * `fieldbid bench init`: asks where devices are, looks, proposes, and leaves a scenario that runs, with what a run will
 * write to hardware. The wizard itself writes nothing to any device.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@fieldbid/core/cli/command';
import { loadFeeder } from '@fieldbid/dso/feeder/load-feeder';
import { type LoadedScenario, loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { placesAt } from './addresses.ts';
import { Asker, INTERRUPTED, wholeNumber } from './asker.ts';
import { checkKeys } from './choices.ts';
import { DEFAULTS, decide, feederOf } from './decide.ts';
import { type Found, findDevices } from './find-devices.ts';
import { foundText, withoutSilence } from './findings-text.ts';
import { shortAddress, whoIs } from './found-device.ts';
import { hardwarePlans } from './hardware-plan.ts';
import { HELP, type InitOptions, initOptions } from './init-options.ts';
import { misfit, placesFor } from './placement.ts';
import { planMarkdown, planText } from './plan-text.ts';
import { type BenchPlan, writeBenchFiles } from './scenario-files.ts';
import { checkPlace, type Staging, stage } from './staging.ts';

export function registerInit(bench: Command): void {
  const init = bench
    .command('init')
    .description(
      'Commission a bench: look for devices at the addresses that you name, propose profiles and places on the feeder, ' +
        'write a scenario, and say what a run will write to hardware. Nothing is written to any device.',
    )
    .argument('[addresses...]', 'where devices may be (asked for without)');
  initOptions(init).addHelpText('after', HELP).action(initBench);
}

async function initBench(addresses: string[], options: InitOptions): Promise<void> {
  const quiet = options.yes === true || options.json === true;
  const interactive = !quiet && process.stdin.isTTY === true && process.stdout.isTTY === true;
  let staging: Staging | undefined;
  const interrupted = (): void => {
    staging?.discard();
    process.stderr.write('\n');
    process.exit(INTERRUPTED);
  };
  const asker = new Asker(interactive, interrupted);
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  try {
    if (options.out !== undefined) checkPlace(options.out, options.force === true);
    const feederFile = await feederOf(asker, options);
    const interval_min = await asker.ask({
      ...{
        text: 'Interval, minutes',
        option: '--interval-min',
        given: options.intervalMin ?? DEFAULTS.interval_min,
      },
      read: wholeNumber(3, 60),
    });
    const found = await look(addresses, options, asker, interval_min);
    checkKeys(found.devices, options.place, options.acceptNoDeadMan);
    if (options.json === true) {
      printJson(found, feederFile);
      return;
    }
    const plan = await decide(found, { options, asker, feederFile, interval_min });
    staging = stage(plan.out, options.force === true);
    await write(plan, staging, asker);
  } catch (error) {
    if (isInterruption(error)) {
      console.error('\nfieldbid: interrupted, nothing was written');
      process.exitCode = INTERRUPTED;
    } else throw error;
  } finally {
    staging?.discard();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    asker.close();
  }
}

function isInterruption(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'INTERRUPTED';
}

async function look(
  addresses: readonly string[],
  options: InitOptions,
  asker: Asker,
  interval_min: number,
): Promise<Found> {
  const places = await asker.ask({
    text: 'Where are the devices? Addresses with blanks between (--help shows which kinds)',
    option: 'ADDRESS',
    given: addresses.length === 0 ? undefined : addresses.join('\n'),
    read: (text) => placesAt(text.split(/\s+/)),
  });
  const { units, timeout, connectTimeout } = options;
  console.error(`Looking at ${places.length} ${places.length === 1 ? 'address' : 'addresses'}, reads only.`);
  const found = await findDevices(places, {
    ...{ units, interval_min, opcua: options, answer_ms: timeout, connect_ms: connectTimeout },
    onProgress: (done, of, at) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of}: ${at} …\x1b[K`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (options.json === true) return found;
  const { found: worth, silent } = withoutSilence(found);
  const text = foundText(worth);
  if (text !== '') console.log(`\n${text}`);
  if (silent > 0) console.log(`\n${silent} addresses without a connection.`);
  return found;
}

function printJson(found: Found, feederFile: string): void {
  const { ders } = loadFeeder(feederFile);
  const taken = new Set<string>();
  const devices = found.devices.map((device) => {
    const fitting = placesFor(device, ders, taken).map(({ derId }) => derId);
    const [proposed = null] = fitting;
    if (proposed !== null) taken.add(proposed);
    const { reading, ...rest } = device;
    const { raw: _, ...shown } = reading;
    const unfit = ders.flatMap((der) => misfit(device, der) ?? []);
    return { ...rest, reading: shown, place: { proposed, fitting, unfit } };
  });
  console.log(JSON.stringify({ devices, nothing: found.nothing }, null, 2));
  if (devices.length === 0) process.exitCode = 1;
}

async function write(plan: BenchPlan, staging: Staging, asker: Asker): Promise<void> {
  writeBenchFiles(plan, staging.folder);
  const loaded: LoadedScenario = loadScenario(join(staging.folder, 'scenario.yaml'));
  scenarioFeeder(loaded);
  const plans = await hardwarePlans(loaded);
  writeFileSync(join(staging.folder, 'writes.md'), planMarkdown(plan.name, plans));
  const devices = plan.placed.map(
    ({ derId, found }) => `${derId.padEnd(12)}  ${shortAddress(found.device)}, ${whoIs(found.identity)}`,
  );
  console.log(`\nTHE BENCH\n${devices.map((text) => `   ${text}`).join('\n')}`);
  const simulated = loaded.scenario.ders.length - devices.length;
  console.log(
    `   ${simulated === 0 ? 'no other DERs' : `${simulated} other DERs, simulated`}; ${timing(plan)}`,
  );
  console.log(`\nWHAT A RUN WILL WRITE TO HARDWARE (nothing has been written)\n${planText(plans)}\n`);
  if (!(await asker.confirm(`Write the scenario to ${plan.out}?`, true))) {
    console.log('Nothing was written.');
    process.exitCode = 1;
    return;
  }
  staging.keep();
  console.log(`Written to ${plan.out}: ${readdirSync(plan.out).sort().join(', ')}`);
  const prepares = plans.some(
    ({ announced }) =>
      announced.outcome === 'announced' &&
      announced.writes.some(({ occasion }) => occasion === 'preparation'),
  );
  console.log(`Next:${prepares ? '  prepare the settings in flash, as shown above; then' : ''}`);
  console.log(`  npx fieldbid run --scenario ${join(plan.out, 'scenario.yaml')}`);
}

function timing({ start, intervals, interval_min, clock }: BenchPlan): string {
  const span = `${intervals} intervals of ${interval_min} min from ${start}`;
  return clock === 'realtime' ? `${span} by the wall clock` : `${span}, as fast as it goes`;
}
