/** What the engine and its worker process say to each other. */
import type { Translation } from './translate.ts';

export type Request =
  | {
      readonly op: 'load';
      /** File of libdss_capi. */
      readonly library: string;
      readonly commands: readonly string[];
      /** Place of each channel's load among all. */
      readonly loads: readonly number[];
      readonly voltages: Translation['voltages'];
      readonly rated: Translation['rated'];
      readonly feeding: Translation['feeding'];
    }
  | {
      readonly op: 'solve';
      readonly count: number;
      /** W and var of each channel, in turn, case after case. */
      readonly cases: Float64Array;
      /** All voltages of each case, or their extremes. */
      readonly full: boolean;
    };

export type Reply =
  | { readonly ok: true; readonly op: 'load'; readonly version: string }
  /** One record per case, as below. */
  | { readonly ok: true; readonly op: 'solve'; readonly records: Float64Array }
  /** By the circuit: any other process would refuse it as well. */
  | { readonly ok: false; readonly by: 'circuit' | 'worker'; readonly reason: string };

/**
 * A record begins with its outcome and two numbers that belong to it: swing power (W) and nothing when solved;
 * the voltage's place and its value in pu when it is not sane.
 */
export const OUTCOME = { solved: 0, diverged: 1, badVoltage: 2, badCurrent: 3 } as const;
export const HEAD = 3;
/** After the head, of extremes: highest, lowest voltage and loading, each value with its place. */
export const EXTREMES = 6;

/** Numbers per case. */
export function recordLength(full: boolean, voltages: number, rated: number): number {
  return HEAD + (full ? 2 * voltages + rated : EXTREMES);
}
