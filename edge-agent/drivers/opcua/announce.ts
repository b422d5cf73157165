/** Step 11 · What operation may write to an OPC UA device, as a person is shown it before anything is written. */
import type { AnnouncedWrite } from '../../device/der-device.ts';
import { type LimitValue, pctOf, wattsPerUnit } from './limit-value.ts';
import type { LimitMapping } from './mapping.ts';
import { factorOf } from './values.ts';

/** A limit in the values of its nodes. */
export interface PlannedLimit {
  readonly value: LimitValue;
  /** Value of the revert time's node; 0 where there is none. */
  readonly revert: number;
  /** What 100 % means, W. */
  readonly rating_W: number;
}

/** @param least the plan of 0 W, raised to the floor. @param most the plan of all that 100 % means. */
export function announcedNodes(
  mapped: LimitMapping,
  least: PlannedLimit,
  most: PlannedLimit,
): AnnouncedWrite[] {
  const { method, enable, revert } = mapped;
  const point = (argument: string, node: string | undefined): string =>
    method === undefined ? (node ?? argument) : `${method.method} (${argument})`;
  const has = (argument: 'limit' | 'revert' | 'enable', node: unknown): boolean =>
    method === undefined ? node !== undefined : method.arguments.includes(argument);
  const one = (
    occasion: AnnouncedWrite['occasion'],
    at: string,
    raw: readonly [least: number, most: number],
    unit: AnnouncedWrite['unit'] = '',
    factor = 1,
  ): AnnouncedWrite => ({
    ...{ occasion, point: at, unit },
    raw: { least: [raw[0]], most: [raw[1]] },
    ...{ least: raw[0] * factor, most: raw[1] * factor },
  });
  const limitAt = point('limit', mapped.node);
  const revertAt = point('revert', revert?.node);
  const enableAt = point('enable', enable?.node);
  const range: AnnouncedWrite = {
    ...one('limit', limitAt, [least.value.raw, most.value.raw], '%'),
    ...{ least: least.value.commanded_pct, most: most.value.commanded_pct },
  };
  const switched = (on: unknown, otherwise: number): [number, number] => {
    const value = typeof on === 'number' ? on : otherwise;
    return [value, value];
  };
  const seconds = factorOf(revert?.unit ?? 's');
  const perUnit_W = wattsPerUnit(mapped, most.rating_W);
  const full = 100 / pctOf(1, mapped, perUnit_W, most.rating_W);
  const lifts: AnnouncedWrite = { ...one('release', limitAt, [full, full], '%'), least: 100, most: 100 };
  return [
    range,
    ...(has('revert', revert) ? [one('limit', revertAt, [least.revert, least.revert], 's', seconds)] : []),
    ...(has('enable', enable) ? [one('limit', enableAt, switched(enable?.on, 1))] : []),
    ...(has('enable', enable) ? [one('release', enableAt, switched(enable?.off, 0))] : [lifts]),
    ...(method !== undefined && has('enable', enable) ? [lifts] : []),
    ...(method !== undefined && has('revert', revert) ? [one('release', revertAt, [0, 0], 's')] : []),
  ];
}
