/** `fieldbid sim opcua`: one simulated OPC UA inverter by itself, with what is needed to speak to it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, runUntilSignal } from '@fieldbid/core/cli/command';
import { hostAndPort, mustBeLocal, type PvOptions, pvInverter, pvOptions } from '../options.ts';
import { simulatedMapping } from './simulated-mapping.ts';

interface OpcUaCommand extends PvOptions {
  listen: { host: string; port: number };
  allowRemote?: boolean;
  folder: string;
}

const USER = 'operator';
const SECRET_MODE = 0o600;

export function registerSimOpcUa(sim: Command): void {
  const opcua = sim
    .command('opcua')
    .description('Run one simulated PV inverter: an encrypted OPC UA server with a certificate and a user.')
    .requiredOption('--listen <host:port>', 'where to answer; port 0 picks a free one', hostAndPort, {
      host: '127.0.0.1',
      port: 4840,
    })
    .option('--allow-remote', 'accept an address that other machines can reach')
    .option('--folder <folder>', 'its certificate, password and mapping; made on first use', 'sim-opcua');
  pvOptions(opcua)
    .addHelpText(
      'after',
      `
Example:
  $ npx fieldbid sim opcua --listen 127.0.0.1:4840 --rating 5000 --phases ABC`,
    )
    .action((options: OpcUaCommand, command: Command) => run(options, command));
}

async function run(options: OpcUaCommand, command: Command): Promise<void> {
  const { host, port } = options.listen;
  mustBeLocal(host, options.allowRemote, command);
  // The server's library takes a second to load: not for commands that do not need it.
  const { SimulatedOpcUaInverter } = await import('./simulated-opcua-inverter.ts');
  const files = prepare(options);
  const inverter = new SimulatedOpcUaInverter({
    ...pvInverter(options),
    pkiFolder: join(options.folder, 'server-pki'),
    user: { name: USER, password: files.password },
  });
  const { endpoint } = await inverter.listen(host, port);
  console.log(`A simulated ${options.rating} W inverter answers at ${endpoint}; Ctrl-C ends it.
Now at its terminals: ${Math.round(inverter.terminalPower_W())} W. Its mapping is ${files.mapping}:

${files.text}
Try, in another terminal: trust its certificate, then read it.
  npx fieldbid edge trust ${inverter.certificateFile}
  npx fieldbid edge read ${endpoint} --mapping ${files.mapping} --user ${USER} --password-file ${files.passwordFile}`);
  await runUntilSignal(() => inverter.close());
}

/** Password and mapping. */
function prepare({ folder, phases: mapped }: OpcUaCommand) {
  const { passwordFile, password } = keptPassword(folder);
  const mapping = join(folder, 'mapping.yaml');
  const text = simulatedMapping(mapped);
  writeFileSync(mapping, text);
  return { passwordFile, password, mapping, text };
}

/** The password of a simulated device's user; one that is there already stays. */
export function keptPassword(folder: string): { passwordFile: string; password: string } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passwordFile = join(folder, 'password');
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, `${randomBytes(18).toString('base64url')}\n`, { mode: SECRET_MODE });
  }
  return { passwordFile, password: readFileSync(passwordFile, 'utf8').trim() };
}
