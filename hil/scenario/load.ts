/** Reads a scenario with all that it names, and checks that the parts fit together, before anything starts. */
import { existsSync } from 'node:fs';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { type Calendar, dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import type { ClearingSafety } from '@fieldbid/dso/feasibility/clearing-outcomes';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { loadFeeder } from '@fieldbid/dso/feeder/load-feeder';
import { isProfileFile } from '@fieldbid/edge-agent/profiles/profile';
import { FAMILIES, familyOf } from '../devices/twins/families.ts';
import { checkEmulators, checkOutputs } from '../emulator/check.ts';
import { checkRules } from '../faults/rules.ts';
import { checkTimeline } from '../faults/timeline.ts';
import { DUMP, deraPortfolios, Scenario } from './schema.ts';

export interface LoadedScenario {
  readonly file: string;
  readonly scenario: Scenario;
  readonly feederFile: string;
  readonly priceForecastFile: string;
  readonly supplyFile: string;
  readonly demandFile: string;
  /** Metered days of the DERs with a baseline; absent: there are none. */
  readonly baselineFile?: string;
}

/** What a command line may change of a scenario. */
export interface Overrides {
  seed?: number;
  /** Number of intervals. */
  intervals?: number;
  /** First interval, e.g. 2026-06-21T11:00Z. */
  start?: string;
  /** False: without the day-ahead market that the scenario has. */
  dayAhead?: boolean;
  /** The DSO's policy, by name, and what of the clearing's outcomes has to be feasible. */
  policy?: string;
  safety?: ClearingSafety;
  /** A whole calendar instead of the scenario's. */
  calendar?: Calendar;
}

/** @throws InputError naming file, path, found and expected. */
export function loadScenario(file: string, overrides: Overrides = {}): LoadedScenario {
  const scenario = readConfig(Scenario, file);
  const calendar: Calendar = {
    ...(overrides.calendar ?? scenario.calendar),
    ...(overrides.intervals === undefined ? {} : { intervals: overrides.intervals }),
    ...(overrides.start === undefined ? {} : { start: overrides.start }),
  };
  if (overrides.dayAhead === false) delete calendar.dayAhead;
  const { policy, safety } = overrides;
  const dso = {
    ...scenario.dso,
    ...(policy === undefined ? {} : { policy }),
    ...(safety === undefined ? {} : { safety }),
  };
  const changed: Scenario = { ...scenario, calendar, dso, seed: overrides.seed ?? scenario.seed };
  moments(calendar, `${file} at /calendar`);
  dayAheadMoments(calendar, `${file} at /calendar (--no-day-ahead runs without a day-ahead market)`);
  const deraIds = [...deraPortfolios(changed).keys()];
  const outside = deraIds.find((deraId) => !changed.market.participants.includes(deraId));
  if (outside !== undefined) {
    const found = changed.market.participants.join(', ');
    throw wrong(file, '/market/participants', found, `a list with ${outside}`);
  }
  const ids = changed.ders.map(({ derId }) => derId);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw wrong(file, '/ders', `${twice} twice`, 'each DER once');
  for (const [i, { device, protocol, profile, mapping, faults, twin, quirks }] of changed.ders.entries()) {
    if (device.startsWith(DUMP)) named(file, `/ders/${i}/device`, device.slice(DUMP.length));
    if (isProfileFile(profile)) named(file, `/ders/${i}/profile`, profile);
    for (const [key, value] of Object.entries({ twin, quirks })) {
      if (value === undefined || (device === 'simulated' && protocol === 'modbus')) continue;
      const found = `${key} of ${device === 'simulated' ? protocol : device}`;
      throw wrong(file, `/ders/${i}/${key}`, found, 'it for device: simulated, protocol: modbus');
    }
    const physical = device.startsWith('opc.tcp://');
    if (physical) named(file, `/ders/${i}/mapping`, mapping ?? '');
    else if (mapping !== undefined) {
      const path = `/ders/${i}/mapping`;
      throw wrong(file, path, `a mapping for ${device}`, 'one beside device: opc.tcp://... only');
    }
    if (device !== 'simulated' && protocol !== 'modbus' && !(physical && protocol === 'opcua')) {
      throw wrong(file, `/ders/${i}/protocol`, `${protocol} for ${device}`, 'it for simulated devices only');
    }
    if (faults === undefined) continue;
    const path = `/ders/${i}/faults`;
    if (device !== 'simulated' || protocol !== 'modbus') {
      const found = `faults of ${device === 'simulated' ? protocol : device}`;
      throw wrong(file, path, found, 'device: simulated, protocol: modbus');
    }
    checkRules(faults, file, path);
  }
  checkEmulators(changed, file);
  checkTimeline(changed.faults ?? [], changed, file);
  return {
    file,
    scenario: changed,
    feederFile: named(file, '/feederFile', changed.feederFile),
    priceForecastFile: named(file, '/priceForecastFile', changed.priceForecastFile),
    supplyFile: named(file, '/market/supplyFile', changed.market.supplyFile),
    demandFile: named(file, '/market/demandFile', changed.market.demandFile),
    ...(changed.baseline === undefined
      ? {}
      : { baselineFile: named(file, '/baseline/file', changed.baseline.file) }),
  };
}

/**
 * The scenario's feeder; every DER of it has an owner in the scenario, and the other way round.
 * @throws InputError naming what is missing or unknown; as `loadFeeder`.
 */
export function scenarioFeeder({ file, scenario, feederFile }: LoadedScenario): Feeder {
  const feeder = loadFeeder(feederFile);
  const owned = new Set(scenario.ders.map(({ derId }) => derId));
  const connected = feeder.ders.map(({ derId }) => derId);
  const unknown = [...owned].find((id) => !connected.includes(id));
  if (unknown !== undefined)
    throw wrong(file, '/ders', unknown, `DERs of the feeder: ${connected.join(', ')}`);
  for (const [i, { derId, profile, twin, device }] of scenario.ders.entries()) {
    const holds = FAMILIES[twin ?? familyOf(profile)].storage_h !== undefined;
    const isStorage = feeder.der(derId)?.resource === 'storage';
    if (device !== 'simulated' || holds === isStorage) continue;
    const found = `${holds ? 'a battery' : 'no battery'} at ${derId}`;
    throw wrong(
      file,
      `/ders/${i}`,
      found,
      `a twin that fits resource: ${isStorage ? 'storage' : 'pv'} in ${feederFile}`,
    );
  }
  const missing = connected.filter((id) => !owned.has(id));
  if (missing.length > 0) {
    throw wrong(file, '/ders', `no owner for ${missing.join(', ')}`, 'every DER of the feeder');
  }
  checkOutputs({ file, scenario }, feeder);
  return feeder;
}

function named(file: string, path: string, value: string): string {
  if (value === '') throw wrong(file, path, 'none', 'a file');
  const full = besideFile(file, value);
  if (!existsSync(full)) throw wrong(file, path, `${value}, which does not exist`, 'an existing file');
  return full;
}

function wrong(source: string, path: string, found: string, expected: string): InputError {
  return new InputError({ source, path, found, expected });
}
