/**
 * Step 1 · Which requests read a set of points: few, never cutting through a point, a value and its scale
 * factor always in the same one.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { GroupDefinition, PointDefinition } from './models.ts';

export interface Span {
  /** First register's address. */
  readonly address: number;
  /** Registers. */
  readonly count: number;
}

/**
 * What has to be read together: each scale factor with all wanted points that use it, and every point without
 * one by itself.
 * @param address of the model's ID register. @param length the model's L: points beyond it are left out.
 */
export function unitsOf(
  model: GroupDefinition,
  address: number,
  length: number,
  names: readonly string[],
): Span[] {
  const present = (name: string): PointDefinition | undefined => {
    const point = model.points.find((p) => p.name === name);
    if (point === undefined) throw new RangeError(`model ${model.name} has no point ${name}`);
    return point.offset + point.size <= length + 2 ? point : undefined;
  };
  const units = new Map<string, { first: number; end: number }>();
  for (const name of names) {
    const point = present(name);
    if (point === undefined) continue;
    const factor = typeof point.sf === 'string' ? present(point.sf) : undefined;
    const key = factor?.name ?? point.name;
    const unit = units.get(key) ?? { first: point.offset, end: point.offset };
    for (const p of factor === undefined ? [point] : [point, factor]) {
      unit.first = Math.min(unit.first, p.offset);
      unit.end = Math.max(unit.end, p.offset + p.size);
    }
    units.set(key, unit);
  }
  return [...units.values()].map(({ first, end }) => ({ address: address + first, count: end - first }));
}

/**
 * The fewest requests of at most `most` registers in which every unit lies whole.
 * @throws FieldbidError `SUNSPEC_READ_SIZE` for a unit that is larger than a request may be.
 */
export function planReads(units: readonly Span[], most: number): Span[] {
  const sorted = [...units].sort((a, b) => a.address - b.address || b.count - a.count);
  const reads: { address: number; count: number }[] = [];
  for (const unit of sorted) {
    if (unit.count > most) {
      const text = `${unit.count} registers from ${unit.address} belong together, a read takes at most ${most}`;
      throw new FieldbidError('SUNSPEC_READ_SIZE', text);
    }
    const last = reads.at(-1);
    const end = unit.address + unit.count;
    if (last !== undefined && end - last.address <= most) {
      last.count = Math.max(last.count, end - last.address);
    } else {
      reads.push({ address: unit.address, count: unit.count });
    }
  }
  return reads;
}
