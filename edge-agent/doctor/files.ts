/** Doctor: who can read secrets and change the config. */
import { type Stats, statSync } from 'node:fs';
import { besideFile } from '@fieldbid/core/config';
import { codeOf } from '@fieldbid/core/errors';
import { type Finding, Findings } from './finding.ts';

const GROUP_OR_OTHERS = 0o077;
const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
/** Keys of the config that name a file with a secret in it. */
const SECRET_KEY = /(password|key|token)File$/i;
/** Made by the agent itself when it is not there. */
const DEVICE_KEY = '/keyFile';

/** @param deviceKey the file of the key that signs; undefined when nothing is signed. */
export function checkFiles(config: unknown, file: string, deviceKey?: string): Finding[] {
  const findings = new Findings('files');
  const { mode } = statSync(file);
  if ((mode & OTHERS_WRITE) !== 0) {
    findings.fail('config', `everybody can change ${file} (mode ${octal(mode)})`, `chmod 640 ${file}`);
  } else if ((mode & GROUP_WRITE) !== 0) {
    findings.warning('config', `its group can change ${file} (mode ${octal(mode)})`, `chmod 640 ${file}`);
  } else findings.ok('config', `${file}, mode ${octal(mode)}`);
  if (deviceKey !== undefined) checkSecret(deviceKey, DEVICE_KEY, findings);
  for (const { path, value } of texts(config)) {
    if (path === DEVICE_KEY) continue;
    if (SECRET_KEY.test(path)) checkSecret(besideFile(file, value), path, findings);
    else if (holdsPassword(value)) {
      const todo = 'put the password into a file of mode 600 and name it by passwordFile';
      findings.fail('secret', `a password in the config itself, at ${path}`, todo);
    }
  }
  return findings.list;
}

function checkSecret(file: string, path: string, findings: Findings): void {
  let stat: Stats;
  try {
    stat = statSync(file);
  } catch (error) {
    if (path === DEVICE_KEY) findings.ok('secret', `${file} is made at the first start`);
    else
      findings.fail('secret', `${path}: ${file} cannot be read (${codeOf(error)})`, `put it there, mode 600`);
    return;
  }
  if ((stat.mode & GROUP_OR_OTHERS) === 0) findings.ok('secret', `${file}, mode ${octal(stat.mode)}`);
  else {
    findings.fail(
      'secret',
      `${path}: others can read ${file} (mode ${octal(stat.mode)})`,
      `chmod 600 ${file}; if somebody may have read it, replace what is in it`,
    );
  }
}

/** All texts in a config, with their paths. */
function texts(value: unknown, path = ''): { path: string; value: string }[] {
  if (typeof value === 'string') return [{ path, value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => texts(inner, `${path}/${key}`));
}

function holdsPassword(text: string): boolean {
  return text.includes('://') && URL.canParse(text) && new URL(text).password !== '';
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
