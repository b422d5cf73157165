/** Steps 1 and 11 · Who is next on a bus: units take turns, so that one with many requests does not hold up the rest. */
export class Turns<T> {
  /** Waiting requests by unit; the unit whose turn is next stands first. */
  readonly #queues = new Map<number, T[]>();
  #size = 0;

  /** Requests that wait. */
  get size(): number {
    return this.#size;
  }

  add(unit: number, request: T): void {
    const queue = this.#queues.get(unit);
    if (queue === undefined) this.#queues.set(unit, [request]);
    else queue.push(request);
    this.#size++;
  }

  /** The oldest request of the next unit that is ready, and that unit goes to the end; undefined when none is. */
  next(isReady: (unit: number) => boolean): T | undefined {
    for (const [unit, queue] of this.#queues) {
      if (!isReady(unit)) continue;
      this.#queues.delete(unit);
      const request = queue.shift();
      if (queue.length > 0) this.#queues.set(unit, queue);
      this.#size--;
      return request;
    }
    return undefined;
  }

  /** Units with requests waiting. */
  units(): number[] {
    return [...this.#queues.keys()];
  }
}
