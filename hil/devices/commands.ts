/** `fieldbid sim …`: simulated devices by themselves. */
import { type Command, group, Option, runUntilSignal } from '@fieldbid/core/cli/command';
import { type Endpoint, parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { registerSimEmulator } from '../emulator/sim-command.ts';
import { registerSimOpcUa } from './opcua/command.ts';
import { hostAndPort, mustBeLocal, number, type PvOptions, pvInverter, pvOptions } from './options.ts';
import { serve } from './serve.ts';
import { type Quirks, SimulatedInverter } from './simulated-inverter.ts';
import { FAMILIES, type FamilyName } from './twins/families.ts';

interface InverterCommand extends PvOptions {
  at?: Endpoint;
  listen: { host: string; port: number };
  allowRemote?: boolean;
  family: FamilyName;
  quirk: readonly (keyof typeof QUIRKS)[];
  unit?: number;
}

/** Quirks by the names that the command line takes. */
const QUIRKS = {
  refusesWriteSingle: { refusesWriteSingle: true },
  refusesWriteMultiple: { refusesWriteMultiple: true },
  noRevertTimer: { noRevertTimer: true },
  noAvailablePower: { noAvailablePower: true },
  readsBackZero: { readsBackZero: true },
  enableStuck: { enableStuck: true },
  movingScales: { movingScales: true },
  standbyAtZero: { standby: { below_pct: 0, restart_s: 60 } },
  nightSentinels: { nightSentinels: true },
} satisfies Record<string, Quirks>;

export function registerSim(program: Command): void {
  const sim = group(program, 'sim', 'simulated devices, spoken to as if they were real');
  registerSimOpcUa(sim);
  registerSimEmulator(sim);
  const inverter = sim
    .command('inverter')
    .description(
      'Run one simulated device: a SunSpec PV inverter (models 1, 101/103, 120-123), or the twin of another family.',
    )
    .addOption(
      new Option('--family <name>', 'whose registers and ways it has')
        .choices(Object.keys(FAMILIES))
        .default('generic-1xx'),
    )
    .addOption(
      new Option('--quirk <name...>', 'ways of real devices to meet')
        .choices(Object.keys(QUIRKS))
        .default([]),
    )
    .requiredOption('--listen <host:port>', 'where to answer; port 0 picks a free one', hostAndPort, {
      host: '127.0.0.1',
      port: 15_020,
    })
    .option(
      '--at <endpoint>',
      'instead of --listen and --unit: rtu+tcp://HOST:PORT?unit=N, rtu:///dev/ttyUSB0?baud=9600&unit=N, …',
      (text) => parseEndpoint(text, '--at'),
    )
    .option('--allow-remote', 'accept an address that other machines can reach (Modbus has no password)')
    .option('--unit <n>', "Modbus unit id; the family's by default, mostly 1", number(0, 255));
  pvOptions(inverter)
    .addHelpText(
      'after',
      `
Example:
  $ npx fieldbid sim inverter --listen 127.0.0.1:15020 --rating 5000 --phases ABC
  $ npx fieldbid edge read 'tcp://127.0.0.1:15020?unit=1'      (in another terminal)
  $ npx fieldbid sim inverter --family sma --phases ABC        (reads back 0 and obeys)
  $ npx fieldbid sim inverter --quirk refusesWriteMultiple     (function 6 only)`,
    )
    .action((options: InverterCommand, command: Command) => runInverter(options, command));
}

async function runInverter(options: InverterCommand, command: Command): Promise<void> {
  const at = options.at ?? {
    scheme: 'tcp',
    ...options.listen,
    unit: options.unit ?? FAMILIES[options.family].unit,
  };
  const host = at.scheme === 'rtu' ? 'localhost' : at.host;
  mustBeLocal(host, options.allowRemote, command);
  const inverter = new SimulatedInverter({
    family: options.family,
    quirks: Object.assign({}, ...options.quirk.map((name) => QUIRKS[name])) as Quirks,
    ...pvInverter(options),
    unit: at.unit,
  });
  const served = await serve(inverter.registers, at);
  const { endpoint } = served;
  const { profile } = FAMILIES[options.family];
  const more = profile === 'generic-1xx' ? '' : ` --profile ${profile}`;
  console.log(`A simulated ${options.rating} W device (${options.family}) answers at ${endpoint}; Ctrl-C ends it.
Now at its terminals: ${Math.round(inverter.terminalPower_W())} W. Try, in another terminal${at.scheme === 'rtu' ? ', at the other end of the line' : ''}:
  npx fieldbid edge read '${endpoint}'${more}
  npx fieldbid edge limit '${endpoint}'${more} --percent 50`);
  await runUntilSignal(() => served.close());
}
