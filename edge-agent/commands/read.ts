/** `fieldbid edge read` and `scan`: what a device is and does. Nothing is written. */
import type { Command } from '@fieldbid/core/cli/command';
import { FieldbidError } from '@fieldbid/core/errors';
import { deadManText } from '../device/dead-man.ts';
import type { DerIdentity, DerReading } from '../device/der-device.ts';
import { openDevice } from '../device/open-device.ts';
import type { RegisterLink } from '../drivers/modbus/register-link.ts';
import { isOpcUaEndpoint } from '../drivers/opcua/access.ts';
import { addOpcUaOptions, type OpcUaOptions, opcUaAccess, scanServer } from '../drivers/opcua/commands.ts';
import { deviceJson } from '../drivers/sunspec/device-json.ts';
import { modelDefinition } from '../drivers/sunspec/models.ts';
import { ModelReader } from '../drivers/sunspec/read-models.ts';
import { type ScanResult, scan } from '../drivers/sunspec/scan.ts';
import type { DeviceProfile } from '../profiles/profile.ts';
import { listUnits } from './find-units.ts';
import {
  forReading,
  profileFor,
  type TargetOptions,
  table,
  targetOptions,
  unitList,
  watts,
  whole,
  withLink,
} from './target.ts';

export function registerRead(edge: Command): void {
  const reading = targetOptions(
    edge.command('read').description('Read a device once and say what it is and does. Nothing is written.'),
  ).option('--mapping <file>', 'OPC UA: the mapping file, which says what the nodes mean');
  addOpcUaOptions(reading)
    .addHelpText(
      'after',
      `
--json prints every point of every SunSpec model:
  { base, complete, faults, models: [{ id, name, address, length, points: { NAME: { raw, value, sf } }, groups }] }
  null: not implemented; groups that repeat are lists; models of vendors have their registers as well.
  A device without SunSpec models prints { identity, reading }.

Examples:
  $ npx fieldbid edge read 'tcp://192.0.2.10:502?unit=1'
  $ npx fieldbid edge read --json 'tcp://192.0.2.10:502?unit=126' | jq '.models[] | select(.id==103).points.W'
  $ npx fieldbid edge read --profile huawei-sun2000 'tcp://192.0.2.11:502?unit=1'
  $ npx fieldbid edge read opc.tcp://192.0.2.10:4840/inverter --mapping inverter.yaml --user operator --password-file password`,
    )
    .action((endpoint: string, options: TargetOptions & OpcUaOptions) =>
      forReading(options, (tried) => readDevice(endpoint, tried)),
    );
  const scanning = targetOptions(
    edge
      .command('scan')
      .description('List the SunSpec models, or the OPC UA nodes, that a device has. Nothing is written.'),
  ).option('--most <n>', 'OPC UA: nodes to list', whole(1, 100_000), 500);
  addOpcUaOptions(scanning)
    .option('--units <list>', 'look for devices under these unit ids, such as 1-10,126,240', unitList)
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid edge scan 'tcp://192.0.2.10:502?unit=126'
  $ npx fieldbid edge scan --units 1-10,71,126,200,240 tcp://192.0.2.10:502`,
    )
    .action((endpoint: string, options: ScanOptions) =>
      forReading(options, (tried) => scanDevice(endpoint, tried)),
    );
}

async function readDevice(endpoint: string, options: TargetOptions & OpcUaOptions): Promise<void> {
  const modbus = !isOpcUaEndpoint(endpoint);
  if (modbus && options.json === true && (await printModels(endpoint, options))) return;
  const profile = profileFor(options);
  const { device } = openDevice({ endpoint, profile, now: Date.now, ...opcUaAccess(endpoint, options) });
  try {
    const identity = await device.identity();
    const reading = await device.read();
    if (options.json === true) console.log(JSON.stringify({ identity, reading }, null, 2));
    else console.log(describe(identity, reading));
  } finally {
    await device.close();
  }
}

/** @returns false for a device that has no SunSpec models, by its profile. */
async function printModels(endpoint: string, options: TargetOptions): Promise<boolean> {
  return withLink(endpoint, options, async (link, profile) => {
    if (!profile.sunspec) return false;
    const found = await scanned(link, profile);
    const reader = new ModelReader(link, found.models, found.blocks);
    const json = deviceJson(found, await reader.read(found.blocks));
    console.log(JSON.stringify(json, null, 2));
    for (const fault of json.faults) console.error(`fieldbid: ${fault}`);
    return true;
  });
}

/** @throws FieldbidError `SUNSPEC_NOT_FOUND`. */
export async function scanned(link: RegisterLink, { modbus }: DeviceProfile): Promise<ScanResult> {
  const { bases, maxRead } = modbus;
  const found = await scan(link, { maxRead, ...(bases === undefined ? {} : { bases }) });
  if (!('found' in found)) return found;
  throw new FieldbidError('SUNSPEC_NOT_FOUND', `${link.name} is no SunSpec device: ${found.fault}`);
}

type ScanOptions = TargetOptions & OpcUaOptions & { units?: readonly number[]; most: number };

async function scanDevice(endpoint: string, options: ScanOptions): Promise<void> {
  if (isOpcUaEndpoint(endpoint)) return scanServer(endpoint, options);
  if (options.units !== undefined) return listUnits(endpoint, options.units, options);
  await withLink(endpoint, options, async (link, profile) => {
    const found = await scanned(link, profile);
    if (options.json === true) {
      const { blocks: _, commons, ...shown } = found;
      const common = Object.fromEntries(
        [...(commons[0]?.points ?? [])].map(([name, { value }]) => [name, value]),
      );
      console.log(JSON.stringify({ ...shown, common }, null, 2));
    } else console.log(chainText(link.name, found));
    if (!found.complete) process.exitCode = 1;
  });
}

function chainText(name: string, { base, models, complete, fault }: ScanResult): string {
  const lines = models.map(({ id, address, length }) => {
    const known = modelDefinition(id)?.name ?? 'vendor model, not in the table';
    return `  ${String(address).padStart(5)}  ${String(id).padStart(5)}  ${known} (${length} registers)`;
  });
  const early = complete ? [] : [`The chain ends early: ${fault}`];
  return [`${name}: SunSpec at ${base}`, '  from   model', ...lines, ...early].join('\n');
}

function describe(identity: DerIdentity, reading: DerReading): string {
  const known = (value: number | null, unit: string): string =>
    value === null ? 'not said' : `${Math.round(value * 10) / 10} ${unit}`;
  const { limit, storage } = reading;
  const limitText =
    limit === null
      ? 'none possible'
      : `${limit.enabled ? 'in force' : 'not in force'}, ${limit.pct} % of ${watts(reading.rating_W)}` +
        (limit.revert_s === null ? ', no revert timer' : `, revert timer ${limit.revert_s} s`);
  const rows: [string, string][] = [
    ['device', [identity.manufacturer, identity.model, identity.version].filter(Boolean).join(' ')],
    ['serial', identity.serial ?? 'not said'],
    [
      'read and limited by',
      `${identity.measurement}, ${identity.control ?? 'nothing'} (profile ${identity.profile})`,
    ],
    ['when nobody commands', deadManText(identity.deadMan)],
    ['state', `${reading.state ?? 'not said'}${reading.connected === false ? ', says disconnected' : ''}`],
    ['power', known(reading.power_W, 'W')],
    ['available', known(reading.available_W, 'W')],
    ['limit', limitText],
    ['voltages', reading.voltages_V.map((volts) => known(volts, 'V')).join(', ')],
    ['energy', known(reading.energy_Wh, 'Wh')],
    ...(storage == null
      ? []
      : [
          ['storage', `${known(storage.soc_pct, '%')} of ${known(storage.capacity_Wh, 'Wh')}`] as [
            string,
            string,
          ],
        ]),
    ...identity.warnings.map((warning): [string, string] => ['note', warning]),
  ];
  return table(rows);
}
