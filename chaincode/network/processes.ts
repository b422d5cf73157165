/**
 * The processes of a bench network: started detached, known by pid files, which count only while the process is the
 * one that was started (its start time is kept beside the id).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { FieldbidError } from '@fieldbid/core/errors';
import { HOST } from './layout.ts';

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Resolves to true when it does its work. */
  readonly ready: () => Promise<boolean>;
}

export interface ProcessState {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resident memory, MiB. */
  readonly memory_MiB: number | undefined;
}

const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 15_000;
const POLL_MS = 50;

export class Processes {
  readonly #pids: string;
  readonly #logs: string;

  constructor(dir: string) {
    this.#pids = join(dir, 'pids');
    this.#logs = join(dir, 'logs');
  }

  logOf(name: string): string {
    return join(this.#logs, `${name}.log`);
  }

  /** Id of the running process; undefined when it is not running. */
  pidOf(name: string): number | undefined {
    try {
      const [pid, startedAt] = readFileSync(join(this.#pids, name), 'utf8').split(' ');
      return startTimeOf(Number(pid)) === startedAt ? Number(pid) : undefined;
    } catch {
      return undefined;
    }
  }

  state(name: string): ProcessState {
    const pid = this.pidOf(name);
    return { name, pid, memory_MiB: pid === undefined ? undefined : memoryOf(pid) };
  }

  /** Starts it where it is not running yet; does not wait. @returns whether it was started. */
  start({ name, command, args, env }: Launch): boolean {
    if (this.pidOf(name) !== undefined) return false;
    for (const folder of [this.#pids, this.#logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const log = openSync(this.logOf(name), 'a', 0o600);
    const child = spawn(command, args, { env, detached: true, stdio: ['ignore', log, log] });
    child.on('error', () => {}); // it is not there when it is waited for
    child.unref();
    if (child.pid !== undefined) {
      writeFileSync(join(this.#pids, name), `${child.pid} ${startTimeOf(child.pid) ?? ''}`, { mode: 0o600 });
    }
    return true;
  }

  /** @throws FieldbidError `FABRIC_FAILED` with the end of its log, when it ends or is not ready in time. */
  async untilReady({ name, ready }: Launch): Promise<void> {
    const until = performance.now() + READY_DEADLINE_MS;
    while (!(await ready())) {
      const gone = this.pidOf(name) === undefined;
      if (gone || performance.now() > until) {
        const why = gone ? 'ended' : `was not ready within ${READY_DEADLINE_MS / 1000} s`;
        throw new FieldbidError(
          'FABRIC_FAILED',
          `${name} ${why}; the end of ${this.logOf(name)}:\n${tailOf(this.logOf(name))}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Ends it and resolves when it is gone; what does not go is killed. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const until = performance.now() + STOP_DEADLINE_MS;
    let pid = this.pidOf(name);
    if (pid !== undefined) send(pid, signal);
    for (; pid !== undefined; pid = this.pidOf(name)) {
      if (performance.now() > until) send(pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    rmSync(join(this.#pids, name), { force: true });
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has just gone
  }
}

/** Clock ticks from boot to its start (proc(5), stat, field 22); undefined for no process or a dead one. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function memoryOf(pid: number): number | undefined {
  try {
    const kB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kB === undefined ? undefined : Math.round(Number(kB) / 1024);
  } catch {
    return undefined;
  }
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Whether somebody listens there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Whether the operations endpoint at this port says that all is well. */
export function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: HOST, port, path: '/healthz', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
