/** `fieldbid edge replay`: beside `edge dump`, but in this room: an agent's machine serves nothing. */
import { type Command, group, runUntilSignal } from '@fieldbid/core/cli/command';
import { isLoopback } from '@fieldbid/core/loopback';
import { hostAndPort } from './options.ts';
import { readDump } from './register-dump.ts';
import { replayDump } from './replay.ts';
import { serve } from './serve.ts';

interface ReplayOptions {
  listen: { host: string; port: number };
  allowRemote?: boolean;
}

export function registerReplay(program: Command): void {
  group(program, 'edge', 'the agent beside the inverter: reads, bids, applies and verifies awards')
    .command('replay')
    .description(
      'Serve a register dump as a simulated device. What is written reads back; power does not follow.',
    )
    .argument('<dump>', 'file that `fieldbid edge dump` has written')
    .requiredOption('--listen <host:port>', 'where to answer; port 0 picks a free one', hostAndPort, {
      host: '127.0.0.1',
      port: 15_021,
    })
    .option('--allow-remote', 'accept an address that other machines can reach (Modbus has no password)')
    .addHelpText(
      'after',
      `
Every unit id is answered. Writable is what the SunSpec models say.

Example:
  $ npx fieldbid edge replay edge-agent/test/dumps/sma_sb3.6_day.json --listen 127.0.0.1:15021
  $ npx fieldbid edge read 'tcp://127.0.0.1:15021?unit=1'      (in another terminal)`,
    )
    .action(runReplay);
}

async function runReplay(file: string, options: ReplayOptions, command: Command): Promise<void> {
  const { host, port } = options.listen;
  if (!isLoopback(host) && options.allowRemote !== true) {
    command.error(
      `fieldbid: ${host} can be reached from other machines; add --allow-remote if that is meant`,
    );
  }
  const { registers, models, writable } = await replayDump(readDump(file), file);
  const served = await serve(registers, { scheme: 'tcp', host, port, unit: 1 });
  const what = models.length === 0 ? 'no SunSpec models' : `SunSpec models ${models.join(', ')}`;
  console.log(`${file} answers at ${served.endpoint}; Ctrl-C ends it.
${what}; ${writable} registers can be written. Try, in another terminal:
  npx fieldbid edge read '${served.endpoint}'`);
  await runUntilSignal(() => served.close());
}
