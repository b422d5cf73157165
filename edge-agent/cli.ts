/** `fieldbid edge …`: the program beside the inverters, and what one needs to look at a device. */
import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { createLogger } from '@fieldbid/core/logging';
import { registerAttestation } from './attestation/commands.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDump } from './commands/dump.ts';
import { registerInstallService } from './commands/install-service.ts';
import { registerLimit } from './commands/limit.ts';
import { registerProfiles } from './commands/profiles.ts';
import { registerRead } from './commands/read.ts';
import { registerTrust } from './drivers/opcua/commands.ts';
import { agentFromConfig } from './run.ts';
import { serviceReady } from './service/notify.ts';

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
  registerRead(edge);
  registerTrust(edge);
  registerDump(edge);
  registerLimit(edge);
  registerProfiles(edge);
  registerAttestation(edge);
  registerDoctor(edge);
  registerInstallService(edge);
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

More keys: clock, metrics (listen, tokenFile), keyFile, uplink (bufferFile, maxBytes, drop), awardsFile, cycle_s, verdictDeadline_s, market.clearSkyFile; of a device: profile, withoutAward,
defaultLimit_W, revert_s, reserve_pct (of a battery); of an OPC UA device (endpoint opc.tcp://...): mapping, and opcua with securityMode,
securityPolicy, pkiFolder, user { name, passwordFile }. A wrong key is named with its line.`;

async function runAgent(options: { config: string; logLevel: string }): Promise<void> {
  const log = createLogger({ level: options.logLevel }).child({ room: 'edge-agent' });
  const { agent, alive, close } = await agentFromConfig(options.config, log);
  await agent.start();
  log.info('the agent is running');
  const service = await serviceReady({ log, alive });
  await Promise.race([agent.done(), runUntilSignal(async () => {})]);
  await service.stopping();
  await agent.stop();
  await close();
}
