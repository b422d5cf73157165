/** `fieldbid run`: one market day, from inverter registers to awards applied and verified. */
import { join } from 'node:path';
import { type Command, Option, runUntilSignal } from '@fieldbid/core/cli/command';
import { codeOf } from '@fieldbid/core/errors';
import { createLogger } from '@fieldbid/core/logging';
import { agreeToWrites, CONSENT_OPTION } from '../commissioning/consent.ts';
import { endSoon } from '../helics/processes/member-process.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { isPhysical, type Scenario } from '../scenario/schema.ts';
import { closingText } from './closing.ts';
import {
  type ClockSource,
  clockOf,
  elsewhereOf,
  federationOf,
  type HelicsOptions,
  superviseHelicsRun,
} from './helics-run.ts';
import { endedInOrder } from './interrupt.ts';
import { runMarketDay } from './market-day.ts';
import { integer, overridesOf, positive, type ScenarioOptions, scenarioOptions } from './options.ts';
import { type PageAddress, pageAddress, pageOption } from './page.ts';
import { progressLine } from './progress.ts';
import { makeRunFolder, writeResults } from './run-folder.ts';

interface RunOptions extends ScenarioOptions, HelicsOptions {
  out?: string;
  broker?: string;
  ledger: 'embedded' | 'fabric';
  fabricProfile?: string;
  dso: boolean;
  clock?: ClockSource;
  realtime?: boolean;
  speed?: number;
  federation?: string;
  page?: PageAddress | true;
  keepPage?: boolean;
  writeToHardware?: boolean;
  logLevel: string;
}

const HURRIED_HARDWARE =
  'This run goes as fast as it can, and hardware does not: its commands may be judged before it has followed. ' +
  '--realtime, or --clock helics --speed 1, go by the wall clock.';

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
    .addOption(
      new Option(
        '--clock <source>',
        'fast: as fast as the work allows; realtime: the wall clock; helics: a HELICS federation (default: the scenario’s, fast)',
      ).choices(['fast', 'realtime', 'helics']),
    )
    .option('--realtime', 'the same as --clock realtime')
    .addOption(
      new Option(
        '--speed <x>',
        'market seconds per real second: by the wall clock (default: 1), or most of a HELICS federation, as hardware in it wants (default: as fast as it goes)',
      ).argParser(positive),
    )
    .option('--processes', 'with --clock helics: every DER in a process of its own')
    .option(
      '--elsewhere <ids>',
      'with --clock helics: DERs that run on other machines, comma-separated, or all; the commands are printed',
    )
    .option('--observers <n>', 'with --clock helics: federates of others to wait for', integer(0))
    .option('--broker-listen <address>', 'with --clock helics: where its broker listens, HOST:PORT')
    .addOption(new Option('--federation <address>', 'the market alone, for a broker that runs').hideHelp())
    .addOption(pageOption())
    .option('--keep-page', 'with --page: when the day is over the page stays up until Ctrl-C')
    .option(
      CONSENT_OPTION,
      'where the scenario names physical devices: write to them without asking (what is written is shown all the same)',
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
  $ npm start -- --clock helics                                 time and messages by HELICS, a federate for each DER
  $ npm start -- --clock helics --speed 1                       the same no faster than the wall clock: for hardware in it
  $ npm start -- --realtime --speed 60 --intervals 4            an hour of market in a minute
  $ npm start -- --page --realtime --speed 60 --intervals 4     the same, watched in a browser
  $ npm start -- --policy no-one-worse                          more energy, nobody below the proportional share
  $ npm start -- --no-day-ahead --start 2026-06-21T11:45Z       real time alone, from any minute

Exit code: 0 when every interval completed (or fell to a fault on demand) and no voltage left its limits, 1 otherwise, 2 for wrong usage.
The results: report.html, summary.json, intervals.csv, awards.csv, voltages.csv, devices.csv, verdicts.csv,
day-ahead.csv, settlement.csv, statements.csv, faults.csv, emulators.csv, pacing.csv by the wall clock, ledger-payloads.ndjson,
log.ndjson, the stores under gateway/, and scenario/ and run.json for fieldbid replay.`,
    )
    .action(async (options: RunOptions, command: Command) => {
      if (options.fabricProfile !== undefined && options.ledger !== 'fabric') {
        command.error('fieldbid: --fabric-profile needs --ledger fabric');
      }
      if (options.keepPage === true && options.page === undefined) {
        command.error('fieldbid: --keep-page needs --page');
      }
      const page = pageAddress(options.page);
      const loaded = loadScenario(options.scenario, overridesOf(options));
      const clock = clockOf(options, loaded, command);
      // The market's part of a federation was started by a run that has asked already.
      if (options.federation === undefined) {
        const elsewhere = clock === 'helics' ? elsewhereOf(loaded, options) : [];
        const here = (der: Scenario['ders'][number]) => isPhysical(der) && !elsewhere.includes(der.derId);
        await agreeToWrites(loaded, { given: options.writeToHardware === true, of: here, emulators: true });
        const hurries = clock === 'fast' || (clock === 'helics' && options.speed === undefined);
        if (hurries && loaded.scenario.ders.some(isPhysical)) console.error(HURRIED_HARDWARE);
      }
      if (clock === 'helics' && options.federation === undefined) {
        process.exitCode = await superviseHelicsRun(loaded, options, process.argv.slice(3));
        return;
      }
      const folder = makeRunFolder(loaded.scenario.name, options.out);
      const log = createLogger({ level: options.logLevel, file: join(folder, 'log.ndjson') });
      console.error(`${loaded.scenario.name}: results go to ${folder}`);
      const { calendar } = loaded.scenario;
      const progress = progressLine(calendar.intervals * calendar.interval_min);
      const finish = (run: RunRecord): void => {
        progress.finish();
        const summary = writeResults(folder, run);
        console.log(closingText(summary, folder));
        if (shortcomings(summary).length > 0) process.exitCode = 1;
      };
      const keep = async (run: RunRecord): Promise<void> => {
        finish(run);
        console.error('The day is over; the page stays up until Ctrl-C.');
        await runUntilSignal(async () => {});
      };
      const signal = endedInOrder(loaded.scenario);
      const run = await runMarketDay({
        ...(signal === undefined ? {} : { signal }),
        loaded,
        folder,
        dsoEnforced: options.dso,
        ledger:
          options.ledger === 'fabric'
            ? { kind: 'fabric', profile: options.fabricProfile }
            : { kind: 'embedded' },
        ...(options.broker === undefined ? {} : { brokerUrl: options.broker }),
        ...(clock === 'realtime' ? { realtimeSpeed: options.speed ?? 1 } : {}),
        ...(clock === 'helics' && options.speed !== undefined ? { paceSpeed: options.speed } : {}),
        ...(options.federation === undefined
          ? {}
          : { federation: federationOf(loaded, options, options.federation) }),
        log,
        say: (line) => console.error(line),
        progress,
        ...(page === undefined ? {} : { page }),
        ...(options.keepPage === true ? { onEnd: keep } : {}),
      })
        .catch((error: unknown) => {
          if (options.federation !== undefined || codeOf(error) === 'INTERRUPTED') endSoon();
          throw error;
        })
        .finally(() => progress.finish());
      if (options.keepPage !== true) finish(run);
    });
}
