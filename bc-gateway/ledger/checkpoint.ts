/** Positions in a ledger: `block.tx`, zero-based transaction in its block; `block` alone is after all of it. */
import { describeFound, InputError } from '@fieldbid/core/errors';

export interface Position {
  readonly block: number;
  readonly tx: number;
}

/** @throws InputError when the text is no checkpoint. */
export function positionOf(checkpoint: string): Position {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(checkpoint);
  if (match === null) {
    throw new InputError({
      source: 'checkpoint',
      path: '',
      found: describeFound(checkpoint),
      expected: 'block or block.tx, such as 12 or 12.0',
    });
  }
  return {
    block: Number(match[1]),
    tx: match[2] === undefined ? Number.POSITIVE_INFINITY : Number(match[2]),
  };
}

export function checkpointOf({ block, tx }: Position): string {
  return `${block}.${tx}`;
}

export function isAfter(a: Position, b: Position): boolean {
  return a.block > b.block || (a.block === b.block && a.tx > b.tx);
}
