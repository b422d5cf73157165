/** From addresses to devices: look, examine, and notice one device that answers under two addresses. Only reads. */
import { resolve } from 'node:path';
import { parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { type OpcUaOptions, opcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/commands';
import { loadMapping } from '@fieldbid/edge-agent/drivers/opcua/mapping';
import { accessBeside } from '../bench/opcua-lab.ts';
import { serveDumpFile } from '../devices/replay.ts';
import { DUMP } from '../scenario/schema.ts';
import type { Place } from './addresses.ts';
import { examine, examineAs } from './examine.ts';
import { type FoundDevice, isNotFound, type NotFound } from './found-device.ts';
import { type LookOptions, lookAt } from './look.ts';

export interface FindOptions extends LookOptions {
  readonly interval_min: number;
  readonly opcua: OpcUaOptions;
}

export interface Found {
  readonly devices: readonly FoundDevice[];
  readonly nothing: readonly NotFound[];
}

/** @throws InputError for a dump or a mapping that is none. */
export async function findDevices(places: readonly Place[], options: FindOptions): Promise<Found> {
  const modbus = places.filter((place) => place.kind === 'modbus');
  const { seen, nothing } = await lookAt(modbus, options);
  const all: (FoundDevice | NotFound)[] = [];
  for (const [i, sighting] of seen.entries()) {
    options.onProgress(i, seen.length, `reading unit ${sighting.endpoint.unit}`);
    all.push(await examine(sighting, options.interval_min));
  }
  for (const place of places) {
    if (place.kind === 'opcua') all.push(await examineOpcUa(place.endpoint, options));
    if (place.kind === 'dump') all.push(await examineDump(place.file, options));
  }
  return {
    devices: withoutTwice(all.filter((one): one is FoundDevice => !isNotFound(one))),
    nothing: [...nothing, ...all.filter(isNotFound)],
  };
}

async function examineOpcUa(
  endpoint: string,
  { opcua, interval_min }: FindOptions,
): Promise<FoundDevice | NotFound> {
  if (opcua.mapping === undefined) {
    return {
      address: endpoint,
      why: 'what its nodes mean is not known',
      todo: 'give --mapping FILE; `fieldbid edge scan` lists its nodes (docs/how-to/opcua-device.md)',
    };
  }
  const mapping = resolve(opcua.mapping);
  const { name } = loadMapping(mapping).mapping;
  const { opcua: access } = opcUaAccess(endpoint, { ...opcua, mapping });
  const opened = access === undefined ? {} : { opcua: accessBeside(resolve('here'), access) };
  const proposal = { profile: mapping, reason: `mapping ${name}`, others: [] };
  return examineAs({ endpoint, mapping, ...opened }, { device: endpoint, proposal, interval_min });
}

/** A dump is served to this machine for as long as it is looked at. */
async function examineDump(file: string, options: FindOptions): Promise<FoundDevice | NotFound> {
  const path = resolve(file);
  const served = await serveDumpFile(path);
  try {
    const endpoint = parseEndpoint(served.endpoint);
    const { seen } = await lookAt([{ kind: 'modbus', endpoint, units: [1] }], options);
    const [sighting] = seen;
    if (sighting !== undefined) return await examine(sighting, options.interval_min, `${DUMP}${path}`);
    return {
      address: `${DUMP}${file}`,
      why: 'nothing in it answers',
      todo: 'take another: fieldbid edge dump',
    };
  } finally {
    await served.close();
  }
}

/**
 * One device under two addresses is two agents that undo each other: it is kept once. Told by maker, model and serial
 * number; where there is no serial number two devices cannot be told from one, and both stay.
 */
function withoutTwice(devices: readonly FoundDevice[]): FoundDevice[] {
  const kept = new Map<string, FoundDevice>();
  for (const device of devices) {
    const { manufacturer, model, serial } = device.identity;
    const own = serial === null || device.device.startsWith(DUMP);
    const key = own ? device.device : [manufacturer, model, serial].join('\n');
    const same = kept.get(key);
    kept.set(
      key,
      same === undefined ? device : { ...same, alsoAt: [...new Set([...same.alsoAt, device.device])] },
    );
  }
  return [...kept.values()];
}
