/** A peer's MQTT broker, started for a test: Mosquitto, where it is installed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, type Program, printed, start } from './programs.ts';

export interface Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly program: Program;
  stop(): Promise<void>;
}

/**
 * @param config lines of mosquitto.conf after the listener's; `FOLDER` in them is where `files` were written.
 * @param port a free one by default. @param verbose it says every packet.
 */
export async function startMosquitto(
  path: string,
  config: readonly string[] = ['allow_anonymous true'],
  files: Readonly<Record<string, string>> = {},
  port?: number,
  verbose = true,
): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-mosquitto-'));
  const at = port ?? (await freePorts(1));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const lines = ['per_listener_settings false', `listener ${at} 127.0.0.1`, 'user root', ...config];
  writeFileSync(join(folder, 'mosquitto.conf'), lines.join('\n').replaceAll('FOLDER', folder));
  const program = start(path, ['-c', join(folder, 'mosquitto.conf'), ...(verbose ? ['-v'] : [])]);
  await printed(program, 'running');
  const scheme = config.some((line) => line.startsWith('certfile')) ? 'mqtts' : 'mqtt';
  return {
    port: at,
    url: `${scheme}://127.0.0.1:${at}`,
    program,
    stop: async () => {
      await program.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
