/**
 * `fieldbid bench init`: asks where devices are, looks, proposes, and leaves a scenario that runs, with what a run will
 * write to hardware. The wizard itself writes nothing to any device.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from '@fieldbid/core/cli/command';
import { loadFeeder } from '@fieldbid/dso/feeder/load-feeder';
import { DEFAULT_SCENARIO } from '../bench/options.ts';
import { type LoadedScenario, loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { isPhysical } from '../scenario/schema.ts';
import { placesAt } from './addresses.ts';
import { Asker, INTERRUPTED, oneOf, wholeNumber } from './asker.ts';
import { checkKeys } from './choices.ts';
import { labelled } from './columns.ts';
import { type Found, findDevices } from './find-devices.ts';
import { foundText, withoutSilence } from './findings-text.ts';
import { shortAddress, whoIs } from './found-device.ts';
import { hardwarePlans } from './hardware-plan.ts';
import { HELP, type InitOptions, initOptions } from './init-options.ts';
import { misfit, placesFor } from './placement.ts';
import { planMarkdown, planText } from './plan-text.ts';
import { type BenchPlan, type PlacedDevice, writeBenchFiles } from './scenario-files.ts';
import { isPlaced, requireSome, settle } from './settle.ts';
import { checkPlace, type Staging, stage } from './staging.ts';

const FEEDERS = fileURLToPath(new URL('../../feeders/', import.meta.url));
const DEFAULTS = { feeder: 'ieee13', intervals: '4', interval_min: '15', out: 'my-bench' };
const MINUTE_MS = 60_000;

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

function feederOf(asker: Asker, { feeder }: InitOptions): Promise<string> {
  const names = readdirSync(FEEDERS).filter((name) => existsSync(join(FEEDERS, name, 'feeder.yaml')));
  return asker.ask({
    ...{ text: `Feeder (${names.join(', ')}, or a feeder.yaml)`, option: '--feeder', given: feeder },
    assumed: DEFAULTS.feeder,
    read: (text) => {
      const file = names.includes(text) ? join(FEEDERS, text, 'feeder.yaml') : resolve(text);
      if (!names.includes(text) && !existsSync(file)) {
        throw new RangeError(`one of ${names.join(', ')}, or the path of a feeder.yaml`);
      }
      if (loadFeeder(file).ders.length === 0) throw new RangeError('a feeder that has DERs');
      return file;
    },
  });
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

async function decide(
  found: Found,
  {
    options,
    asker,
    feederFile,
    interval_min,
  }: { options: InitOptions; asker: Asker; feederFile: string; interval_min: number },
): Promise<BenchPlan> {
  const base = loadScenario(DEFAULT_SCENARIO);
  const { ders } = loadFeeder(feederFile);
  const deraId = options.dera ?? base.scenario.deraId;
  const placed: PlacedDevice[] = [];
  const left = [];
  for (const device of found.devices) {
    const taken = new Set(placed.map(({ derId }) => derId));
    const one = await settle(device, { options, asker, ders, taken, deraId, interval_min });
    if (isPlaced(one)) placed.push(one);
    else left.push(one);
  }
  if (left.length > 0) {
    console.log('\nLEFT OUT');
    for (const { address, why, todo } of left) {
      console.log(`${address}\n${labelled('', why, '   ', 0)}\n${labelled('→', todo, '   ', 2)}`);
    }
  }
  requireSome(placed, left);
  if (asker.interactive) console.log('');
  const { others: given, intervals: count, start: from } = options;
  const others = await asker.ask({
    ...{
      text: 'The other DERs of the feeder: simulated or none',
      option: '--others',
      given,
      assumed: 'simulated',
    },
    read: oneOf<BenchPlan['others']>(['simulated', 'none']),
  });
  const intervals = await asker.ask({
    ...{ text: `Intervals of ${interval_min} minutes`, option: '--intervals', given: count },
    ...{ assumed: DEFAULTS.intervals, read: wholeNumber(1, 96) },
  });
  const day = base.scenario.calendar.start.slice(0, 10);
  const start = await asker.ask({
    ...{ text: `First interval, market time (${day}), or now`, option: '--start', given: from },
    ...{ assumed: `${day}T12:00Z`, read: startOn(day, intervals * interval_min) },
  });
  const clock = await asker.ask({
    ...{ text: 'Clock: realtime or fast', option: '--clock', given: options.clock },
    assumed: placed.some(({ found: { device } }) => isPhysical({ device })) ? 'realtime' : 'fast',
    read: oneOf<BenchPlan['clock']>(['realtime', 'fast']),
  });
  const out = await asker.ask({
    ...{ text: 'Folder for the scenario', option: '--out', given: options.out, assumed: DEFAULTS.out },
    read: (text) => {
      checkPlace(text, options.force === true);
      return text;
    },
  });
  const name = basename(resolve(out))
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 40);
  return { ...{ name, out, placed, others, feederFile, start, intervals, interval_min, clock, base } };
}

/** Reads the first interval's start: the market's tables hold one day, and all intervals must lie in it. */
function startOn(day: string, minutes: number): (text: string) => string {
  return (text) => {
    const now = new Date();
    const hour = String(now.getHours()).padStart(2, '0');
    const asked =
      text === 'now'
        ? `${day}T${hour}:${String(15 * Math.floor(now.getMinutes() / 15)).padStart(2, '0')}Z`
        : text;
    const from_ms = Date.parse(asked.replace(/Z$/, ':00Z'));
    const first_ms = Date.parse(`${day}T00:00:00Z`);
    const last_ms = first_ms + 1440 * MINUTE_MS;
    if (
      /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z$/.test(asked) &&
      from_ms >= first_ms &&
      from_ms + minutes * MINUTE_MS <= last_ms
    ) {
      return asked;
    }
    throw new RangeError(
      `a minute such as ${day}T12:00Z, with all ${minutes} minutes on that day: the market's tables hold no other`,
    );
  };
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
