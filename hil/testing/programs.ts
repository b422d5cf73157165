/** Starting the project's programs, and others, as a user would: for tests of the whole. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const FIELDBID = fileURLToPath(new URL('../../core/bin/fieldbid.js', import.meta.url));

export interface Program {
  readonly process: ChildProcess;
  /** Everything that it has printed, both streams. */
  output(): string;
  /** What it has printed on standard output alone. */
  stdout(): string;
  /** Resolves with the exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Ends it, and resolves when it is gone. */
  stop(): Promise<void>;
}

export function startFieldbid(...args: string[]): Program {
  return start(process.execPath, [FIELDBID, ...args]);
}

/** @param options.stdin `pipe` for a program that ends when its input does; its environment, ours by default. */
export function start(
  command: string,
  args: readonly string[],
  { stdin = 'ignore', env = process.env }: { stdin?: 'ignore' | 'pipe'; env?: NodeJS.ProcessEnv } = {},
): Program {
  const child = spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'], env });
  const printed: string[] = [];
  const plain: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => {
    plain.push(chunk);
    printed.push(String(chunk));
  });
  child.stderr?.on('data', (chunk) => printed.push(String(chunk)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    process: child,
    output: () => printed.join(''),
    stdout: () => Buffer.concat(plain).toString('utf8'),
    ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs a fieldbid command to its end. */
export async function fieldbid(
  ...args: string[]
): Promise<{ code: number | null; output: string; stdout: string }> {
  const program = startFieldbid(...args);
  const code = await program.ended;
  return { code, output: program.output(), stdout: program.stdout() };
}

/** Resolves when the program has printed the text. Rejects when it ends without. */
export async function printed(program: Program, text: string): Promise<void> {
  const over = program.ended.then(() => true);
  while (!program.output().includes(text)) {
    const ended = await Promise.race([over, new Promise<false>((resolve) => setTimeout(resolve, 20, false))]);
    if (ended && !program.output().includes(text)) {
      throw new RangeError(`the program ended without printing "${text}": ${program.output().slice(-500)}`);
    }
  }
}

/** The path of Mosquitto, where it is installed. */
export function findMosquitto(): string | undefined {
  return ['mosquitto', '/usr/sbin/mosquitto'].find((path) => spawnSync(path, ['-h']).error === undefined);
}

/** A run of free ports; the first one is returned. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort();
    const servers = Array.from({ length: count }, () => createServer());
    try {
      for (const [i, server] of servers.entries()) {
        server.listen(first + i, '127.0.0.1');
        await once(server, 'listening');
      }
      return first;
    } catch {
      // one of them is taken: try elsewhere
    } finally {
      for (const server of servers) server.close();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
