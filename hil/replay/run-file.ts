/** `run.json` in a run's folder: what was run, how, and whether its seed alone gives it again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import type { FaultMark } from '@fieldbid/core/lab/faults';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static } from 'typebox';
import type { LoadedScenario } from '../scenario/load.ts';
import { keepScenario } from './keep-scenario.ts';

const RUN_FILE = 'run.json';

export const RunFile = Type.Object(
  {
    format: Type.Literal(1),
    /** Of fieldbid and Node.js. */
    versions: Type.Object({ fieldbid: Type.String(), node: Type.String() }, { additionalProperties: false }),
    /** Scenario with its overrides, relative to this file. */
    scenarioFile: Type.String({ minLength: 1 }),
    dsoEnforced: Type.Boolean(),
    ledger: Type.Enum(['embedded', 'fabric']),
    /** Market seconds per real second; null: as fast as possible. */
    realtimeSpeed: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()]),
    /** `gridlabd 6.0.0`; null until the run has ended. */
    engine: Type.Union([Type.String(), Type.Null()]),
    /** Why the seed alone does not give it again; empty: it does. */
    notRepeatable: Type.Array(Type.String()),
  },
  { additionalProperties: false },
);
export type RunFile = Static<typeof RunFile>;

const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version?: string }
).version;

interface RunOptions {
  readonly loaded: LoadedScenario;
  readonly folder: string;
  readonly dsoEnforced: boolean;
  readonly ledger?: { readonly kind: 'embedded' | 'fabric' };
  readonly realtimeSpeed?: number;
}

/** Before the day: a run that breaks off can be run again as well. */
export function beginRunFile({ loaded, folder, dsoEnforced, ledger, realtimeSpeed }: RunOptions): RunFile {
  const physical = loaded.scenario.ders.filter(({ device }) => device !== 'simulated');
  const emulators = (loaded.scenario.emulators ?? []).filter(({ device }) => device !== 'simulated');
  const run: RunFile = {
    format: 1,
    versions: { fieldbid: VERSION ?? 'unknown', node: process.version },
    scenarioFile: keepScenario(loaded, folder),
    dsoEnforced,
    ledger: ledger?.kind ?? 'embedded',
    realtimeSpeed: realtimeSpeed ?? null,
    engine: null,
    notRepeatable: [
      ...(realtimeSpeed === undefined ? [] : ['it ran by the wall clock']),
      ...(physical.length === 0
        ? []
        : [`physical devices: ${physical.map(({ derId }) => derId).join(', ')}`]),
      ...(emulators.length === 0
        ? []
        : [`physical grid emulators: ${emulators.map(({ name }) => name).join(', ')}`]),
    ],
  };
  write(folder, run);
  return run;
}

/** After the day, with what it turned out to be. */
export function endRunFile(folder: string, run: RunFile, engine: string, faults: readonly FaultMark[]): void {
  const manual = faults.filter(({ origin }) => origin !== 'scenario');
  const because = manual.length === 0 ? [] : [`faults by hand: ${manual.map(({ id }) => id).join(', ')}`];
  write(folder, { ...run, engine, notRepeatable: [...run.notRepeatable, ...because] });
}

/** @throws InputError when the folder is no run's. */
export function readRunFile(folder: string): RunFile {
  const file = join(folder, RUN_FILE);
  const text = readText(file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InputError(
      { source: file, path: '', found: 'no JSON', expected: 'what a run has written' },
      { cause },
    );
  }
  return parse(RunFile, json, file);
}

function write(folder: string, run: RunFile): void {
  writeFileSync(join(folder, RUN_FILE), `${JSON.stringify(run, null, 2)}\n`);
}
