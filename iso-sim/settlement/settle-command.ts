/** Step 13 · `fieldbid iso settle FILE`: statements of a period from a file, without any service. */
import { Argument, type Command, InvalidArgumentError } from '@fieldbid/core/cli/command';
import { refusingWrongInput } from '@fieldbid/core/cli/file-input';
import { InputError } from '@fieldbid/core/errors';
import { POSTING_KINDS, type Posting } from '@fieldbid/core/market/settlement/postings';
import { settle } from '@fieldbid/core/market/settlement/settle';
import { type Statement, type StatementLine, statements } from '@fieldbid/core/market/settlement/statements';
import { textTable } from '../offline/text-table.ts';
import { type PeriodToSettle, readPeriod } from './rows-file.ts';

export function registerSettle(iso: Command): void {
  iso
    .command('settle')
    .description(
      'Settle day-ahead and real-time quantities with metered energy from a file: a statement per party.',
    )
    .addArgument(new Argument('<file>', 'JSON, YAML or CSV by its extension; - for JSON on standard input'))
    .option('--rules <file>', "settlement rules (YAML or JSON), in place of the file's")
    .option('--interval-min <minutes>', "duration of an interval, in place of the file's (15)", minutes)
    .option('--lines', 'print every interval of every party, not only the totals')
    .option('--json', 'print statements and postings as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid iso settle iso-sim/examples/settle-hour.csv
  $ npx fieldbid iso settle iso-sim/examples/settle-cases.yaml --lines
  $ npx fieldbid iso settle metered.csv --rules rules.yaml --json

A row is one DER in one interval: interval, dera, der, dayAhead_USD_per_MWh, realTime_USD_per_MWh, dayAhead_W,
realTime_W, dispatched_W, metered_Wh. Wrong input ends with 2. More: docs/how-to/settle.md`,
    )
    .action((file: string, options: { rules?: string; intervalMin?: number; lines?: true; json?: true }) => {
      return refusingWrongInput(() => {
        const period = readPeriod(file, { rulesFile: options.rules, interval_min: options.intervalMin });
        const settled = settlePeriod(period);
        console.log(options.json ? JSON.stringify(settled, null, 2) : settlementText(settled, options.lines));
      });
    });
}

export interface SettledPeriod {
  readonly statements: readonly Statement[];
  readonly postings: readonly Posting[];
}

/** @throws InputError for amounts that are too large to be exact. */
export function settlePeriod({ intervals, rules }: PeriodToSettle, source = 'settlement'): SettledPeriod {
  try {
    const settlement = settle(intervals, rules);
    return { statements: statements(settlement), postings: settlement.postings };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const expected = 'amounts below 2^53 µ$';
    throw new InputError({ source, path: '', found: error.message, expected }, { cause: error });
  }
}

/** Dollars with all six decimals, so that the columns add up as printed. */
export function settlementText({ statements }: SettledPeriod, withLines = false): string {
  const sum_uUSD = statements.reduce((sum, { total_uUSD }) => sum + total_uUSD, 0);
  const head = ['role', ...POSTING_KINDS, 'total', 'Wh', 'unmetered'];
  const parts = [
    textTable(
      ['party', ...head, 'received', 'paid'],
      statements.map((statement) => [
        ...[statement.party, statement.role, ...amounts(statement)],
        ...[dollars(statement.received_uUSD), dollars(statement.paid_uUSD)],
      ]),
    ),
    `sum over all parties: ${dollars(sum_uUSD)} $. Amounts in $, received positive.`,
  ];
  if (withLines) {
    const rows = statements.flatMap(({ party, role, lines }) =>
      lines.map((line) => [party, line.intervalId, role, ...amounts(line)]),
    );
    parts.push(textTable(['party', 'interval', ...head], rows));
  }
  return parts.join('\n\n');
}

function amounts(of: Omit<StatementLine, 'intervalId'>): (string | number)[] {
  const kinds = POSTING_KINDS.map((kind) => dollars(of.byKind_uUSD[kind]));
  const energy_Wh = Number((of.settled_Wmin / 60).toFixed(2)) + 0;
  return [...kinds, dollars(of.total_uUSD), energy_Wh, of.unmetered];
}

function dollars(amount_uUSD: number): string {
  const digits = String(Math.abs(amount_uUSD)).padStart(7, '0');
  return `${amount_uUSD < 0 ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

function minutes(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1440) return value;
  throw new InvalidArgumentError('Whole minutes from 1 to 1440 are expected.');
}
