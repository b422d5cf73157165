/** `fieldbid run`: one market day, from inverter registers to awards applied and verified. */
import { join } from 'node:path';
import { type Command, Option } from '@fieldbid/core/cli/command';
import { createLogger } from '@fieldbid/core/logging';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { closingText } from './closing.ts';
import { runMarketDay } from './market-day.ts';
import { overridesOf, positive, type ScenarioOptions, scenarioOptions } from './options.ts';
import { progressLine } from './progress.ts';
import { makeRunFolder, writeResults } from './run-folder.ts';

interface RunOptions extends ScenarioOptions {
  out?: string;
  broker?: string;
  ledger: 'embedded' | 'fabric';
  fabricProfile?: string;
  dso: boolean;
  realtime?: boolean;
  speed?: number;
  logLevel: string;
}

export function registerRun(program: Command): void {
  scenarioOptions(program.command('run'))
    .description(
      'Run one market day: simulated inverters behind real Modbus TCP sockets, agents, aggregator, ledger, DSO with GridLAB-D, ISO. Ends with a report. This is what `npm start` does.',
    )
    .option('--out <dir>', 'folder for the results (default: a new one under runs/)')
    .option('--broker <url>', 'MQTT broker to use instead of the embedded one: mqtt://HOST:PORT or mqtts://…')
    .addOption(
      new Option('--ledger <kind>', 'embedded, or fabric: a Hyperledger Fabric network, started for the run')
        .choices(['embedded', 'fabric'])
        .default('embedded'),
    )
    .option(
      '--fabric-profile <file>',
      'with --ledger fabric: a network that is up instead (fieldbid fabric up), fresh for these intervals',
    )
    .option('--no-dso', 'approve every bid unchecked, to see what it would do to the voltages')
    .option('--realtime', 'run by the wall clock instead of as fast as possible')
    .addOption(
      new Option('--speed <x>', 'with --realtime: market seconds per real second (default: 1)').argParser(
        positive,
      ),
    )
    .addOption(
      new Option('--log-level <level>', 'how much goes into log.ndjson in the results')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npm start                                                   the whole day, as fast as possible
  $ npm start -- --no-dso                                       the same without the DSO: voltages leave their limits
  $ npm start -- --intervals 8 --start 2026-06-21T11:00Z        two hours around noon
  $ npm start -- --ledger fabric --intervals 8                  on a Fabric network of its own (FABRIC_BIN)
  $ npm start -- --realtime --speed 60 --intervals 4            an hour of market in a minute
  $ npm start -- --policy no-one-worse                          more energy, nobody below the proportional share
  $ npm start -- --no-day-ahead --start 2026-06-21T11:45Z       real time alone, from any minute

Exit code: 0 when every interval completed (or fell to a fault on demand) and no voltage left its limits, 1 otherwise, 2 for wrong usage.
The results: report.html, summary.json, intervals.csv, awards.csv, voltages.csv, devices.csv, verdicts.csv,
day-ahead.csv, settlement.csv, statements.csv, faults.csv, ledger-payloads.ndjson, log.ndjson, the stores under gateway/,
and scenario/ and run.json for fieldbid replay.`,
    )
    .action(async (options: RunOptions, command: Command) => {
      if (options.speed !== undefined && options.realtime !== true) {
        command.error('fieldbid: --speed needs --realtime (without it the day runs as fast as it can)');
      }
      if (options.fabricProfile !== undefined && options.ledger !== 'fabric') {
        command.error('fieldbid: --fabric-profile needs --ledger fabric');
      }
      const loaded = loadScenario(options.scenario, overridesOf(options));
      const folder = makeRunFolder(loaded.scenario.name, options.out);
      const log = createLogger({ level: options.logLevel, file: join(folder, 'log.ndjson') });
      console.error(`${loaded.scenario.name}: results go to ${folder}`);
      const { calendar } = loaded.scenario;
      const progress = progressLine(calendar.intervals * calendar.interval_min);
      const run = await runMarketDay({
        loaded,
        folder,
        dsoEnforced: options.dso,
        ledger:
          options.ledger === 'fabric'
            ? { kind: 'fabric', profile: options.fabricProfile }
            : { kind: 'embedded' },
        ...(options.broker === undefined ? {} : { brokerUrl: options.broker }),
        ...(options.realtime === true ? { realtimeSpeed: options.speed ?? 1 } : {}),
        log,
        say: (line) => console.error(line),
        progress,
      }).finally(() => progress.finish());
      const summary = writeResults(folder, run);
      console.log(closingText(summary, folder));
      if (shortcomings(summary).length > 0) process.exitCode = 1;
    });
}
