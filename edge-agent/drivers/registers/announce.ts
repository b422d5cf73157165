/**
 * Step 11 · What operation may write, as a person is shown it before anything is written: the plans of the least and
 * of the largest limit, and of its end. What lies between them is written to the same registers.
 */
import type { AnnouncedWrite } from '../../device/der-device.ts';
import type { ControlBinding, LimitPlan, PointWrite } from './control.ts';
import { type PointRef, wordsOf } from './point-ref.ts';
import type { WriteFunction } from './writer.ts';

/** uint16: 0xFFFF reads as "not implemented". A heartbeat counts from 1 to this. */
export const LARGEST_HEARTBEAT = 65_534;

export interface AnnouncedParts {
  readonly control: ControlBinding;
  /** 0 W, raised to the floor of the profile; and all that 100 % means. */
  readonly least: LimitPlan;
  readonly most: LimitPlan;
  readonly release: readonly PointWrite[];
  /** Settings in flash that are not yet as they must be. */
  readonly preparation: readonly PointWrite[];
  readonly isFlash: (name: string) => boolean;
  readonly writeFunction: WriteFunction;
  /** Counted up as a sign of life, where profile and device have it. */
  readonly heartbeat: PointRef | undefined;
}

export function announcedWrites(parts: AnnouncedParts): AnnouncedWrite[] {
  const { control, least, most, release, preparation, isFlash, writeFunction, heartbeat } = parts;
  const functions = writeFunction === 'auto' ? [16, 6] : [writeFunction];
  const unitOf = ({ name }: PointRef): AnnouncedWrite['unit'] => {
    if (name === control.limit.name) return control.unit === 'pct' ? '%' : 'W';
    return name === control.revert?.point.name ? 's' : '';
  };
  const announced = (
    occasion: AnnouncedWrite['occasion'],
    low: Pick<PointWrite, 'point' | 'words' | 'value'>,
    high = low,
  ): AnnouncedWrite => ({
    ...{ occasion, functions, point: low.point.name, register: low.point.address },
    raw: { least: low.words, most: high.words },
    ...{ least: low.value, most: high.value, unit: unitOf(low.point) },
  });
  // Settings in flash are written at commissioning or not at all.
  const inOperation = ({ point }: PointWrite): boolean => !isFlash(point.name);
  const ranges = least.writes.flatMap((low) => {
    const high = most.writes.find(({ point }) => point.name === low.point.name);
    return inOperation(low) ? [announced('limit', low, high)] : [];
  });
  return [
    ...preparation.map((write) => announced('preparation', write)),
    ...ranges,
    ...release.filter(inOperation).map((write) => announced('release', write)),
    ...(heartbeat === undefined ? [] : [beat(heartbeat)]),
  ];
}

function beat(point: PointRef): AnnouncedWrite {
  const [least, most] = [wordsOf(point, 1), wordsOf(point, LARGEST_HEARTBEAT)];
  return {
    ...{ occasion: 'heartbeat', point: point.name, register: point.address },
    functions: [least.length === 1 ? 6 : 16],
    raw: { least, most },
    ...{ least: 1, most: LARGEST_HEARTBEAT, unit: '' },
  };
}
