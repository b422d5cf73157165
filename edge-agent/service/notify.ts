/**
 * What the agent tells systemd: that it is ready, that it stops, and that its cycles move. The watchdog is fed from
 * the cycles' own state: a cycle that hangs is a hung agent, even though the process lives, and systemd starts it anew.
 *
 * systemd listens on a Unix datagram socket, which Node cannot open; the `systemd-notify` program that comes with
 * systemd sends for us (the unit says NotifyAccess=all).
 * @see sd_notify(3), sd_watchdog_enabled(3)
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';

const run = promisify(execFile);
const SEND_DEADLINE_MS = 5000;
/** Signs of life in one watchdog time: one may be late or lost. */
const SIGNS = 3;

export interface ServiceOptions {
  readonly log: Logger;
  /** Whether the agent does its work; asked before each sign of life. */
  readonly alive: () => boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sends assignments such as `READY=1`. */
  readonly send?: (assignments: readonly string[]) => Promise<void>;
}

export interface Service {
  /** Says that the agent stops; no sign of life follows. */
  stopping(): Promise<void>;
}

/** Says that the agent is ready, and from then on that it is alive. Does nothing when systemd did not start us. */
export async function serviceReady(options: ServiceOptions): Promise<Service> {
  const { log, alive, env = process.env, send = sendBySystemdNotify } = options;
  if (env.NOTIFY_SOCKET === undefined) return { stopping: async () => {} };
  const tell = async (...assignments: string[]): Promise<void> => {
    try {
      await send(assignments);
    } catch (error) {
      log.warn({ assignments }, `systemd was not told: ${messageOf(error)}`);
    }
  };
  await tell('READY=1', 'STATUS=the agent is running');
  let timer: NodeJS.Timeout | undefined;
  let hung = false;
  const period_ms = watchdog_ms(env);
  const sign = async (): Promise<void> => {
    const now = alive();
    if (!now && !hung) log.fatal('a cycle hangs: the watchdog gets no more signs of life');
    hung = !now;
    if (now) await tell('WATCHDOG=1');
  };
  if (period_ms !== undefined) {
    await sign();
    timer = setInterval(() => void sign(), period_ms / SIGNS);
    timer.unref();
  }
  return {
    stopping: async () => {
      clearInterval(timer);
      await tell('STOPPING=1');
    },
  };
}

/** The time within which systemd wants a sign of life, ms; undefined when it wants none from this process. */
function watchdog_ms(env: NonNullable<ServiceOptions['env']>): number | undefined {
  const time_us = Number(env.WATCHDOG_USEC);
  if (!(time_us > 0)) return undefined;
  const other = env.WATCHDOG_PID !== undefined && env.WATCHDOG_PID !== String(process.pid);
  return other ? undefined : time_us / 1000;
}

async function sendBySystemdNotify(assignments: readonly string[]): Promise<void> {
  await run('systemd-notify', [...assignments], { timeout: SEND_DEADLINE_MS });
}
