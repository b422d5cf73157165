/** Where Hyperledger Fabric's programs are: in the folder that FABRIC_BIN names, else on PATH. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';

export const PROGRAMS = ['peer', 'orderer', 'osnadmin', 'configtxgen', 'cryptogen'] as const;
export type ProgramName = (typeof PROGRAMS)[number];
export type Programs = Readonly<Record<ProgramName, string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined when one is missing: for what can do without Fabric. */
export function findPrograms(env: Environment = process.env): Programs | undefined {
  const found = PROGRAMS.map((name) => [name, locate(name, env)] as const);
  return found.every(([, path]) => path !== undefined) ? (Object.fromEntries(found) as Programs) : undefined;
}

/** @throws FieldbidError `FABRIC_MISSING`, naming the programs and where they were looked for. */
export function requirePrograms(env: Environment = process.env): Programs {
  const programs = findPrograms(env);
  if (programs !== undefined) return programs;
  const missing = PROGRAMS.filter((name) => locate(name, env) === undefined);
  const where =
    env.FABRIC_BIN === undefined ? 'on PATH (FABRIC_BIN is not set)' : 'in FABRIC_BIN and on PATH';
  throw new FieldbidError(
    'FABRIC_MISSING',
    `Hyperledger Fabric 2.5 is not here: ${missing.join(', ')} not found ${where}; ` +
      'set FABRIC_BIN to the folder that holds them (the bin/ folder of a Fabric release)',
  );
}

function locate(name: string, env: Environment): string | undefined {
  const folders = [env.FABRIC_BIN, ...(env.PATH ?? '').split(delimiter)];
  return folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder as string, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** This process's environment without what Fabric's programs would take for their settings. */
export function cleanEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(CORE_|ORDERER_|FABRIC_)/.test(name));
  return { ...Object.fromEntries(kept), FABRIC_LOGGING_SPEC: 'warning', ...more };
}

/**
 * Runs a program to its end.
 * @returns what it printed, both streams. @throws FieldbidError `FABRIC_FAILED` with the end of that.
 */
export function run(
  path: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<string> {
  const what = [path.split('/').at(-1), ...args.slice(0, 3)].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
    });
    child.on('error', (error) => reject(failed(what, messageOf(error), error)));
    child.on('close', (code) => {
      if (code === 0) resolve(said);
      else reject(failed(what, said.trim().slice(-2000)));
    });
  });
}

function failed(what: string, why: string, cause?: unknown): FieldbidError {
  return new FieldbidError('FABRIC_FAILED', `${what} failed: ${why}`, { cause });
}
