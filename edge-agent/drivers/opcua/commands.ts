/** What the commands of `fieldbid edge` need for OPC UA devices: options that say how to reach one, and `trust`. */
import { resolve } from 'node:path';
import { type Command, Option } from '@fieldbid/core/cli/command';
import { parse } from '@fieldbid/core/schema';
import { isOpcUaEndpoint, OpcUaAccess, resolveAccess } from './access.ts';
import { browsedText, browseServer } from './browse.ts';
import { trustCertificate } from './pki.ts';

export interface OpcUaOptions {
  mapping?: string;
  pki?: string;
  user?: string;
  passwordFile?: string;
  securityMode?: string;
  securityPolicy?: string;
  allowInsecure?: boolean;
}

const DEFAULT_PKI = 'pki';

/** Adds the options that say how to reach a device. */
export function addOpcUaOptions(command: Command): Command {
  return command
    .option('--pki <folder>', `OPC UA: own, trusted and rejected certificates (default: ${DEFAULT_PKI})`)
    .option('--user <name>', 'OPC UA: user name; anonymous without')
    .option('--password-file <file>', "OPC UA: file with the user's password")
    .addOption(
      new Option('--security-mode <mode>', 'OPC UA: SignAndEncrypt by default').choices([
        'SignAndEncrypt',
        'Sign',
        'None',
      ]),
    )
    .option('--security-policy <name>', 'OPC UA: Basic256Sha256 by default')
    .option('--allow-insecure', 'OPC UA: accept --security-mode None to another machine');
}

/** The options as `openDevice` takes them. @throws InputError. */
export function opcUaAccess(
  endpoint: string,
  options: OpcUaOptions,
): { mapping?: string; opcua?: OpcUaAccess } {
  if (!isOpcUaEndpoint(endpoint)) return options.mapping === undefined ? {} : { mapping: options.mapping };
  const { mapping, pki, user, passwordFile, securityMode, securityPolicy, allowInsecure } = options;
  const who = {
    ...(user === undefined ? {} : { name: user }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  };
  const access = {
    pkiFolder: resolve(pki ?? DEFAULT_PKI),
    ...(securityMode === undefined ? {} : { securityMode }),
    ...(securityPolicy === undefined ? {} : { securityPolicy }),
    ...(allowInsecure === undefined ? {} : { allowInsecure }),
    ...(Object.keys(who).length === 0 ? {} : { user: who }),
  };
  return { ...(mapping === undefined ? {} : { mapping }), opcua: parse(OpcUaAccess, access, 'command line') };
}

/** `edge scan` of an OPC UA server: what a mapping can be written from. */
export async function scanServer(
  endpoint: string,
  options: OpcUaOptions & { json?: boolean; most: number },
): Promise<void> {
  const { opcua } = opcUaAccess(endpoint, options);
  const access = resolveAccess(endpoint, opcua ?? parse(OpcUaAccess, {}, 'command line'), {
    file: 'endpoint',
    path: '',
  });
  const found = await browseServer(access, options.most);
  console.log(options.json === true ? JSON.stringify(found, null, 2) : browsedText(found));
}

export function registerTrust(edge: Command): void {
  edge
    .command('trust')
    .description("Trust an OPC UA server's certificate. Compare its SHA-1 with the device's before.")
    .argument('<file>', 'the certificate: one out of the rejected folder, or one that you were given')
    .option('--pki <folder>', 'own, trusted and rejected certificates', DEFAULT_PKI)
    .addHelpText('after', "\nExample:\n  $ npx fieldbid edge trust 'pki/rejected/inverter[ab12...].pem'")
    .action(async (file: string, { pki }: { pki: string }) => {
      const { subject, sha1, validTo } = await trustCertificate(resolve(pki), file);
      console.log(`Trusted from now on: ${subject}\n  SHA-1 ${sha1}\n  valid to ${validTo}`);
    });
}
