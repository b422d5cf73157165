/** Doctor: the machine that the agent runs on. Node, clock, disk, supply. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import { type Health, measureHealth, troubles } from '../health/health.ts';
import { type Finding, Findings } from './finding.ts';

const run = promisify(execFile);
const COMMAND_DEADLINE_MS = 5000;
const LEAST_NODE = [20, 19] as const;
/** systemd-timesyncd makes it once the clock has been set by a server. @see systemd-timesyncd.service(8), files */
const SYNCHRONIZED_FILE = '/run/systemd/timesync/synchronized';
/** File systems keep their own, coarser time. */
const SLACK_MS = 60_000;
const FULL_BYTES = 50e6;
const NARROW_BYTES = 500e6;

export interface MachineFacts {
  readonly nodeVersion: string;
  readonly now_ms: number;
  /** Whether a time server keeps the clock; undefined: cannot be told. */
  readonly synchronized: () => Promise<boolean | undefined>;
  readonly health: (folder: string) => Promise<Health>;
}

export function thisMachine(): MachineFacts {
  return {
    nodeVersion: process.version,
    now_ms: Date.now(),
    synchronized: clockSynchronized,
    health: measureHealth,
  };
}

/**
 * @param folder where config, keys and buffer are.
 * @param newest a file that was surely not written in the future: the config.
 */
export async function checkMachine(
  facts: MachineFacts,
  folder: string,
  newest: string | undefined,
): Promise<Finding[]> {
  const findings = new Findings('machine');
  const [major = 0, minor = 0] = facts.nodeVersion.replace(/^v/, '').split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) {
    findings.ok('Node.js', facts.nodeVersion);
  } else findings.fail('Node.js', facts.nodeVersion, `install ${LEAST_NODE.join('.')} or newer`);
  await checkClock(facts, newest, findings);
  await checkHealth(facts, folder, findings);
  return findings.list;
}

async function checkClock(
  facts: MachineFacts,
  newest: string | undefined,
  findings: Findings,
): Promise<void> {
  const now = new Date(facts.now_ms).toISOString().slice(0, 19);
  const written_ms = newest === undefined || !existsSync(newest) ? 0 : statSync(newest).mtimeMs;
  const todo = 'let a time server set it (sudo timedatectl set-ntp true)';
  if (facts.now_ms < written_ms - SLACK_MS) {
    const written = new Date(written_ms).toISOString().slice(0, 19);
    findings.fail('clock', `${now} UTC, before ${newest} was written (${written})`, todo);
  } else findings.ok('clock', `${now} UTC`);
  const synchronized = await facts.synchronized();
  if (synchronized === true) findings.ok('time server', 'keeps the clock');
  else if (synchronized === false) {
    findings.fail('time server', 'none: bids and awards come late when the clock runs away', todo);
  } else {
    const how = 'look whether a time server keeps the clock (chronyc tracking, ntpq -p)';
    findings.warning('time server', 'cannot be told here', how);
  }
}

async function checkHealth(facts: MachineFacts, folder: string, findings: Findings): Promise<void> {
  try {
    accessSync(folder, constants.W_OK);
    findings.ok('folder', `${folder} can be written`);
  } catch (error) {
    const todo = 'run as the user that the agent runs as, or give the folder to that user';
    findings.fail('folder', `${folder} cannot be written (${codeOf(error)})`, todo);
  }
  let health: Health;
  try {
    health = await facts.health(folder);
  } catch (error) {
    findings.warning('sensors', messageOf(error), 'look at the machine itself');
    return;
  }
  const free_bytes = health.diskFree_bytes;
  if (free_bytes !== null) {
    const found = `${Math.round(free_bytes / 1e6)} MB are free at ${folder}`;
    const todo = 'make room: measurements are kept there while the broker is away';
    if (free_bytes < FULL_BYTES) findings.fail('disk', found, todo);
    else if (free_bytes < NARROW_BYTES) findings.warning('disk', found, todo);
    else findings.ok('disk', found);
  }
  for (const [key, text] of troubles(health)) {
    // The processor is busy with this very check.
    if (key !== 'disk' && key !== 'cpu') findings.warning(key, text, 'see docs/how-to/raspberry-pi.md');
  }
  const { temperature_C, throttling } = health;
  if (temperature_C !== null) findings.ok('temperature', `${Math.round(temperature_C)} °C`);
  if (throttling.sinceBoot === true) {
    const todo = 'use a supply that holds 5.1 V under load, and cool the board';
    findings.warning('supply', 'was too weak, or the board too hot, since it was started', todo);
  }
}

async function clockSynchronized(): Promise<boolean | undefined> {
  try {
    const args = ['show', '--property=NTPSynchronized', '--value'];
    const { stdout } = await run('timedatectl', args, { timeout: COMMAND_DEADLINE_MS });
    if (/^(yes|no)$/.test(stdout.trim())) return stdout.trim() === 'yes';
  } catch {
    // no systemd that could be asked
  }
  return existsSync(SYNCHRONIZED_FILE) ? true : undefined;
}
