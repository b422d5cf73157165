/**
 * Which numbers of a stream have arrived: live records and their history come interleaved, and what was sent
 * twice shall count once. Kept as ranges, so that a stream without gaps takes one, however long it is.
 */

/** A stream with more gaps than this is told apart no further: its oldest ones count as arrived. */
const MOST_RANGES = 1000;

export class ReceivedNumbers {
  /** `[first, last]`, ascending, never touching each other. */
  #ranges: [first: number, last: number][] = [];

  /** @returns true when the number is new. */
  add(number: number): boolean {
    let at = this.#ranges.length;
    while (at > 0 && this.#ranges[at - 1]![0] > number) at--;
    const before = this.#ranges[at - 1];
    const after = this.#ranges[at];
    if (before !== undefined && number <= before[1]) return false;
    const joinsBefore = before !== undefined && number === before[1] + 1;
    const joinsAfter = after !== undefined && number === after[0] - 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.#ranges.splice(at, 1);
    } else if (joinsBefore) before[1] = number;
    else if (joinsAfter) after[0] = number;
    else this.#ranges.splice(at, 0, [number, number]);
    this.#bound();
    return true;
  }

  /** Numbers between the first and the last that have not arrived. */
  missing(): number {
    let missing = 0;
    for (let i = 1; i < this.#ranges.length; i++)
      missing += this.#ranges[i]![0] - this.#ranges[i - 1]![1] - 1;
    return missing;
  }

  #bound(): void {
    const [first, second] = this.#ranges;
    if (this.#ranges.length > MOST_RANGES && first !== undefined && second !== undefined) {
      this.#ranges.splice(0, 2, [first[0], second[1]]);
    }
  }
}
