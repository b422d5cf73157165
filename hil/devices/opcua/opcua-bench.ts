/** For tests: a simulated OPC UA inverter in the sun of the test's own clock, and how an agent reaches it. */
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse } from '@fieldbid/core/schema';
import { OpcUaAccess, type ResolvedAccess, resolveAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { loadMapping } from '@fieldbid/edge-agent/drivers/opcua/mapping';
import { OpcUaDevice, type OpcUaDeviceOptions } from '@fieldbid/edge-agent/drivers/opcua/opcua-device';
import { openPki } from '@fieldbid/edge-agent/drivers/opcua/pki';
import { openServerPki } from './server-pki.ts';
import { simulatedMapping } from './simulated-mapping.ts';
import { SimulatedOpcUaInverter, type SimulatedOpcUaInverterOptions } from './simulated-opcua-inverter.ts';

export const START_MS = Date.parse('2026-06-21T12:00:00Z');
export const USER = { name: 'operator', password: 'a secret of this test' };
/** Real ms: a busy machine must not look like a dead server. */
const PATIENT_DEADLINE_MS = 60_000;

/** A folder with certificate stores, so that keys are made once per test file. */
export class OpcUaFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'fieldbid-opcua-'));
  #files = 0;

  readonly pki = join(this.path, 'pki');
  readonly serverPki = join(this.path, 'server-pki');

  write(name: string, text: string): string {
    const file = join(this.path, `${this.#files++}-${name}`);
    writeFileSync(file, text);
    return file;
  }

  /** As a person does who has compared the certificate with the device's. */
  trust(certificateFile: string, pki = this.pki): void {
    const trusted = join(pki, 'trusted', 'certs');
    mkdirSync(trusted, { recursive: true });
    // Whole at once: clients of other tests look into this store meanwhile.
    const copy = join(pki, `${this.#files++}-${basename(certificateFile)}`);
    copyFileSync(certificateFile, copy);
    renameSync(copy, join(trusted, basename(certificateFile)));
  }

  /** Makes keys and certificates of client and server, once for all tests of a file. */
  async prepare(): Promise<void> {
    await (await openPki(this.pki)).close();
    await (await openServerPki(this.serverPki, '127.0.0.1')).dispose();
  }

  access(endpoint: string, access: Partial<OpcUaAccess> = {}): ResolvedAccess {
    const user = { name: USER.name, passwordFile: this.write('password', `${USER.password}\n`) };
    const checked = parse(OpcUaAccess, { pkiFolder: this.pki, user, ...access }, 'test');
    return resolveAccess(endpoint, checked, { file: 'test', path: '/endpoint' });
  }

  /** A device with the user's password, unless `access` says another user. */
  device(
    endpoint: string,
    mapping: string,
    access: Partial<OpcUaAccess> = {},
    more: Partial<OpcUaDeviceOptions> = {},
  ): OpcUaDevice {
    return new OpcUaDevice({
      access: this.access(endpoint, access),
      loaded: loadMapping(this.write('mapping.yaml', mapping)),
      now: () => START_MS,
      deadline_ms: PATIENT_DEADLINE_MS,
      ...more,
    });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface OpcUaBenchOptions {
  readonly phases?: string;
  readonly rating_W?: number;
  /** Text of the mapping file; the simulated inverter's by default. */
  readonly mapping?: string;
  readonly access?: Partial<OpcUaAccess>;
  readonly device?: Partial<OpcUaDeviceOptions>;
  readonly inverter?: Partial<SimulatedOpcUaInverterOptions>;
  /** False: nobody has trusted its certificate. */
  readonly trusted?: boolean;
}

export async function openOpcUaBench(folder: OpcUaFolder, options: OpcUaBenchOptions = {}) {
  const { phases = 'A', rating_W = 5000 } = options;
  let now_ms = START_MS;
  let sun_W = rating_W;
  const make = (): SimulatedOpcUaInverter =>
    new SimulatedOpcUaInverter({
      serial: 'T-1',
      phases,
      rating_W,
      nominal_V: 240,
      now: () => now_ms,
      available_W: () => sun_W,
      pkiFolder: folder.serverPki,
      user: USER,
      ...options.inverter,
    });
  let inverter = make();
  const { port, endpoint } = await inverter.listen('127.0.0.1', 0);
  if (options.trusted !== false) folder.trust(inverter.certificateFile);
  const device = folder.device(endpoint, options.mapping ?? simulatedMapping(phases), options.access, {
    now: () => now_ms,
    ...options.device,
  });
  return {
    device,
    rating_W,
    phases: phases.length,
    endpoint,
    get inverter() {
      return inverter;
    },
    setAvailable_W: (available_W: number) => {
      inverter.terminalPower_W();
      sun_W = available_W;
    },
    terminalPower_W: () => inverter.terminalPower_W(),
    pass: (duration_ms: number) => {
      now_ms += duration_ms;
    },
    now: () => now_ms,
    writeTransactions: () => inverter.writeTransactions,
    setOnline: (online: boolean) => {
      inverter.faults.offline = !online;
    },
    /** Ends the server, and begins another one at the same address. */
    restart: async () => {
      await inverter.close();
      inverter = make();
      await inverter.listen('127.0.0.1', port);
    },
    close: () => inverter.close(),
  };
}
