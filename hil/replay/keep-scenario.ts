/**
 * What a run needs to be run again anywhere: its scenario as it was resolved, with every file that it names, each where
 * the others look for it.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { besideFile } from '@fieldbid/core/config';
import { feederFiles } from '@fieldbid/dso/feeder/load-feeder';
import { isProfileFile } from '@fieldbid/edge-agent/profiles/profile';
import { stringify } from 'yaml';
import type { LoadedScenario } from '../scenario/load.ts';
import { DUMP, type Scenario } from '../scenario/schema.ts';

const FOLDER = 'scenario';

/**
 * Copies are byte for byte; the scenario itself is written with its overrides. Certificates and passwords of physical
 * OPC UA devices are not copied.
 * @param folder of the run. @returns the scenario's file, relative to the run's folder.
 */
export function keepScenario(loaded: LoadedScenario, folder: string): string {
  const file = resolve(loaded.file);
  const files = filesOf(loaded).map((path) => resolve(path));
  const root = commonFolder([file, ...files]);
  const kept = (path: string): string => join(folder, FOLDER, relative(root, path));
  for (const path of files) {
    mkdirSync(dirname(kept(path)), { recursive: true });
    copyFileSync(path, kept(path));
  }
  mkdirSync(dirname(kept(file)), { recursive: true });
  writeFileSync(kept(file), stringify(relativeTo(dirname(file), loaded)));
  return relative(folder, kept(file));
}

function filesOf({ file, scenario, ...named }: LoadedScenario): string[] {
  const { feederFile, priceForecastFile, supplyFile, demandFile, baselineFile } = named;
  const own = scenario.ders.flatMap(({ device, mapping, profile }) => [
    ...(isProfileFile(profile) ? [besideFile(file, profile)] : []),
    ...(mapping === undefined ? [] : [besideFile(file, mapping)]),
    ...(device.startsWith(DUMP) ? [besideFile(file, device.slice(DUMP.length))] : []),
  ]);
  const emulators = scenario.emulators ?? [];
  own.push(...emulators.flatMap(({ mapping }) => (mapping === undefined ? [] : [besideFile(file, mapping)])));
  return [
    ...new Set([
      ...[...feederFiles(feederFile), priceForecastFile, supplyFile, demandFile],
      ...(baselineFile === undefined ? [] : [baselineFile]),
      ...own,
    ]),
  ];
}

/** The scenario as it ran, its files named relative to it. */
function relativeTo(folder: string, { file, scenario, ...named }: LoadedScenario): Scenario {
  const near = (path: string): string => relative(folder, resolve(path));
  const { baseline, ders, emulators, market } = scenario;
  return {
    ...scenario,
    feederFile: near(named.feederFile),
    priceForecastFile: near(named.priceForecastFile),
    market: { ...market, supplyFile: near(named.supplyFile), demandFile: near(named.demandFile) },
    ders: ders.map((der) => ({
      ...der,
      ...(isProfileFile(der.profile) ? { profile: near(besideFile(file, der.profile)) } : {}),
      ...(der.mapping === undefined ? {} : { mapping: near(besideFile(file, der.mapping)) }),
      ...(der.device.startsWith(DUMP)
        ? { device: `${DUMP}${near(besideFile(file, der.device.slice(DUMP.length)))}` }
        : {}),
    })),
    ...(emulators === undefined
      ? {}
      : {
          emulators: emulators.map((one) => ({
            ...one,
            ...(one.mapping === undefined ? {} : { mapping: near(besideFile(file, one.mapping)) }),
          })),
        }),
    ...(baseline === undefined || named.baselineFile === undefined
      ? {}
      : { baseline: { ...baseline, file: near(named.baselineFile) } }),
  };
}

function commonFolder(files: readonly string[]): string {
  const [first = [], ...others] = files.map((file) => dirname(file).split(sep));
  let length = first.length;
  for (const other of others) {
    const at = first.findIndex((part, i) => part !== other[i]);
    if (at >= 0) length = Math.min(length, at);
  }
  return first.slice(0, length).join(sep) || sep;
}
