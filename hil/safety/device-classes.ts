/**
 * For tests: one twin of each class of device by what ends its limit when nobody commands it any more, each behind a
 * line that can be cut, on real time. A twin says when it was last heard of, so that what it must be doing can be told
 * from its own clock, however slow the machine is.
 */
import { cpSync } from 'node:fs';
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import { type DeviceProfile, loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import type { OpcUaFolder } from '../devices/opcua/opcua-bench.ts';
import { USER } from '../devices/opcua/opcua-bench.ts';
import { simulatedMapping } from '../devices/opcua/simulated-mapping.ts';
import { SimulatedOpcUaInverter } from '../devices/opcua/simulated-opcua-inverter.ts';
import { serve } from '../devices/serve.ts';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { startProxy } from '../testing/tcp-proxy.ts';

export const RATING_W = 10_000;
export const SUN_W = 8000;
/** The least that a config may say, s. */
const SHORTEST_REVERT_S = 10;

export interface DeviceClass {
  readonly name: string;
  readonly family: FamilyName;
  readonly profile: (profile: DeviceProfile) => DeviceProfile;
  readonly revert_s: number;
  /** Silence after which the device acts, s. */
  readonly hold_s: number;
  /** True power in its safe state, W. */
  readonly safe_W: number;
  /** A setting in flash is made before, as at commissioning. */
  readonly prepare?: true;
}

const same = (profile: DeviceProfile): DeviceProfile => profile;
const short = { revert_s: SHORTEST_REVERT_S, hold_s: SHORTEST_REVERT_S } as const;
/** Longer than any of these tests: something else must end the limit. */
const NEVER_S = 3600;

/** SolarEdge's settings in flash: a short time-out, and 20 % after it. */
function solarEdgeSettings(profile: DeviceProfile): DeviceProfile {
  const { registers } = profile;
  if (registers?.control === undefined)
    throw new TypeError('SolarEdge is controlled by registers of its own');
  const values: Record<string, number> = {
    CommandTimeout: SHORTEST_REVERT_S,
    FallbackActivePowerLimit: 20,
  };
  const companions = registers.control.companions.map((companion) => ({
    ...companion,
    value: values[companion.point.name ?? ''] ?? companion.value,
  }));
  const control = { ...registers.control, companions };
  return { ...profile, watchdog_s: SHORTEST_REVERT_S, registers: { ...registers, control } };
}

export const CLASSES: readonly DeviceClass[] = [
  { name: 'revert-123', family: 'generic-1xx', profile: same, ...short, safe_W: SUN_W },
  {
    ...{ name: 'revert-704', family: 'generic-7xx', ...short, safe_W: SUN_W },
    profile: (p) => ({ ...p, heartbeat_s: 0 }),
  },
  {
    ...{ name: 'revert-704-to-50', family: 'generic-7xx', ...short, safe_W: 0.5 * RATING_W },
    profile: (p) => ({ ...p, heartbeat_s: 0, revertTo_pct: 50, safeState: 'limited' }),
  },
  {
    // The twin waits 10 s for 715.ControllerHb.
    ...{ name: 'heartbeat-715', family: 'generic-7xx', profile: same },
    ...{ revert_s: NEVER_S, hold_s: 10, safe_W: SUN_W },
  },
  {
    ...{ name: 'watchdog-sma', family: 'sma', revert_s: NEVER_S, hold_s: SHORTEST_REVERT_S, safe_W: SUN_W },
    profile: (p) => ({ ...p, watchdog_s: SHORTEST_REVERT_S }),
  },
  {
    ...{ name: 'watchdog-solaredge', family: 'solaredge', profile: solarEdgeSettings, prepare: true },
    ...{ revert_s: NEVER_S, hold_s: SHORTEST_REVERT_S, safe_W: 0.2 * RATING_W },
  },
  { name: 'storage-704-set', family: 'generic-storage', profile: same, ...short, safe_W: 0 },
];

/** A device of its class, as its agent finds it and as it truly is. */
export interface Subject {
  readonly derId: string;
  readonly hold_s: number;
  readonly safe_W: number;
  /** Lines of the agent's config. */
  readonly config: string;
  /** True power at the terminals, W. */
  power_W(): number;
  writeTransactions(): number;
  /** When it last took a command or sign of life, epoch ms by its own clock. */
  heardAt_ms(): number;
  cutLink(): void;
  mendLink(): void;
  close(): Promise<void>;
}

const entry = (derId: string, lines: readonly string[]): string =>
  [`  - derId: ${derId}`, `deviceIds: [${derId}]`, 'riskFactor_pct: 0', ...lines].join('\n    ');

/** @param now market time of the twin, epoch ms. @param write puts a file beside the config. */
export async function openSubject(
  given: DeviceClass,
  write: (name: string, text: string) => string,
  more: { readonly now?: () => number; readonly config?: readonly string[] } = {},
): Promise<Subject> {
  const { name, family, hold_s, safe_W, revert_s } = given;
  const now = more.now ?? Date.now;
  const { unit, profile: profileName, watchdog_s } = FAMILIES[family];
  const twin = new SimulatedInverter({
    ...{ serial: name, phases: 'ABC', rating_W: RATING_W, nominal_V: 230, family, now },
    available_W: () => SUN_W,
    ...(watchdog_s === undefined ? {} : { watchdog_s: hold_s }),
  });
  let heardAt_ms = Number.NEGATIVE_INFINITY;
  const { registers } = twin;
  const watched: typeof registers = {
    isOnline: () => registers.isOnline(),
    readRegisters: (...request) => {
      if (watchdog_s !== undefined) heardAt_ms = now();
      return registers.readRegisters(...request);
    },
    writeRegisters: (...request) => {
      registers.writeRegisters(...request);
      heardAt_ms = now();
    },
  };
  const served = await serve(watched, { scheme: 'tcp', host: '127.0.0.1', port: 0, unit });
  const line = await startProxy(Number(new URL(served.endpoint).port));
  const profile = given.profile(loadProfile(profileName));
  const quick = { ...profile, modbus: { ...profile.modbus, connectDelay_ms: 0, gap_ms: 0 } };
  if (given.prepare === true) {
    const { device } = openRegisterDevice({ endpoint: served.endpoint, profile: quick, now });
    const refusal = await device.prepare();
    await device.close();
    if (refusal !== undefined) throw new RangeError(refusal.reason);
  }
  const prepared = twin.writeTransactions;
  // JSON is YAML.
  const file = write(`${name}.yaml`, JSON.stringify(quick));
  return {
    ...{ derId: name, hold_s, safe_W },
    config: entry(name, [
      `endpoint: "tcp://127.0.0.1:${line.port}?unit=${unit}"`,
      `profile: ${file}`,
      `revert_s: ${revert_s}`,
      ...(more.config ?? []),
    ]),
    power_W: () => twin.terminalPower_W(),
    writeTransactions: () => twin.writeTransactions - prepared,
    heardAt_ms: () => heardAt_ms,
    cutLink: () => line.cut(),
    mendLink: () => line.mend(),
    close: async () => {
      await line.close();
      await served.close();
    },
  };
}

/** An OPC UA inverter with a revert node. @param pki a copy of the folder's, of this agent's own. */
export async function openOpcUaSubject(folder: OpcUaFolder, pki: string): Promise<Subject> {
  const inverter = new SimulatedOpcUaInverter({
    ...{ serial: 'OPC', phases: 'A', rating_W: RATING_W, nominal_V: 240, now: Date.now },
    ...{ available_W: () => SUN_W, pkiFolder: folder.serverPki, user: USER },
  });
  const { endpoint } = await inverter.listen('127.0.0.1', 0);
  cpSync(folder.pki, pki, { recursive: true });
  folder.trust(inverter.certificateFile, pki);
  const mapping = folder.write('mapping.yaml', simulatedMapping('A'));
  const password = folder.write('password', USER.password);
  const user = `{ name: ${USER.name}, passwordFile: ${password} }`;
  const derId = 'opcua';
  return {
    ...{ derId, hold_s: SHORTEST_REVERT_S, safe_W: SUN_W },
    config: entry(derId, [
      `endpoint: ${endpoint}`,
      `mapping: ${mapping}`,
      `opcua: { pkiFolder: ${pki}, user: ${user} }`,
      `revert_s: ${SHORTEST_REVERT_S}`,
    ]),
    power_W: () => inverter.terminalPower_W(),
    writeTransactions: () => inverter.writeTransactions,
    heardAt_ms: () => inverter.lastWriteAt_ms,
    cutLink: () => {
      inverter.faults.offline = true;
    },
    mendLink: () => {
      inverter.faults.offline = false;
    },
    close: () => inverter.close(),
  };
}
