/** Step 7 · What was found in a check, in words and figures: for certificates, logs and people. */
import { isSolved } from '../power-flow/power-flow.ts';
import type { Farthest } from './envelope.ts';
import type { CaseResult, IntervalCheck } from './interval-check.ts';
import { SUBSTATION } from './limits.ts';
import type { Binding } from './policy.ts';

/** @param more_W what the policy gave beyond the common factor. */
export function noteOf(
  { margin_pu }: IntervalCheck,
  unchanged: boolean,
  alpha: Farthest,
  factor: Farthest,
  more_W: number,
): string {
  if (unchanged) return 'every quantity as asked';
  const parts: string[] = [];
  if (alpha.binding !== null) {
    const { binding, share_ppm } = alpha;
    parts.push(`all of it fits at ${percent(share_ppm)} %: ${said(binding)} as asked`);
  }
  if (factor.binding !== null) {
    const { binding, share_ppm } = factor;
    parts.push(
      `the clearing may take ${binding.outcome.label}, which fits at ${percent(share_ppm)} %${alpha.binding === null ? '' : ' of that'}: ${said(binding)} otherwise`,
    );
  }
  if (more_W !== 0) {
    const changed = `${(Math.abs(more_W) / 1000).toFixed(1)} kW ${more_W > 0 ? 'more' : 'less'} in all`;
    parts.push(`${changed} than by one factor for everybody`);
  }
  return `${parts.join('; ')} (margin ${margin_pu} pu)`;
}

function percent(ppm: number): string {
  return (ppm / 10_000).toFixed(2);
}

export function bindingOf(found: CaseResult): Binding {
  return { node: found.node, value: valueAt(found), case: found.case };
}

function valueAt({ node, result }: CaseResult): number | null {
  if (!isSolved(result) || node === null) return null;
  if (node === SUBSTATION) return -result.swing_W;
  if (node === result.loadingAt) return result.loading_pu;
  return node === result.maxAt ? result.max_pu : result.min_pu;
}

/** What was seen at a place. */
export function said({ case: { minute, silent }, node, result }: CaseResult): string {
  const when = `in minute ${minute}${silent === 'clear-sky' ? ' with silent DERs at clear-sky power' : ''}`;
  if (!isSolved(result)) return `the power flow has no solution (${result.failure}) ${when}`;
  if (node === SUBSTATION)
    return `${(-result.swing_W / 1000).toFixed(1)} kW would flow back at the substation ${when}`;
  if (node === result.loadingAt)
    return `${node} would carry ${(result.loading_pu * 100).toFixed(1)} % of its rating ${when}`;
  const value = node === result.maxAt ? result.max_pu : result.min_pu;
  return `${node} would be at ${value.toFixed(4)} pu ${when}`;
}
