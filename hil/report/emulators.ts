/** Grid emulators in a run's results: what the feeder asked for, what was sent, and what they measured. */
import { instant } from '@fieldbid/core/interval';
import { leftText } from '../emulator/bench-emulator.ts';
import type { EmulatorRecord, RunRecord } from '../recorder/run-record.ts';
import { csv, portless } from './csv.ts';
import { table, text } from './html-table.ts';

export interface EmulatorSummary {
  der: string;
  device: string;
  /** Outcomes by output and power flow. */
  verified: number;
  refused: number;
  unproven: number;
  /** Voltages that lay outside of the limits, and were held there. */
  clamped: number;
  /** Largest difference between what was asked for and measured, where it was verified and not clamped, pu. */
  largestDeviation_pu: number | null;
  /** How it was left; null: it is not known. */
  left: { safe: boolean; text: string } | null;
}

/** `emulators.csv` */
export function emulatorsTable(run: RunRecord): string {
  const fixed = (value: number | null, digits: number): string => value?.toFixed(digits) ?? '';
  return csv(
    [
      ...['time', 'emulator', 'phase', 'asked_pu', 'sent_pu', 'sent_V', 'measured_V'],
      ...['verdict', 'clamped', 'note'],
    ],
    run.emulators.flatMap(({ name, steps }) =>
      steps.map((step) => [
        ...[instant(step.at_ms), name, step.output],
        ...[fixed(step.asked_pu, 6), fixed(step.sent_pu, 6), fixed(step.sent_V, 2)],
        ...[fixed(step.measured_V, 2), step.verdict, step.clamped, portless(step.note)],
      ]),
    ),
  );
}

/** By the emulator's name. */
export function emulatorSummary(run: RunRecord): Record<string, EmulatorSummary> {
  return Object.fromEntries(
    run.emulators.map((emulator) => {
      const { steps, left } = emulator;
      const count = (kind: string): number => steps.filter(({ verdict }) => verdict === kind).length;
      const deviations = steps
        .filter(({ verdict, clamped }) => verdict === 'verified' && !clamped)
        .map((step) => deviation_pu(emulator, step))
        .filter((one) => one !== null);
      return [
        emulator.name,
        {
          ...{ der: emulator.derId, device: emulator.device },
          ...{ verified: count('verified'), refused: count('refused'), unproven: count('unproven') },
          clamped: steps.filter(({ clamped }) => clamped).length,
          largestDeviation_pu: deviations.length === 0 ? null : Number(Math.max(...deviations).toFixed(6)),
          left: left === null ? null : { safe: left.safe, text: leftText(left) },
        },
      ];
    }),
  );
}

/** Why a run with these is not well: an emulator that was not left as it should be. */
export function emulatorShortcomings(emulators: Record<string, EmulatorSummary>): string[] {
  return Object.entries(emulators).flatMap(([name, { left }]) =>
    left?.safe === false ? [`grid emulator ${name} was ${left.text}`] : [],
  );
}

/** Rows of the closing text. */
export function emulatorRows(emulators: Record<string, EmulatorSummary>): [string, string][] {
  return Object.entries(emulators).map(([name, one]) => {
    const { verified, refused, unproven, clamped, largestDeviation_pu, left, der } = one;
    const off = largestDeviation_pu === null ? '' : `, at most ${largestDeviation_pu.toFixed(4)} pu off`;
    const held = clamped === 0 ? '' : `, ${clamped} held at the limit`;
    return [
      name,
      `${der}: ${verified} voltages verified, ${refused} refused, ${unproven} unproven${held}${off}; ${left?.text ?? 'it is not known how it was left'}`,
    ];
  });
}

/** Of the report: a figure for each, and their counts; empty without emulators. */
export function emulatorsSection(run: RunRecord, emulators: Record<string, EmulatorSummary>): string {
  if (run.emulators.length === 0) return '';
  const rows = Object.entries(emulators).map(([name, one]) => [
    ...[name, one.der, one.device, one.verified, one.refused, one.unproven, one.clamped],
    ...[one.largestDeviation_pu?.toFixed(4) ?? '–', one.left?.text ?? 'not known'],
  ]);
  const figures = run.emulators.map(
    ({ name }, i) => `<p><b>${text(name)}</b></p>\n<div class="chart" id="emulator-${i}"></div>\n<p></p>`,
  );
  return `<h2>Grid emulators</h2>
<p class="quiet">Voltage at the DER's bus as the feeder has it (dashed), and as the emulator measures it at the inverter's
terminals, pu.</p>
${figures.join('\n')}
${table(
  ['emulator', 'DER', 'device', 'verified', 'refused', 'unproven', 'clamped', 'largest deviation pu', 'left'],
  rows,
  [0, 1, 2, 8],
)}`;
}

/** The same for the page's script: a series for each output, asked and measured. */
export function emulatorsPageData(run: RunRecord): unknown {
  return run.emulators.map((emulator) => {
    const { name, outputs, steps } = emulator;
    const of = (output: string) => steps.filter((step) => step.output === output);
    const round = (pu: number | null): number | null => (pu === null ? null : Number(pu.toFixed(5)));
    return {
      ...{ name, outputs },
      at_s: of(outputs[0] ?? '').map(({ at_ms }) => at_ms / 1000),
      asked_pu: outputs.map((output) => of(output).map(({ asked_pu }) => round(asked_pu))),
      measured_pu: outputs.map((output) =>
        of(output).map(({ measured_V }) =>
          round(measured_V === null ? null : measured_V / emulator.nominal_V),
        ),
      ),
    };
  });
}

function deviation_pu(emulator: EmulatorRecord, { asked_pu, measured_V }: EmulatorRecord['steps'][number]) {
  if (asked_pu === null || measured_V === null) return null;
  return Math.abs(measured_V / emulator.nominal_V - asked_pu);
}
