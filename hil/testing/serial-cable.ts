/** Two serial ports joined by a cable, for tests: pseudo-terminals, held by a Python process. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { printed, start } from './programs.ts';

const SCRIPT = fileURLToPath(new URL('./pty_pair.py', import.meta.url));

export interface SerialCable {
  /** Device files of its two ends. */
  readonly ends: readonly [string, string];
  close(): Promise<void>;
}

/** A Python with pseudo-terminals; undefined where there is none (Windows, or no Python). */
export function findPtyPython(): string | undefined {
  return ['python3', 'python'].find((python) => spawnSync(python, ['-c', 'import pty, tty']).status === 0);
}

export async function serialCable(python: string): Promise<SerialCable> {
  const cable = start(python, [SCRIPT], { stdin: 'pipe' });
  await printed(cable, '\n');
  const [first = '', second = ''] = cable.output().trim().split(' ');
  return {
    ends: [first, second],
    close: () => cable.stop(),
  };
}
