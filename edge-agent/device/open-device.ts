/** An endpoint and a profile → a DerDevice. The one place that knows which driver an endpoint needs. */
import { besideFile } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import { parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { ModbusLinks } from '../drivers/modbus/register-link.ts';
import { isOpcUaEndpoint, OpcUaAccess, resolveAccess } from '../drivers/opcua/access.ts';
import { loadMapping } from '../drivers/opcua/mapping.ts';
import { OpcUaDevice } from '../drivers/opcua/opcua-device.ts';
import type { Notice } from '../drivers/opcua/subscription.ts';
import { bindMap } from '../drivers/registers/bind-map.ts';
import { RegisterDevice } from '../drivers/registers/register-device.ts';
import { sunSpecDevice } from '../drivers/sunspec/sunspec-device.ts';
import { type DeviceProfile, loadProfile } from '../profiles/profile.ts';
import type { DerDevice } from './der-device.ts';

export interface DeviceOptions {
  /** Modbus: `tcp://HOST:PORT?unit=N`, `rtu+tcp://…`, `rtu:///dev/…` (drivers/modbus/endpoint.ts); or `opc.tcp://HOST:PORT/PATH` (OPC UA). */
  readonly endpoint: string;
  /** A profile, or its name or file; generic-1xx by default. */
  readonly profile?: DeviceProfile | string;
  /** OPC UA: the mapping file, relative to `source.file`. */
  readonly mapping?: string | undefined;
  /** OPC UA: security, certificates and user; files in it relative to `source.file`. */
  readonly opcua?: OpcUaAccess | undefined;
  /** OPC UA: what the device says by itself, and what is noticed about its values. */
  readonly onNotice?: (notice: Notice) => void;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /**
   * Real ms for one answer, instead of the profile's. On a clock that stands still meanwhile a real deadline has
   * no market meaning and only makes runs differ on a busy machine: give a guard against hangs there. A function is
   * asked before each exchange (Modbus).
   */
  readonly deadline_ms?: number | (() => number);
  /** Shared by the devices of one program, so that devices behind one gateway share a connection. */
  readonly links?: ModbusLinks;
  /** File and path that the endpoint comes from, for errors. */
  readonly source?: { readonly file: string; readonly path: string };
}

/** What the agent needs to know of a device besides speaking to it. */
export type DeviceRules = Pick<DeviceProfile, 'name' | 'limit' | 'safeState'> &
  Partial<Pick<DeviceProfile, 'watchdog_s' | 'heartbeat_s' | 'wear'>>;

/** Opens nothing yet: the first call of the device connects. @throws InputError for a wrong endpoint, profile or mapping. */
export function openDevice(options: DeviceOptions): { device: DerDevice; profile: DeviceRules } {
  if (isOpcUaEndpoint(options.endpoint)) return openOpcUa(options);
  for (const key of ['mapping', 'opcua'] as const) {
    if (options[key] === undefined) continue;
    throw wrong(options, key, `${key} for ${options.endpoint}`, 'it beside opc.tcp://... only');
  }
  return openRegisterDevice(options);
}

/** The same for devices that speak Modbus. @throws InputError for a wrong endpoint or profile. */
export function openRegisterDevice(
  options: Pick<DeviceOptions, 'endpoint' | 'profile' | 'now' | 'deadline_ms' | 'links' | 'source'>,
): { device: RegisterDevice; profile: DeviceProfile } {
  const { now, source } = options;
  const endpoint = parseEndpoint(options.endpoint, source?.file, source?.path);
  const profile = typeof options.profile === 'object' ? options.profile : loadProfile(options.profile);
  const links = options.links ?? new ModbusLinks();
  const { deadline_ms: given = profile.modbus.deadline_ms } = options;
  const link = links.open(endpoint, {
    ...profile.modbus,
    now,
    get deadline_ms() {
      return typeof given === 'function' ? given() : given;
    },
  });
  const device = profile.sunspec
    ? sunSpecDevice({ link, profile, now })
    : new RegisterDevice({ link, profile, now, bind: () => bindMap(link, profile) });
  return { device, profile };
}

function openOpcUa(options: DeviceOptions): { device: DerDevice; profile: DeviceRules } {
  const { now, deadline_ms, onNotice, source = { file: 'endpoint', path: '' } } = options;
  if (options.mapping === undefined) {
    throw wrong(options, 'mapping', 'none', 'a mapping file: what the nodes of an OPC UA device mean');
  }
  const access = resolveAccess(
    options.endpoint,
    options.opcua ?? parse(OpcUaAccess, {}, source.file),
    source,
  );
  const loaded = loadMapping(besideFile(source.file, options.mapping));
  const device = new OpcUaDevice({
    ...{ access, loaded, now },
    ...(deadline_ms === undefined
      ? {}
      : { deadline_ms: typeof deadline_ms === 'function' ? deadline_ms() : deadline_ms }),
    ...(onNotice === undefined ? {} : { onNotice }),
  });
  const { name, rules, safeState } = loaded.mapping;
  return { device, profile: { name, limit: rules, safeState } };
}

function wrong({ source }: DeviceOptions, key: string, found: string, expected: string): InputError {
  const path = source?.path.replace(/endpoint$/, key) ?? '';
  return new InputError({ source: source?.file ?? key, path, found, expected });
}
