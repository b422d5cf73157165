/** Resident memory of processes, MiB; what cannot be read is left out. */
import { readFileSync } from 'node:fs';

export function memoryOf(processes: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [name, pid] of Object.entries(processes)) {
    const kB = pid === undefined ? undefined : residentOf(pid);
    if (kB !== undefined) out[name] = Math.round(kB / 1024);
  }
  return out;
}

/** The most that a process has had resident so far, MiB; Linux only. */
export function peakMemoryOf(pid: number): number | undefined {
  const kB = statusOf(pid, 'VmHWM');
  return kB === undefined ? undefined : Math.round(kB / 1024);
}

/** From /proc on Linux; of this process also elsewhere. */
function residentOf(pid: number): number | undefined {
  return pid === process.pid ? process.memoryUsage.rss() / 1024 : statusOf(pid, 'VmRSS');
}

/** kB. @see proc_pid_status(5) */
function statusOf(pid: number, field: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
