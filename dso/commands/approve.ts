/** `fieldbid dso approve`: the DSO's check over files. */
import { type Command, InvalidArgumentError, Option } from '@fieldbid/core/cli/command';
import { refusingWrongInput } from '@fieldbid/core/cli/file-input';
import { approvalJson, approvalText, approve } from '../approve/approve.ts';
import { CLEARING_SAFETIES, type ClearingSafety } from '../feasibility/clearing-outcomes.ts';
import { POLICY_NAMES } from '../feasibility/policies.ts';

interface Options {
  feeder: string;
  ders?: string;
  bids: string;
  policy: string;
  safety?: ClearingSafety;
  lowPu?: number;
  highPu?: number;
  exportW?: number;
  marginPu?: number;
  ratings?: boolean;
  at: number;
  durationMin: number;
  search: boolean;
  json?: boolean;
}

export function registerApprove(dso: Command): void {
  dso
    .command('approve')
    .description(
      'Check bids against a feeder, and say how much of each it carries, whatever the clearing makes of them. No service is needed.',
    )
    .requiredOption(
      '--feeder <file>',
      'GLM model (one case, its loads as they stand) or feeder.yaml (an interval of its day)',
    )
    .option(
      '--ders <file>',
      'DERs: derId, bus, phases, nameplate_W (JSON, YAML or CSV); default: the feeder.yaml’s own',
    )
    .requiredOption(
      '--bids <file>',
      'bids: derId, quantity_W or quantity_kW, price_USD_per_MWh or rank (JSON, YAML or CSV)',
    )
    .addOption(new Option('--policy <name>', 'who gives way').choices(POLICY_NAMES).default('proportional'))
    .addOption(
      new Option(
        '--safety <what>',
        'outcomes of the clearing that have to hold; default: merit-order where bids have prices or ranks',
      ).choices([...CLEARING_SAFETIES]),
    )
    .option('--low-pu <pu>', 'lower voltage limit (0.95 of a bare model)', positive)
    .option('--high-pu <pu>', 'upper voltage limit (1.05 of a bare model)', positive)
    .option('--export-w <W>', 'most that may flow back at the substation', positive)
    .option('--ratings', 'let the nameplates of a bare model’s transformers bind (those of a feeder.yaml do)')
    .option('--margin-pu <pu>', 'kept inside the voltage limits (0 of a bare model)', positive)
    .option('--at <HH:MM>', 'start of the interval, UTC; of a feeder.yaml', minuteOf, 720)
    .option('--duration-min <minutes>', 'its length; of a feeder.yaml', positive, 15)
    .option('--no-search', 'search with GridLAB-D too, without OpenDSS')
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      `
The bids' prices are turned into ranks before anything is checked: only their order counts.

Policies: proportional scales everybody by one factor; no-one-worse lets others use what a DER that does not bind leaves,
nobody below the proportional share; max-energy takes most energy, and some may end at zero.

Examples:
  $ fieldbid dso approve --feeder feeders/ieee13/feeder.yaml --at 12:00 \\
        --ders dso/examples/nine-pv-ders.csv --bids dso/examples/nine-pv-bids.csv
  $ fieldbid dso approve --feeder feeders/ieee123/ieee123.glm --ders DERS.json --bids BIDS.json --json
  $ fieldbid dso approve --feeder feeders/ieee13/feeder.yaml --bids dso/examples/noon-bids.json --policy no-one-worse --json

Exit code: 0 when something was decided, 1 for INFEASIBLE_AT_ZERO or INFEASIBLE_UNDERVOLTAGE, 2 for wrong input.`,
    )
    .action((options: Options) => refusingWrongInput(() => run(options)));
}

async function run(options: Options): Promise<void> {
  const approval = await approve({
    feeder: options.feeder,
    ders: options.ders,
    bids: options.bids,
    policy: options.policy,
    safety: options.safety,
    low_pu: options.lowPu,
    high_pu: options.highPu,
    export_W: options.exportW,
    ratings: options.ratings === true,
    margin_pu: options.marginPu,
    startMinuteOfDay: options.at,
    duration_min: options.durationMin,
    searchEngine: options.search,
  });
  console.log(
    options.json === true ? JSON.stringify(approvalJson(approval), null, 2) : approvalText(approval),
  );
  if (approval.verdict.outcome.startsWith('INFEASIBLE')) process.exitCode = 1;
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('expected a number that is not negative');
}

function minuteOf(text: string): number {
  const parts = /^(\d{1,2}):(\d{2})$/.exec(text);
  const minute = parts === null ? Number.NaN : Number(parts[1]) * 60 + Number(parts[2]);
  if (minute >= 0 && minute < 1440) return minute;
  throw new InvalidArgumentError('expected a time of day such as 12:15');
}
