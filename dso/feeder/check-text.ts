/** What `dso check-feeder` found, for people. */
import type { FeederDescription } from '../power-flow/power-flow.ts';
import type { BaseCase } from './base-case.ts';
import type { Feeder } from './feeder.ts';
import type { Headroom } from './hosting.ts';
import { brokenLimitText } from './limits.ts';

/** Rows that a list shows at most; `--json` has all. */
const SHOWN = 8;

export function headText(feeder: Feeder, description: FeederDescription): string {
  const { limits, margin_pu, ders, loads, voltages, ratings } = feeder.data;
  const total_kW = ders.reduce((sum, { nameplate_W }) => sum + nameplate_W, 0) / 1000;
  const exported = limits.export_W === undefined ? '' : `, export at most ${limits.export_W / 1000} kW`;
  return [
    `feeder ${feeder.id} (${feeder.data.modelFile}) on ${description.engine}`,
    `  ${description.nodes.length} nodes, ${description.links.length} links, swing ${description.swing}; every loaded node is reached`,
    loads.size === 0 && ders.length === 0
      ? '  a model on its own: no load patterns, no DERs'
      : `  ${loads.size} loads with a pattern, ${ders.length} DERs, ${total_kW.toFixed(0)} kW of nameplate`,
    `  limits ${limits.low_pu} … ${limits.high_pu} pu ${voltages}, margin ${margin_pu} pu, ${ratings.size} rated links${exported}`,
    ...description.remarks.map((remark) => `  note: ${remark}`),
  ].join('\n');
}

export function baseCaseText(feeder: Feeder, base: BaseCase): string {
  const { min_pu, minAt, max_pu, maxAt, swing_W, violations, loadings } = base;
  const loads = feeder.data.loads.size === 0 ? 'the model’s own loads' : `${clock(base.minuteOfDay)} UTC`;
  const overloaded = loadings.filter(({ loading_pu }) => loading_pu > 1);
  return [
    `base case, no DER, ${loads}: ${min_pu.toFixed(4)} pu (${minAt}) … ${max_pu.toFixed(4)} pu (${maxAt}), ${(swing_W / 1000).toFixed(0)} kW from the substation`,
    violations.length === 0
      ? '  every voltage is inside the limits'
      : `  ${violations.length} voltages OUTSIDE the limits:`,
    ...violations
      .slice(0, SHOWN)
      .map(({ at, voltage_pu }) => `    ${at.padEnd(14)} ${voltage_pu.toFixed(4)} pu`),
    ...more(violations.length),
    ...(loadings.length === 0
      ? ['  no link has a rating (give ratings in feeder.yaml to have loadings checked)']
      : [
          overloaded.length === 0
            ? '  every rated link is within its rating:'
            : `  ${overloaded.length} links ABOVE their rating:`,
          ...loadings
            .slice(0, SHOWN)
            .map(
              ({ link, loading_pu, rating }) =>
                `    ${link.padEnd(14)} ${(loading_pu * 100).toFixed(1).padStart(5)} % of ${rating}`,
            ),
          ...more(loadings.length),
        ]),
  ].join('\n');
}

export function headroomText(found: readonly Headroom[] | undefined): string {
  if (found === undefined) {
    return 'hosting headroom: none anywhere, the base case breaks a limit by itself';
  }
  const row = ({ bus, phases, headroom_kW, binding }: Headroom) =>
    `  ${bus.padEnd(14)} ${phases.padEnd(4)} ${(binding === null ? `> ${headroom_kW}` : headroom_kW.toFixed(0)).padStart(7)} kW   ${binding === null ? 'nothing binds' : brokenLimitText(binding)}`;
  const few = found.length <= 2 * SHOWN;
  return [
    'hosting headroom: most that one more generator could inject at a bus, and what a little more would break',
    ...(few ? found : found.slice(0, SHOWN)).map(row),
    ...(few ? [] : [`  … ${found.length - 2 * SHOWN} buses in between (--json has all) …`]),
    ...(few ? [] : found.slice(-SHOWN)).map(row),
  ].join('\n');
}

function more(count: number): string[] {
  return count > SHOWN ? [`    … ${count - SHOWN} more (--json has all)`] : [];
}

function clock(minute: number): string {
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`;
}
