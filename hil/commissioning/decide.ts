/** Questions about the whole bench: its feeder, what else stands on it, how long it runs, where it is written. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadFeeder } from '@fieldbid/dso/feeder/load-feeder';
import { DEFAULT_SCENARIO } from '../bench/options.ts';
import { loadScenario } from '../scenario/load.ts';
import { isPhysical } from '../scenario/schema.ts';
import { type Asker, oneOf, wholeNumber } from './asker.ts';
import type { Found } from './find-devices.ts';
import { notFoundText } from './findings-text.ts';
import type { NotFound } from './found-device.ts';
import type { InitOptions } from './init-options.ts';
import type { BenchPlan, PlacedDevice } from './scenario-files.ts';
import { isPlaced, requireSome, settle } from './settle.ts';
import { checkPlace } from './staging.ts';

const FEEDERS = fileURLToPath(new URL('../../feeders/', import.meta.url));
export const DEFAULTS = { feeder: 'ieee13', intervals: '4', interval_min: '15', out: 'my-bench' };
const MINUTE_MS = 60_000;

/** @returns the file of the feeder that is wanted. @throws InputError for one that is none. */
export function feederOf(asker: Asker, { feeder }: InitOptions): Promise<string> {
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

/** @returns what is to be written, every question answered. @throws InputError for an answer that does not fit. */
export async function decide(
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
  const left: NotFound[] = [];
  for (const device of found.devices) {
    const taken = new Set(placed.map(({ derId }) => derId));
    const one = await settle(device, { options, asker, ders, taken, deraId, interval_min });
    if (isPlaced(one)) placed.push(one);
    else left.push(one);
  }
  if (left.length > 0) {
    console.log(`\nLEFT OUT\n${notFoundText(left)}`);
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
  const physical = placed.some(({ found: { device } }) => isPhysical({ device }));
  const clock = await asker.ask({
    ...{ text: 'Clock: realtime or fast', option: '--clock', given: options.clock },
    assumed: physical ? 'realtime' : 'fast',
    read: (text) => {
      if (physical && text === 'fast') throw new RangeError('realtime: hardware takes real time to obey');
      return oneOf<BenchPlan['clock']>(['realtime', 'fast'])(text);
    },
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
