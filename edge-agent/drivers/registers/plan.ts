/**
 * Step 1 · Which requests read a set of points: few, never cutting through a point, a value and its scale
 * factor always in the same one.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { RegisterTable } from './point-ref.ts';

export interface Span {
  /** Holding registers (function 3) when left out. */
  readonly table?: RegisterTable;
  /** First register's address. */
  readonly address: number;
  /** Registers. */
  readonly count: number;
}

export interface ReadLimits {
  /** Registers in one request, at most. */
  readonly most: number;
  /** Registers that nobody asked for between two that are read together, at most: there may be holes. */
  readonly widestGap?: number;
}

/**
 * The fewest requests in which every unit lies whole.
 * @throws FieldbidError `READ_SIZE` for a unit that is larger than a request may be.
 */
export function planReads(units: readonly Span[], limits: ReadLimits): Span[] {
  const { most, widestGap = Number.POSITIVE_INFINITY } = limits;
  const tableOf = ({ table }: Span): RegisterTable => table ?? 'holding';
  const sorted = [...units].sort(
    (a, b) => tableOf(a).localeCompare(tableOf(b)) || a.address - b.address || b.count - a.count,
  );
  const reads: { table: RegisterTable; address: number; count: number }[] = [];
  for (const unit of sorted) {
    if (unit.count > most) {
      const text = `${unit.count} registers from ${unit.address} belong together, a read takes at most ${most}`;
      throw new FieldbidError('READ_SIZE', text);
    }
    const last = reads.at(-1);
    const end = unit.address + unit.count;
    const joins =
      last !== undefined &&
      last.table === tableOf(unit) &&
      end - last.address <= most &&
      unit.address - (last.address + last.count) <= widestGap;
    if (joins) last.count = Math.max(last.count, end - last.address);
    else reads.push({ table: tableOf(unit), address: unit.address, count: unit.count });
  }
  return reads;
}
