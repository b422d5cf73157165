/** The files of a bench: a scenario that a person would like to edit, a feeder with the devices' own ratings, copies. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { besideFile } from '@fieldbid/core/config';
import { parse } from '@fieldbid/core/schema';
import { FeederFile } from '@fieldbid/dso/feeder/load-feeder';
import type { Static } from 'typebox';
import { Document, isMap, isSeq, parseDocument } from 'yaml';
import type { LoadedScenario } from '../scenario/load.ts';
import { DUMP } from '../scenario/schema.ts';
import { type FoundDevice, whoIs } from './found-device.ts';
import type { OwnFile } from './own-profile.ts';

/** A device at its DER, as its owner wants it. */
export interface PlacedDevice {
  readonly found: FoundDevice;
  readonly derId: string;
  /** Name or file of the family's profile; of an OPC UA device its mapping file. */
  readonly profile: string;
  /** A copy with the owner's decisions, where there is one. */
  readonly own: OwnFile | undefined;
  readonly riskFactor_pct: number;
  readonly deraId: string;
}

export interface BenchPlan {
  readonly name: string;
  /** Folder that it is written to in the end, as it was named. */
  readonly out: string;
  readonly placed: readonly PlacedDevice[];
  /** The DERs of the feeder beside them. */
  readonly others: 'simulated' | 'none';
  /** feeder.yaml that this one is made from. */
  readonly feederFile: string;
  readonly start: string;
  readonly intervals: number;
  readonly interval_min: number;
  readonly clock: 'realtime' | 'fast';
  /** The market around it. */
  readonly base: LoadedScenario;
}

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
/** FERC Order 2222 lets an aggregator offer from 100 kW on; a bench of a few inverters has less. */
const MINIMUM_OFFER_W = 100_000;

/** Writes all of them into a folder that exists, beside the place where it will be in the end. */
export function writeBenchFiles(plan: BenchPlan, folder: string): void {
  const home = resolve(plan.out);
  const near = (file: string): string => {
    const path = relative(home, file);
    return home.startsWith(resolve(REPOSITORY)) ? path : resolve(file);
  };
  const { ders, text } = feederText(plan, near);
  writeFileSync(join(folder, 'feeder.yaml'), text);
  for (const { own } of plan.placed) if (own !== undefined) writeFileSync(join(folder, own.name), own.text);
  for (const { found } of plan.placed) {
    if (found.device.startsWith(DUMP)) copyFileSync(dumpFile(found), join(folder, basename(dumpFile(found))));
  }
  writeFileSync(join(folder, 'scenario.yaml'), scenarioText(plan, near, ders));
}

function dumpFile({ device }: FoundDevice): string {
  return device.slice(DUMP.length);
}

type BenchDer = Static<typeof FeederFile>['ders'][number];

/** The base feeder's own text, with its comments: other files, other nameplates. */
function feederText(
  { name, feederFile, placed, others }: BenchPlan,
  near: (file: string) => string,
): { text: string; ders: readonly BenchDer[] } {
  const document = parseDocument(readFileSync(feederFile, 'utf8'));
  const base = parse(FeederFile, document.toJS(), feederFile);
  for (const key of ['model', 'loadPatterns', 'clearSky'] as const) {
    document.set(key, near(besideFile(feederFile, base[key])));
  }
  document.set('id', `${base.id}-${name}`.slice(0, 64));
  const owners = new Map(placed.map((one) => [one.derId, one.found]));
  const ders = base.ders
    .filter(({ derId }) => others === 'simulated' || owners.has(derId))
    .map((der) => {
      const found = owners.get(der.derId);
      if (found === undefined) return der;
      const nameplate_W = Math.floor(found.reading.rating_W ?? der.nameplate_W);
      const { resource: _, ...rest } = der;
      return {
        ...rest,
        nameplate_W,
        ...(found.reading.storage == null ? {} : { resource: 'storage' as const }),
      };
    });
  const list = document.createNode(ders);
  if (isSeq(list)) {
    for (const [i, item] of list.items.entries()) {
      if (!isMap(item)) continue;
      item.flow = true;
      const found = owners.get(ders[i]?.derId ?? '');
      if (found !== undefined) item.commentBefore = ` The device's own rating: ${whoIs(found.identity)}.`;
    }
  }
  document.set('ders', list);
  document.commentBefore = ` The feeder of ${near(feederFile)}, with the nameplates of the devices that stand at it.`;
  const [first] = isMap(document.contents) ? document.contents.items : [];
  if (first !== undefined && typeof first.key === 'object' && first.key !== null) {
    Object.assign(first.key, { commentBefore: undefined });
  }
  return {
    text: document.toString({ lineWidth: 0, flowCollectionPadding: true }),
    ders,
  };
}

function scenarioText(
  plan: BenchPlan,
  near: (file: string) => string,
  benchDers: readonly BenchDer[],
): string {
  const { name, base, start, intervals, interval_min, clock, placed } = plan;
  const { market, settlement, deviations, seed } = base.scenario;
  const deras = [...new Set([base.scenario.deraId, ...placed.map(({ deraId }) => deraId)])];
  const total_W = benchDers.reduce((sum, { nameplate_W }) => sum + nameplate_W, 0);
  const minimum_W = Math.min(
    market.minimumOffer_W,
    total_W > 2 * MINIMUM_OFFER_W ? market.minimumOffer_W : 0,
  );
  const small = minimum_W < market.minimumOffer_W ? '  # smaller than 100 kW: so is this bench' : '';
  const owned = new Map(placed.map((one) => [one.derId, one]));
  const ders = benchDers.map(({ derId, resource }) => {
    const one = owned.get(derId);
    if (one !== undefined) return placedText(one, base.scenario.deraId);
    const usual = base.scenario.ders.find((der) => der.derId === derId)?.riskFactor_pct ?? 0;
    const battery = resource === 'storage' ? { twin: 'generic-storage', profile: 'generic-storage' } : {};
    return `  - ${flow({ derId, riskFactor_pct: usual, ...battery })}`;
  });
  return `# A bench of its own, written by \`fieldbid bench init\`. It is yours to edit: every key is checked when it runs
# (npx fieldbid schema scenario lists them all). What a run writes to the devices: writes.md.
# Run it:  npx fieldbid run --scenario ${join(plan.out, 'scenario.yaml')}
name: ${scalar(name)}
seed: ${seed}
feederFile: feeder.yaml
deraId: ${base.scenario.deraId}
priceForecastFile: ${scalar(near(base.priceForecastFile))}

calendar:
  # First interval in market time: its prices, loads and sun are of that day. By the wall clock the run begins at once,
  # ${calendarTimes(interval_min).bid_min + 1} minutes of market time before, whatever the hour is outside.
  start: ${start}
  intervals: ${intervals}
  interval_min: ${interval_min}
${Object.entries(calendarTimes(interval_min))
  .map(([key, value]) => `  ${key}: ${value}`)
  .join('\n')}

# realtime: one market second is one second. fast: as fast as the work allows, for simulated devices alone.
clock: { source: ${clock} }

# Each device is read so often, market seconds.
agents: { cycle_s: ${clock === 'realtime' ? 10 : 60} }

market:
  participants: [${deras.join(', ')}]
  convention: ${market.convention}
  maxSegments: ${market.maxSegments}
  minimumOffer_W: ${minimum_W}${small}
  supplyFile: ${scalar(near(base.supplyFile))}
  demandFile: ${scalar(near(base.demandFile))}
  demandDeviation_pct: ${market.demandDeviation_pct}

settlement: ${flow(settlement)}

# How the simulated part of the day differs from its forecast.
deviations: ${flow(deviations)}

# riskFactor_pct: RF of eq. 1, what the owner adds to the forecast price. \`device: simulated\` takes a device out of the
# bench and leaves its DER in.
ders:
${ders.join('\n')}
`;
}

/** Minutes before an interval starts; a short interval leaves less time for its round. */
export function calendarTimes(interval_min: number) {
  return interval_min >= 10
    ? { bid_min: 10, gateClosure_min: 8, clearing_min: 5, award_min: 4 }
    : { bid_min: 4, gateClosure_min: 3, clearing_min: 2, award_min: 1 };
}

function placedText(
  { found, derId, profile, own, riskFactor_pct, deraId }: PlacedDevice,
  usual: string,
): string {
  const { device, identity, reading, proposal, alsoAt, opcua } = found;
  const twice = alsoAt.length === 0 ? '' : ` It also answers at ${alsoAt.join(', ')}.`;
  const rating = `${Math.round(reading.rating_W ?? 0)} W, ${reading.voltages_V.length} phases`;
  const profileKey =
    opcua === undefined
      ? [`    profile: ${own?.name ?? profile}`]
      : [`    mapping: ${own?.name ?? profile}`, `    opcua: ${flow(opcua)}`];
  const at = device.startsWith(DUMP) ? `${DUMP}${basename(dumpFile(found))}` : device;
  return [
    `  # ${whoIs(identity)}: ${rating}. Profile: ${proposal.reason}.${twice}`,
    `  - derId: ${derId}`,
    `    device: ${scalar(at)}`,
    ...profileKey,
    `    riskFactor_pct: ${riskFactor_pct}`,
    ...(deraId === usual ? [] : [`    deraId: ${deraId}`]),
  ].join('\n');
}

function flow(value: object): string {
  const document = new Document(value);
  if (isMap(document.contents)) document.contents.flow = true;
  return document.toString({ lineWidth: 0 }).trimEnd();
}

function scalar(text: string): string {
  return new Document(text).toString({ lineWidth: 0 }).trimEnd();
}
