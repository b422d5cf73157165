/** The day of `npm start`, changed, as a scenario file of its own. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { DEFAULT_SCENARIO } from '../bench/options.ts';
import { loadScenario } from '../scenario/load.ts';

/** @param changes sections of the scenario, whole. @returns the file. */
export function dayWith(changes: object): string {
  const { feederFile, priceForecastFile, supplyFile, demandFile } = loadScenario(DEFAULT_SCENARIO);
  const day = parse(readFileSync(DEFAULT_SCENARIO, 'utf8')) as { market: object };
  const market = { ...day.market, supplyFile, demandFile };
  const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-day-')), 'scenario.yaml');
  writeFileSync(file, stringify({ ...day, feederFile, priceForecastFile, market, ...changes }));
  return file;
}
