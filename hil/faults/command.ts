/** `fieldbid sim faults`: a Modbus TCP device or simulator, with the faults of real networks and gateways. */
import {
  type Command,
  group,
  InvalidArgumentError,
  Option,
  runUntilSignal,
} from '@fieldbid/core/cli/command';
import { readConfig } from '@fieldbid/core/config';
import { isLoopback } from '@fieldbid/core/loopback';
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { hostAndPort, number } from '../devices/options.ts';
import { ModbusFaultProxy } from './modbus-proxy.ts';
import { checkRules, FAULTS, type Fault, FaultRule } from './rules.ts';

export const FaultFile = Type.Object(
  { faults: Type.Array(FaultRule, { minItems: 1 }) },
  { additionalProperties: false },
);

interface FaultsCommand {
  listen: { host: string; port: number };
  target: { host: string; port: number };
  allowRemote?: boolean;
  seed: number;
  rules?: string;
}

const HELP: Record<Fault, string> = {
  delay: 'hold answers back, those behind them too: 0.1:500ms',
  late: 'let answers come after the client has given up: 0.01:3s',
  duplicate: 'send answers twice',
  wrongTransactionId: 'answer under another transaction id',
  wrongUnit: 'answer for another unit',
  split: 'send answers in two pieces',
  truncate: 'break answers off in their middle',
  reset: 'reset the connection instead of an answer',
  exception: 'answer with an exception, and do not pass the request on: 0.01:6',
  drop: 'pass the request on, and swallow the answer',
};

export function registerFaults(program: Command): void {
  const command = group(program, 'sim', 'simulated devices, spoken to as if they were real')
    .command('faults')
    .description('Stand between a Modbus TCP client and a device, and disturb what they say to each other.')
    .requiredOption('--target <host:port>', 'the device', hostAndPort)
    .option('--listen <host:port>', 'where clients connect; port 0 picks a free one', hostAndPort, {
      host: '127.0.0.1',
      port: 15_021,
    })
    .option('--allow-remote', 'accept an address that other machines can reach (Modbus has no password)')
    .option('--seed <n>', 'the same seed and requests meet the same faults', number(0, 2 ** 31), 1)
    .option('--rules <file>', 'YAML file with faults for certain units, functions, registers or times')
    .addHelpText('after', EXAMPLES)
    .action((options: FaultsCommand, self: Command) => runFaults(options, self));
  for (const fault of FAULTS) {
    const flag = `--${dashed(fault)} <chance>`;
    command.addOption(new Option(flag, HELP[fault]).argParser((text) => ruleFrom(fault, text)));
  }
}

const EXAMPLES = `
A chance is 0 to 1, and may have a detail behind a colon: a time (500ms, 3s) or an exception's code.

Example:
  $ npx fieldbid sim inverter --listen 127.0.0.1:15020
  $ npx fieldbid sim faults --target 127.0.0.1:15020 --delay 0.1:500ms --drop 0.02 --exception 0.01:6
  $ npx fieldbid edge read 'tcp://127.0.0.1:15021?unit=1'

A rules file; every key but fault may be left out:
  faults:
    - fault: exception
      exception: 2
      probability: 0.5
      unit: 1
      function: 16
      addresses: [40228, 40253]
      times: 3
      from: 2026-06-21T11:30Z
      until: 2026-06-21T11:45Z`;

async function runFaults(options: FaultsCommand, command: Command): Promise<void> {
  const { listen, target, seed } = options;
  if (!isLoopback(listen.host) && options.allowRemote !== true) {
    command.error(
      `fieldbid: ${listen.host} can be reached from other machines; add --allow-remote if that is meant`,
    );
  }
  const flags = command.opts<Partial<Record<Fault, FaultRule>>>();
  const file = options.rules;
  const named = file === undefined ? [] : readConfig(FaultFile, file).faults;
  if (file !== undefined) checkRules(named, file, '/faults');
  const rules = [...named, ...FAULTS.flatMap((fault) => flags[fault] ?? [])];
  if (rules.length === 0)
    command.error('fieldbid: no fault is named; add --delay 0.1:500ms, --rules FILE, …');
  const proxy = new ModbusFaultProxy({ target, rules, seed });
  const bound = await proxy.listen(listen.host, listen.port);
  console.log(
    `Faults between ${listen.host}:${bound.port} and ${target.host}:${target.port}; Ctrl-C ends them.`,
  );
  await runUntilSignal(() => proxy.close());
  const counts = Object.entries(proxy.counts).filter(([, count]) => count > 0);
  console.log(counts.map(([name, count]) => `${name} ${count}`).join(', '));
}

/** `0.1`, `0.1:500ms`, `0.01:3s`, `0.01:6` */
function ruleFrom(fault: Fault, text: string): FaultRule {
  const [chance = '', detail, ...more] = text.split(':');
  const time = /^(\d+)(ms|s)$/.exec(detail ?? '');
  const takesTime = fault === 'delay' || fault === 'late';
  const takesCode = fault === 'exception';
  const rule = {
    fault,
    probability: chance.trim() === '' ? Number.NaN : Number(chance),
    ...(takesTime && time !== null ? { delay_ms: Number(time[1]) * (time[2] === 's' ? 1000 : 1) } : {}),
    ...(takesCode && /^\d+$/.test(detail ?? '') ? { exception: Number(detail) } : {}),
  };
  const understood = detail === undefined || 'delay_ms' in rule || 'exception' in rule;
  if (!understood || more.length > 0 || !(rule.probability >= 0 && rule.probability <= 1)) {
    const example = takesTime ? '0.1:500ms' : takesCode ? '0.01:6' : '0.1';
    throw new InvalidArgumentError(`expected a chance from 0 to 1, such as ${example}`);
  }
  return parse(FaultRule, rule, `--${dashed(fault)}`);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
