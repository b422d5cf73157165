/** Options of `fieldbid bench init`: each answers a question that is asked where it is not given. */
import { type Command, Option } from '@fieldbid/core/cli/command';
import { unitList, whole } from '@fieldbid/edge-agent/commands/target';
import { addOpcUaOptions, type OpcUaOptions } from '@fieldbid/edge-agent/drivers/opcua/commands';
import { DEFAULT_UNITS } from './look.ts';

export interface InitOptions extends OpcUaOptions {
  out?: string;
  force?: boolean;
  units: readonly number[];
  timeout: number;
  connectTimeout: number;
  feeder?: string;
  others?: string;
  place?: readonly string[];
  acceptNoDeadMan?: readonly string[];
  riskFactor?: string;
  dera?: string;
  intervals?: string;
  intervalMin?: string;
  start?: string;
  clock?: string;
  yes?: boolean;
  json?: boolean;
}

export function initOptions(command: Command): Command {
  command
    .addOption(
      new Option('--units <list>', 'unit ids to ask where an address names none')
        .argParser(unitList)
        .default([...DEFAULT_UNITS], DEFAULT_UNITS.join(',')),
    )
    .option('--timeout <ms>', 'for one answer; some devices take a second', whole(10, 60_000), 1500)
    .option('--connect-timeout <ms>', 'for a connection', whole(10, 60_000), 1000)
    .option('--out <dir>', 'new folder for the scenario (asked; default my-bench)')
    .option('--force', 'write a scenario anew that lies there')
    .option('--feeder <name>', 'a folder of feeders/, or a feeder.yaml (asked; default ieee13)')
    .addOption(
      new Option('--others <what>', 'the other DERs of the feeder (asked; default simulated)').choices([
        'simulated',
        'none',
      ]),
    )
    .option(
      '--place <device=der>',
      'DEVICE=DER[,profile=NAME|FILE][,rf=PERCENT][,dera=ID][,watchdog=SECONDS]; DEVICE is a serial number or address, DER may be none. Once for each device',
      oneMore,
    )
    .option(
      '--accept-no-dead-man <device>',
      'bench a device on which nothing ends a limit when this program dies. Once for each',
      oneMore,
    )
    .option(
      '--risk-factor <percent>',
      'RF of the devices that --place says nothing else of (asked; default 0)',
    )
    .option('--dera <id>', 'the DERA of those devices (default dera-1)')
    .option('--intervals <n>', 'how many market intervals (asked; default 4)')
    .option('--interval-min <n>', 'their length, minutes (default 15)')
    .option(
      '--start <minute>',
      "first interval in market time, e.g. 2026-06-21T12:00Z, or now: this machine's hour on the market's day (asked; default noon)",
    )
    .option('--clock <source>', 'realtime or fast (default: realtime where anything physical stands there)')
    .option('--yes', 'ask nothing: defaults where no option says otherwise')
    .option('--json', 'print what is found and proposed as JSON; nothing is asked, no scenario is written')
    .option('--mapping <file>', 'OPC UA: the mapping file, which says what the nodes mean');
  return addOpcUaOptions(command);
}

const oneMore = (text: string, before: readonly string[] = []): string[] => [...before, text];

export const HELP = `
Nothing but the addresses that you name is looked at, and nothing is written to any device. Addresses:
  tcp://192.0.2.10              Modbus TCP, port 502; ?unit=126 asks that unit alone
  tcp://192.0.2.10-20:502       a range; tcp://192.0.2.0/24 a network; at most 256 addresses
  rtu:///dev/ttyUSB0?baud=9600  a serial line; rtu+tcp://HOST:PORT RTU frames over TCP
  opc.tcp://HOST:4840/PATH      OPC UA, with --mapping (and --user, --password-file)
  dump:roof.json                a register dump, served again: no hardware at all

Examples:
  $ npx fieldbid bench init tcp://192.0.2.10 tcp://192.0.2.11          asks the rest
  $ npx fieldbid bench init --json tcp://192.0.2.0/24                  only looks
  $ npx fieldbid bench init --yes --out lab 'tcp://192.0.2.10?unit=126' --place SN123=pv-634,rf=-5
  $ npx fieldbid run --scenario lab/scenario.yaml                      shows what it will write, and asks

Exit code: 0 the scenario is written (with --json: a device was found), 1 it is not, 2 for wrong usage, 130 for Ctrl-C.`;
