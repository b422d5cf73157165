/** Percentiles for the report: nearest rank, so that every figure shown was measured. */

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** @returns undefined when there are no values. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (p: number): number => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0;
  const round = (x: number): number => Math.round(x * 1000) / 1000;
  return { count: sorted.length, p50: round(rank(0.5)), p95: round(rank(0.95)), max: round(rank(1)) };
}
