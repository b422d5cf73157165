/**
 * The day as columns for charts, bounded: when it is full, neighbours become one point (the lowest of the lowest, the
 * highest of the highest, the mean of powers), so that no excursion is lost however long the run.
 */

/** One instant; null where it is not known. */
export interface DayPoint {
  readonly at_ms: number;
  /** Over all nodes, µpu. */
  readonly lowest_upu: number | null;
  readonly highest_upu: number | null;
  /** Over all DERs, W. */
  readonly delivered_W: number | null;
  readonly available_W: number | null;
}

/** As it is sent: `whole` replaces what the reader has, else it is put behind it. */
export interface DayColumns {
  readonly whole: boolean;
  readonly at_s: readonly number[];
  readonly lowest_upu: readonly (number | null)[];
  readonly highest_upu: readonly (number | null)[];
  readonly delivered_W: readonly (number | null)[];
  readonly available_W: readonly (number | null)[];
}

/** Two days of minutes. */
const MOST_POINTS = 2880;

interface Kept {
  readonly point: DayPoint;
  readonly revision: number;
}

export class DaySeries {
  readonly #most: number;
  #points: Kept[] = [];
  /** Of the last time that points were put together. */
  #wholeSince = 0;

  constructor(most = MOST_POINTS) {
    this.#most = most;
  }

  /** A point that is not behind the last one in time is left out. */
  add(point: DayPoint, revision: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && point.at_ms <= last.point.at_ms) return;
    this.#points.push({ point, revision });
    if (this.#points.length <= this.#most) return;
    const merged: Kept[] = [];
    for (let i = 0; i < this.#points.length; i += 2) {
      const [a, b] = [this.#points[i], this.#points[i + 1]];
      if (a !== undefined)
        merged.push({ point: b === undefined ? a.point : both(a.point, b.point), revision });
    }
    this.#points = merged;
    this.#wholeSince = revision;
  }

  since(revision: number): DayColumns | undefined {
    const whole = revision < this.#wholeSince || revision < 0;
    let from = this.#points.length;
    while (from > 0 && (whole || (this.#points[from - 1]?.revision ?? 0) > revision)) from--;
    const points = this.#points.slice(from).map(({ point }) => point);
    if (points.length === 0) return undefined;
    return {
      whole,
      at_s: points.map(({ at_ms }) => at_ms / 1000),
      lowest_upu: points.map(({ lowest_upu }) => lowest_upu),
      highest_upu: points.map(({ highest_upu }) => highest_upu),
      delivered_W: points.map(({ delivered_W }) => delivered_W),
      available_W: points.map(({ available_W }) => available_W),
    };
  }
}

function both(a: DayPoint, b: DayPoint): DayPoint {
  return {
    at_ms: a.at_ms,
    lowest_upu: of(Math.min, a.lowest_upu, b.lowest_upu),
    highest_upu: of(Math.max, a.highest_upu, b.highest_upu),
    delivered_W: of(mean, a.delivered_W, b.delivered_W),
    available_W: of(mean, a.available_W, b.available_W),
  };
}

const mean = (a: number, b: number): number => Math.round((a + b) / 2);

function of(pick: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : pick(a, b);
}
