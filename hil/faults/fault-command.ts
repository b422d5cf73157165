/** `fieldbid fault`: what goes wrong on a bench that is under way. */
import { type Command, group, Option } from '@fieldbid/core/cli/command';
import { instant } from '@fieldbid/core/interval';
import { FAULT_KINDS, type FaultKind, type FaultMark, type FaultOrder } from '@fieldbid/core/lab/faults';
import { number } from '../devices/options.ts';
import { FaultClient } from './fault-api.ts';

interface InjectOptions {
  run: string;
  target?: string;
  duration?: number;
  delay?: number;
  step?: number;
}

const WHICH = 'folder of the run, with its control.json';

export function registerFault(program: Command): void {
  const fault = group(program, 'fault', 'faults on demand, in a run that is under way').addHelpText(
    'after',
    `
Examples:
  $ npx fieldbid fault list --run runs/ieee13-day-2026-06-21-120000
  $ npx fieldbid fault inject device-offline --target pv-671 --duration 10 --run runs/…
  $ npx fieldbid fault inject answers-late --target pv-680 --delay 3000 --run runs/…
  $ npx fieldbid fault inject agent-clock-step --target pv-680 --step -600 --run runs/…
  $ npx fieldbid fault end f2 --run runs/…

On a schedule, and the same in every run: \`faults\` in the scenario. A Modbus line of your own: fieldbid sim faults.`,
  );
  fault
    .command('list')
    .description('Say what can go wrong here, and what has.')
    .requiredOption('--run <folder>', WHICH)
    .action(async ({ run }: { run: string }) => {
      const { offers, marks } = await new FaultClient(run).list();
      for (const { fault: kind, targets } of offers)
        console.log(`${kind}${targets.length === 0 ? '' : `: ${targets.join(' ')}`}`);
      console.log(marks.length === 0 ? '\nnothing has gone wrong on demand' : '');
      for (const mark of marks) console.log(lineOf(mark));
    });
  fault
    .command('inject <fault>')
    .description(`Let something go wrong now: ${FAULT_KINDS.join(', ')}.`)
    .requiredOption('--run <folder>', WHICH)
    .option('--target <id>', 'DER, peer or orderer, where the fault has one')
    .addOption(minutes('--duration <min>', 'market minutes; without it until `fault end`', 1, 10_080))
    .addOption(minutes('--delay <ms>', 'of answers-late: real milliseconds', 1, 600_000))
    .addOption(minutes('--step <s>', 'of agent-clock-step: seconds ahead, negative: behind', -86_400, 86_400))
    .action(async (kind: string, options: InjectOptions, command: Command) => {
      const { run, target, duration, delay, step } = options;
      if (!FAULT_KINDS.includes(kind as FaultKind))
        command.error(`fieldbid: there is no fault ${kind}; one of ${FAULT_KINDS.join(', ')}`);
      const order: FaultOrder = {
        fault: kind as FaultKind,
        ...(target === undefined ? {} : { target }),
        ...(duration === undefined ? {} : { duration_min: duration }),
        ...(delay === undefined ? {} : { delay_ms: delay }),
        ...(step === undefined ? {} : { step_s: step }),
      };
      const mark = await new FaultClient(run).inject(order);
      console.log(lineOf(mark));
      if (mark.outcome === 'refused') process.exitCode = 1;
    });
  fault
    .command('end <id>')
    .description('Put an end to a fault that is in force.')
    .requiredOption('--run <folder>', WHICH)
    .action(async (id: string, { run }: { run: string }) =>
      console.log(lineOf(await new FaultClient(run).end(id))),
    );
}

function minutes(flags: string, what: string, least: number, most: number): Option {
  return new Option(flags, what).argParser((text) => Math.round(number(least, most)(text)));
}

function lineOf({ id, order, origin, outcome, from_ms, until_ms, note }: FaultMark): string {
  const until = until_ms === null ? 'still' : instant(until_ms).slice(11, 19);
  const what = [order.fault, order.target].filter((part) => part !== undefined).join(' ');
  return `${id} ${what}: ${outcome}, ${instant(from_ms).slice(11, 19)} to ${until} (${origin}); ${note}`;
}
