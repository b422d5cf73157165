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

/** From /proc on Linux; of this process also elsewhere. */
function residentOf(pid: number): number | undefined {
  if (pid === process.pid) return process.memoryUsage.rss() / 1024;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
