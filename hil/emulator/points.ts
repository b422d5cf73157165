/** What an emulator's driver needs of a protocol: points of the mapping, read in one image and written by name. */

/** Values of one moment, by the point's place in the mapping: `/points/channels/0/measured`. null: it does not say. */
export interface PointImage {
  /** In V, VA or as it counts. */
  number(path: string): number | null;
  /** null also where the value is neither on nor off. */
  isOn(path: string): boolean | null;
  /** As a person would read it. */
  text(path: string): string | null;
}

export interface PointWrite {
  readonly path: string;
  /** In the point's units; of a switch whether it is on. */
  readonly value: number | boolean;
}

export interface PointAccess {
  readonly name: string;
  /** Whether the mapping has such a point. */
  has(path: string): boolean;
  /** Smallest step of a point, in its units; undefined: its type has none. */
  step(path: string): number | undefined;
  /** @throws FieldbidError when there is no answer; InputError when the mapping does not fit the device. */
  read(): Promise<PointImage>;
  /**
   * In this order.
   * @returns why the device refused; undefined when it took everything. @throws as `read`.
   */
  write(writes: readonly PointWrite[], what: string): Promise<string | undefined>;
  /** The same for people: what would be written where. */
  planned(writes: readonly PointWrite[]): string[];
  close(): Promise<void>;
}
