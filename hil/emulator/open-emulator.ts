/** An endpoint and a mapping file → a grid emulator. The one place that knows which driver an endpoint needs. */
import { parse } from '@fieldbid/core/schema';
import { parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { OpcUaAccess, resolveAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import type { GridEmulator } from './grid-emulator.ts';
import { MappedEmulator } from './mapped-emulator.ts';
import { type LoadedEmulatorMapping, loadMappingFor, type OpcUaEmulatorMapping } from './mapping.ts';
import { ModbusPoints } from './modbus-points.ts';
import { OpcUaPoints } from './opcua-points.ts';

export interface EmulatorOptions {
  /** `tcp://HOST:PORT?unit=N`, `rtu+tcp://…`, `rtu:///dev/…`, or `opc.tcp://HOST:PORT/PATH`. */
  readonly endpoint: string;
  /** Mapping file. */
  readonly mappingFile: string;
  /** OPC UA: security, certificates and user; files in it relative to `source.file`. */
  readonly opcua?: OpcUaAccess;
  /** The clock by which reconnecting backs off, epoch ms. */
  readonly now: () => number;
  /** Real ms for one answer, instead of the mapping's. */
  readonly deadline_ms?: number;
  /** File and path that the endpoint comes from, for errors. */
  readonly source?: { readonly file: string; readonly path: string };
}

/** Opens nothing yet: the first call connects. @throws InputError for a wrong endpoint, mapping or access. */
export function openEmulator(options: EmulatorOptions): GridEmulator {
  const { endpoint, mappingFile, now, deadline_ms, source = { file: 'endpoint', path: '' } } = options;
  const loaded = loadMappingFor(endpoint, mappingFile);
  const { mapping } = loaded;
  const own = deadline_ms === undefined ? {} : { deadline_ms };
  if (mapping.protocol === 'modbus') {
    const timing = { ...mapping.modbus, ...own, now };
    const link = new ModbusLinks().open(parseEndpoint(endpoint, source.file, source.path), timing);
    return new MappedEmulator(new ModbusPoints(link, mapping, now), mapping, now);
  }
  const access = resolveAccess(endpoint, options.opcua ?? parse(OpcUaAccess, {}, source.file), source);
  const opcua = loaded as LoadedEmulatorMapping<OpcUaEmulatorMapping>;
  return new MappedEmulator(new OpcUaPoints(access, opcua, { now, ...own }), mapping, now);
}
