/** `fieldbid edge …`: the program beside the inverters, and what one needs to look at a device. */
import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { createLogger } from '@fieldbid/core/logging';
import { registerAttestation } from './attestation/commands.ts';
import type { DerIdentity, DerReading } from './device/der-device.ts';
import { openDevice } from './device/open-device.ts';
import { parseEndpoint } from './drivers/modbus/endpoint.ts';
import { ModbusLinks } from './drivers/modbus/register-link.ts';
import { modelDefinition } from './drivers/sunspec/models.ts';
import { scan } from './drivers/sunspec/scan.ts';
import { DEFAULT_PROFILE } from './profiles/profile.ts';
import { agentFromConfig } from './run.ts';

const ENDPOINT = 'tcp://HOST:PORT?unit=N (quote it: the shell takes ? and & for itself)';

export function register(program: Command): void {
  const edge = group(
    program,
    'edge',
    'the agent beside the inverter: reads, bids, applies and verifies awards',
  );
  edge
    .command('run')
    .description('Run the agent until its calendar is over or it is told to stop.')
    .requiredOption('--config <file>', 'YAML file: broker, clock, market, devices')
    .addOption(logLevelOption())
    .addHelpText('after', CONFIG_HELP)
    .action(runAgent);
  edge
    .command('read')
    .description('Read a device once and say what it is and does. Nothing is written.')
    .argument('<endpoint>', ENDPOINT)
    .option('--profile <name>', 'device profile, or a .yaml file', DEFAULT_PROFILE)
    .option('--json', 'print everything as JSON, raw registers included')
    .addHelpText('after', "\nExample:\n  $ npx fieldbid edge read 'tcp://192.0.2.10:502?unit=1'")
    .action(readDevice);
  edge
    .command('scan')
    .description('List the SunSpec models that a device has. Nothing is written.')
    .argument('<endpoint>', ENDPOINT)
    .option('--json', 'print as JSON')
    .addHelpText('after', "\nExample:\n  $ npx fieldbid edge scan 'tcp://192.0.2.10:502?unit=126'")
    .action(scanDevice);
  registerAttestation(edge);
}

const CONFIG_HELP = `
The file, with the least that it needs:
  agentId: roof-7
  broker: { url: mqtt://127.0.0.1:1883 }
  market:
    deraId: dera-1
    calendar: { start: 2026-06-21T00:00Z }
    forecastFile: price-forecast.csv        # start,price_USD_per_MWh
  devices:
    - derId: pv-7
      deviceIds: [inv-7]
      endpoint: tcp://127.0.0.1:15020?unit=1
      riskFactor_pct: 5

More keys: clock, keyFile, uplink (bufferFile, maxBytes, drop), cycle_s, verdictDeadline_s, market.clearSkyFile; of a device: profile, withoutAward,
defaultLimit_W, revert_s. A wrong key is named with its line.`;

async function runAgent(options: { config: string; logLevel: string }): Promise<void> {
  const log = createLogger({ level: options.logLevel }).child({ room: 'edge-agent' });
  const { agent, close } = await agentFromConfig(options.config, log);
  await agent.start();
  log.info('the agent is running');
  await Promise.race([agent.done(), runUntilSignal(async () => {})]);
  await agent.stop();
  await close();
}

async function readDevice(endpoint: string, options: { profile: string; json?: boolean }): Promise<void> {
  const { device } = openDevice({ endpoint, profile: options.profile, now: Date.now });
  try {
    const identity = await device.identity();
    const reading = await device.read();
    if (options.json === true) console.log(JSON.stringify({ identity, reading }, null, 2));
    else console.log(describe(identity, reading));
  } finally {
    await device.close();
  }
}

async function scanDevice(text: string, options: { json?: boolean }): Promise<void> {
  const link = new ModbusLinks().open(parseEndpoint(text));
  try {
    const found = await scan(link);
    if (options.json === true) {
      const common = 'common' in found ? Object.fromEntries(found.common) : {};
      console.log(JSON.stringify({ ...found, common }, null, 2));
    } else if ('found' in found) {
      console.log(`${link.name}: ${found.fault}`);
    } else {
      const lines = found.models.map(
        ({ id, address, length }) =>
          `  ${String(address).padStart(5)}  ${String(id).padStart(5)}  ${modelDefinition(id)?.name ?? 'vendor model, not in the table'} (${length} registers)`,
      );
      console.log([`${link.name}: SunSpec at ${found.base}`, '  from   model', ...lines].join('\n'));
      if (!found.complete) console.log(`The chain ends early: ${found.fault}`);
    }
    if ('found' in found || !found.complete) process.exitCode = 1;
  } finally {
    await link.close();
  }
}

function describe(identity: DerIdentity, reading: DerReading): string {
  const known = (value: number | null, unit: string): string =>
    value === null ? 'not said' : `${Math.round(value * 10) / 10} ${unit}`;
  const { limit } = reading;
  const limitText =
    limit === null
      ? 'none possible'
      : `${limit.enabled ? 'in force' : 'not in force'}, ${limit.pct} % of ${known(reading.rating_W, 'W')}` +
        (limit.revert_s === null ? ', no revert timer' : `, revert timer ${limit.revert_s} s`);
  const rows: [string, string][] = [
    ['device', [identity.manufacturer, identity.model, identity.version].filter(Boolean).join(' ')],
    ['serial', identity.serial ?? 'not said'],
    [
      'read and limited by',
      `${identity.measurement}, ${identity.control ?? 'nothing'} (${identity.profile})`,
    ],
    ['state', `${reading.state ?? 'not said'}${reading.connected === false ? ', says disconnected' : ''}`],
    ['power', known(reading.power_W, 'W')],
    ['available', known(reading.available_W, 'W')],
    ['limit', limitText],
    ['voltages', reading.voltages_V.map((volts) => known(volts, 'V')).join(', ')],
    ['energy', known(reading.energy_Wh, 'Wh')],
    ...identity.warnings.map((warning): [string, string] => ['note', warning]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(20)} ${value}`).join('\n');
}
