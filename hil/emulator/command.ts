/** `fieldbid emulator check|set`: one grid emulator, looked at and set by hand. */
import { type Command, group, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { InputError } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import { table } from '@fieldbid/edge-agent/commands/target';
import { addOpcUaOptions, type OpcUaOptions, opcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/commands';
import { number } from '../devices/options.ts';
import { EmulatorControl, REAL_PACE } from './control.ts';
import type { EmulatorIdentity, EmulatorReading, GridEmulator } from './grid-emulator.ts';
import { nextSetpoint, type Range, rangeOf } from './limits.ts';
import { openEmulator } from './open-emulator.ts';
import { EmulatorLimits } from './section.ts';

interface TargetOptions extends OpcUaOptions {
  mapping: string;
  nominal?: number;
  lowPu: number;
  highPu: number;
  stepPu: number;
  settle: number;
  json?: boolean;
}

interface SetOptions extends TargetOptions {
  volts: number[];
  yes?: boolean;
}

const DEFAULTS = parse(EmulatorLimits, {}, 'defaults');

export function registerEmulator(program: Command): void {
  const emulator = group(
    program,
    'emulator',
    'grid emulators: AC sources that give inverters the feeder’s voltage',
  );
  targetOptions(emulator.command('check'))
    .description(
      'Read a grid emulator: what it is, what it delivers, and whether the bench would take it over.',
    )
    .addHelpText(
      'after',
      `
Nothing is written. Exit code: 0 when the bench would take it over, 1 otherwise.

Examples:
  $ npx fieldbid emulator check 'tcp://192.0.2.20:502?unit=1' --mapping my-source.yaml --nominal 230
  $ npx fieldbid emulator check opc.tcp://192.0.2.20:4840/source --mapping my-source.yaml --user operator --password-file password`,
    )
    .action(check);
  targetOptions(emulator.command('set'))
    .description(
      'Set its voltages by hand, within limits and in steps, and watch by the measured output whether it obeys.',
    )
    .requiredOption(
      '--volts <list>',
      'phase to neutral: one for all channels, or one for each, by comma',
      volts,
    )
    .option('--yes', 'write; without it the steps are only shown')
    .addHelpText(
      'after',
      `
Its output is neither closed nor opened. The command ends with verified (0), refused (1) or unproven (1): what a setpoint
reads back proves nothing. An emulator with a watchdog falls back by itself, because nobody refreshes it afterwards.

Examples:
  $ npx fieldbid emulator set 'tcp://192.0.2.20:502?unit=1' --mapping my-source.yaml --volts 236.9          the steps
  $ npx fieldbid emulator set 'tcp://192.0.2.20:502?unit=1' --mapping my-source.yaml --volts 236.9 --yes    and does it
  $ npx fieldbid emulator set 'tcp://192.0.2.20:502?unit=1' --mapping my-source.yaml --volts 230,225,230 --yes`,
    )
    .action(set);
}

function targetOptions(command: Command): Command {
  return addOpcUaOptions(
    command
      .argument(
        '<endpoint>',
        'tcp://HOST:PORT?unit=N, rtu+tcp://…, rtu:///dev/…, or opc.tcp://HOST:PORT/PATH',
      )
      .requiredOption('--mapping <file>', 'what its registers or nodes are')
      .option('--nominal <volts>', 'phase to neutral, V; the emulator’s own by default', number(1, 1000))
      .option('--low-pu <pu>', 'never below', number(0.5, 1), DEFAULTS.low_pu)
      .option('--high-pu <pu>', 'never above', number(1, 1.3), DEFAULTS.high_pu)
      .option('--step-pu <pu>', 'largest change of one write', number(0.011, 0.1), DEFAULTS.step_pu)
      .option('--settle <s>', 'within so long it has followed', number(0.1, 20), DEFAULTS.settle_s)
      .option('--json', 'print as JSON, for scripts'),
  );
}

async function check(endpoint: string, options: TargetOptions): Promise<void> {
  await withEmulator(endpoint, options, async ({ control, identity, reading }) => {
    const reason = await control.examine();
    if (options.json === true) {
      console.log(JSON.stringify({ identity, reading, takenOver: reason === undefined, reason }, null, 2));
    } else {
      const would = reason === undefined ? 'would take it over' : `would not: ${reason}`;
      console.log(table([...describe(identity, reading), ['the bench', would]]));
    }
    if (reason !== undefined) process.exitCode = 1;
  });
}

async function set(endpoint: string, options: SetOptions): Promise<void> {
  await withEmulator(endpoint, options, async ({ control, emulator, identity, reading, nominal_V }) => {
    const { channels } = identity;
    const wanted_V =
      options.volts.length === 1 ? Array.from({ length: channels }, () => options.volts[0]!) : options.volts;
    const range = rangeOf(limitsOf(options), nominal_V, identity.resolution_V);
    const outside = wanted_V.find((one) => one < range.least_V || one > range.most_V);
    if (outside !== undefined || wanted_V.length !== channels) {
      const found =
        outside === undefined ? `${wanted_V.length} voltages for ${channels} channels` : `${outside} V`;
      const expected = `1 or ${channels} voltages from ${range.least_V} to ${range.most_V} V (--low-pu, --high-pu)`;
      throw new InputError({ source: '--volts', path: '', found, expected });
    }
    const reason = await control.examine();
    if (reason !== undefined) return ended(options, 'refused', reason);
    if (reading.output === 'off')
      return ended(options, 'refused', 'its output is open: close it at its front panel first');
    const steps = stepsOf(reading, wanted_V, range);
    if (options.json !== true) {
      console.log(table(describe(identity, reading)));
      for (const [i, step] of steps.entries()) {
        console.log(
          `step ${i + 1} of ${steps.length}, to ${step.map((one) => one.toFixed(2)).join(', ')} V:`,
        );
        for (const line of emulator.planned(step)) console.log(`  ${line}`);
      }
    }
    if (options.yes !== true)
      return ended(options, 'not written', 'nothing was written; add --yes to write it');
    const found = await control.follow(wanted_V.map((one) => one / nominal_V));
    const worst =
      found.find(({ verdict }) => verdict === 'refused') ??
      found.find(({ verdict }) => verdict !== 'verified');
    const measured = found.map(({ measured_V }) => measured_V?.toFixed(2) ?? 'not said').join(', ');
    const watchdog =
      identity.watchdog_s === null ? '' : `; it falls back by itself in ${identity.watchdog_s} s`;
    ended(options, worst?.verdict ?? 'verified', worst?.note ?? `delivers ${measured} V${watchdog}`);
  });
}

interface Target {
  readonly emulator: GridEmulator;
  readonly control: EmulatorControl;
  readonly identity: EmulatorIdentity;
  readonly reading: EmulatorReading;
  readonly nominal_V: number;
}

async function withEmulator(
  endpoint: string,
  options: TargetOptions,
  act: (target: Target) => Promise<void>,
): Promise<void> {
  const { opcua } = opcUaAccess(endpoint, options);
  const emulator = openEmulator({
    ...{ endpoint, mappingFile: options.mapping, now: Date.now },
    ...(opcua === undefined ? {} : { opcua }),
  });
  try {
    const identity = await emulator.identity();
    const nominal_V = options.nominal ?? identity.nominal_V;
    if (nominal_V === null) {
      throw new InputError({
        source: '--nominal',
        path: '',
        found: 'none',
        expected: 'it: the emulator does not say',
      });
    }
    const section = { nominal_V, enable: false, safe: 'nominal', limits: limitsOf(options) } as const;
    const channels = Array.from({ length: identity.channels }, (_, i) => i);
    const control = new EmulatorControl({ emulator, section, channels, pace: REAL_PACE });
    await act({ emulator, control, identity, nominal_V, reading: await emulator.read() });
  } finally {
    await emulator.close();
  }
}

function limitsOf({ lowPu, highPu, stepPu, settle }: TargetOptions): EmulatorLimits {
  return { ...DEFAULTS, low_pu: lowPu, high_pu: highPu, step_pu: stepPu, settle_s: settle };
}

/** As the control will walk, where the output follows exactly. */
function stepsOf({ channels }: EmulatorReading, wanted_V: readonly number[], range: Range): number[][] {
  const steps: number[][] = [];
  let at_V = channels.map(({ measured_V }, i) => measured_V ?? wanted_V[i]!);
  do {
    at_V = wanted_V.map((goal, i) => nextSetpoint(at_V[i]!, goal, range));
    steps.push(at_V);
  } while (at_V.some((one, i) => one !== wanted_V[i]));
  return steps;
}

function describe(identity: EmulatorIdentity, reading: EmulatorReading): [string, string][] {
  const { manufacturer, model, serial, nominal_V, highest_V, rating_VA, watchdog_s, mapping } = identity;
  const said = (value: number | null, unit: string): string =>
    value === null ? 'not said' : `${value} ${unit}`;
  return [
    ['emulator', [manufacturer, model, serial].filter((one) => one !== null).join(' ') || 'not said'],
    ['mapping', mapping],
    ['nominal', `${said(nominal_V, 'V')}, up to ${said(highest_V, 'V')}, rated ${said(rating_VA, 'VA')}`],
    [
      'watchdog',
      watchdog_s === null
        ? 'none: it keeps what it was told when nobody is there any more'
        : `${watchdog_s} s`,
    ],
    [
      'control',
      `${reading.control ?? 'not said'}, output ${reading.output ?? 'not said'}, ${reading.alarm === null ? 'no alarm' : `alarm: ${reading.alarm}`}`,
    ],
    ...reading.channels.map(({ setpoint_V, measured_V }, i): [string, string] => [
      `channel ${i + 1}`,
      `set to ${said(setpoint_V, 'V')}, delivers ${said(measured_V, 'V')}`,
    ]),
  ];
}

function ended({ json }: TargetOptions, verdict: string, reason: string): void {
  console.log(json === true ? JSON.stringify({ verdict, reason }, null, 2) : `${verdict}: ${reason}`);
  if (verdict !== 'verified') process.exitCode = 1;
}

function volts(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every((one) => Number.isFinite(one) && one > 0) && values.length <= 3) return values;
  throw new InvalidArgumentError('expected one to three voltages, V: 236.9 or 230,225,230');
}
