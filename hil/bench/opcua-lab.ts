/**
 * What simulated OPC UA inverters and their agents share: certificates that trust each other, a user, mapping
 * files. What an installer does by hand at real devices.
 */
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { besideFile } from '@fieldbid/core/config';
import { parse } from '@fieldbid/core/schema';
import { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { simulatedMapping } from '../devices/opcua/simulated-mapping.ts';
import type { Closers } from './closers.ts';

export const OPCUA_PATH = '/inverter';
const USER = 'agent';
const SECRET_MODE = 0o600;

export interface OpcUaLab {
  /** How the agents reach the servers; paths absolute. */
  readonly access: OpcUaAccess;
  readonly user: { readonly name: string; readonly password: string };
  readonly serverPki: string;
  /** Mapping file of an inverter with these phases. */
  mapping(phases: string): string;
}

/** Makes the folder's content on first use; what is there already stays. */
export async function openOpcUaLab(folder: string, host: string): Promise<OpcUaLab> {
  // The library takes half a second to load: not for a day that has no OPC UA device.
  await import('../devices/opcua/quiet.ts');
  const { openServerPki, serverCertificateFile } = await import('../devices/opcua/server-pki.ts');
  const pki = join(folder, 'pki');
  const serverPki = join(folder, 'server-pki');
  const passwordFile = join(folder, 'password');
  const trusted = join(pki, 'trusted', 'certs');
  mkdirSync(trusted, { recursive: true, mode: 0o700 });
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, `${randomBytes(18).toString('base64url')}\n`, { mode: SECRET_MODE });
  }
  await (await openServerPki(serverPki, host)).dispose();
  copyFileSync(serverCertificateFile(serverPki), join(trusted, 'simulated-inverter.pem'));
  return {
    access: parse(OpcUaAccess, { pkiFolder: pki, user: { name: USER, passwordFile } }, folder),
    user: { name: USER, password: readFileSync(passwordFile, 'utf8').trim() },
    serverPki,
    mapping: (phases) => {
      const file = join(folder, `simulated-${phases.length}ph.yaml`);
      writeFileSync(file, simulatedMapping(phases));
      return file;
    },
  };
}

/**
 * The one lab of a bench, made when the first asks for it.
 * @param folder where it is kept; a temporary one, removed at the end, when absent.
 */
export function sharedOpcUaLab(
  folder: string | undefined,
  host: string,
  closers: Closers,
): () => Promise<OpcUaLab> {
  let lab: Promise<OpcUaLab> | undefined;
  return () => {
    lab ??= openOpcUaLab(folder ?? temporaryFolder(closers), host);
    return lab;
  };
}

function temporaryFolder(closers: Closers): string {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-opcua-'));
  closers.add('certificates of the simulated OPC UA devices', () =>
    rmSync(folder, { recursive: true, force: true }),
  );
  return folder;
}

/** The access's files as absolute paths. */
export function accessBeside(file: string, access: OpcUaAccess): OpcUaAccess {
  const user = Object.entries(access.user ?? {}).map(([key, value]) => [
    key,
    key.endsWith('File') ? besideFile(file, value) : value,
  ]);
  return { ...access, pkiFolder: besideFile(file, access.pkiFolder), user: Object.fromEntries(user) };
}
