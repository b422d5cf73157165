/** Whether a run by the wall clock was one in real time: what its power-flow steps were late, and took (M27). */
import type { Pacing, RunRecord } from '../recorder/run-record.ts';
import { csv } from './csv.ts';
import { text } from './html-table.ts';
import { type Spread, spread } from './statistics.ts';

export interface PacingSummary {
  /** Real ms from one step to the next; null on a clock that waits for the work. */
  step_ms: number | null;
  steps: number;
  /** Steps that were not done when the next one was due, or began more than half a step late. */
  overruns: number;
  /** Real ms after its time that a step began: the jitter of the feeder. */
  late_ms: Spread | null;
  /** Real ms that a step took, until its voltages were at the devices. */
  work_ms: Spread | null;
}

export function pacingSummary({ step_ms, steps }: Pacing): PacingSummary {
  return {
    step_ms,
    steps: steps.length,
    overruns: steps.filter(({ overran }) => overran).length,
    late_ms: spread(steps.map(({ late_ms }) => late_ms)) ?? null,
    work_ms: spread(steps.map((step) => step.work_ms)) ?? null,
  };
}

/** @returns undefined for a run on a clock that waits. */
export function pacingText({
  step_ms,
  steps,
  overruns,
  late_ms,
  work_ms,
}: PacingSummary): string | undefined {
  if (step_ms === null || late_ms === null || work_ms === null) return undefined;
  const of = (spread: Spread): string =>
    `median ${spread.p50.toFixed(0)}, 95 % within ${spread.p95.toFixed(0)}, most ${spread.max.toFixed(0)} ms`;
  return `${overruns} of ${steps} power-flow steps overran (one each ${(step_ms / 1000).toFixed(1)} s); begun late by ${of(late_ms)}; took ${of(work_ms)}`;
}

/** `pacing.csv`; undefined for a run on a clock that waits. */
export function pacingTable({ pacing }: RunRecord): string | undefined {
  if (pacing.step_ms === null) return undefined;
  return csv(
    ['at', 'late_ms', 'work_ms', 'overran'],
    pacing.steps.map(({ at_ms, late_ms, work_ms, overran }) => [
      new Date(at_ms).toISOString(),
      late_ms.toFixed(1),
      work_ms.toFixed(1),
      overran,
    ]),
  );
}

/** The report's section; empty for a run on a clock that waits. */
export function pacingSection(pacing: PacingSummary): string {
  const said = pacingText(pacing);
  if (said === undefined) return '';
  return `<h2>Real time</h2>
<p class="quiet">By the wall clock: ${text(said)}.</p>
<div class="chart" id="pacing"></div>`;
}

/** What the report's figure draws; undefined for a run on a clock that waits. */
export function pacingPageData({ pacing }: RunRecord) {
  if (pacing.step_ms === null) return undefined;
  return {
    step_ms: pacing.step_ms,
    at_s: pacing.steps.map(({ at_ms }) => at_ms / 1000),
    late_ms: pacing.steps.map(({ late_ms }) => Math.round(late_ms * 10) / 10),
    work_ms: pacing.steps.map(({ work_ms }) => Math.round(work_ms * 10) / 10),
  };
}
