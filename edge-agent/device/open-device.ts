/** An endpoint and a profile → a DerDevice. The one place that knows which driver an endpoint needs. */
import { parseEndpoint } from '../drivers/modbus/endpoint.ts';
import { ModbusLinks } from '../drivers/modbus/register-link.ts';
import { bindMap } from '../drivers/registers/bind-map.ts';
import { RegisterDevice } from '../drivers/registers/register-device.ts';
import { sunSpecDevice } from '../drivers/sunspec/sunspec-device.ts';
import { type DeviceProfile, linkTiming, loadProfile } from '../profiles/profile.ts';

export interface DeviceOptions {
  /** `tcp://HOST:PORT?unit=N`, `rtu+tcp://…` or `rtu:///dev/…` (drivers/modbus/endpoint.ts). */
  readonly endpoint: string;
  /** A profile, or its name or file; generic-1xx by default. */
  readonly profile?: DeviceProfile | string;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /**
   * Real ms for one answer, instead of the profile's. On a clock that stands still meanwhile a real deadline has
   * no market meaning and only makes runs differ on a busy machine: give a guard against hangs there.
   */
  readonly deadline_ms?: number;
  /** Shared by the devices of one program, so that devices behind one gateway share a connection. */
  readonly links?: ModbusLinks;
  /** File and path that the endpoint comes from, for errors. */
  readonly source?: { readonly file: string; readonly path: string };
}

/** Opens nothing yet: the first call of the device connects. @throws InputError for a wrong endpoint or profile. */
export function openDevice(options: DeviceOptions): { device: RegisterDevice; profile: DeviceProfile } {
  const { now, source } = options;
  const endpoint = parseEndpoint(options.endpoint, source?.file, source?.path);
  const profile = typeof options.profile === 'object' ? options.profile : loadProfile(options.profile);
  const links = options.links ?? new ModbusLinks();
  const deadline = options.deadline_ms === undefined ? {} : { deadline_ms: options.deadline_ms };
  const link = links.open(endpoint, { ...linkTiming(profile), ...deadline, now });
  const device = profile.sunspec
    ? sunSpecDevice({ link, profile, now })
    : new RegisterDevice({ link, profile, now, bind: () => bindMap(link, profile) });
  return { device, profile };
}
