/**
 * Steps 4 and 13 · Baselines and blinds of what was committed, one JSON object a line: on the disk before the hash goes
 * out, so that an aggregator that is started again can open it. Who reads it before the settlement knows what the hash
 * hides: it is its owner's alone.
 */
import { existsSync, statSync } from 'node:fs';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { readText } from '@fieldbid/core/config';
import { IntervalId } from '@fieldbid/core/market/messages';
import { BaselineOpening, baselineCommitment } from '@fieldbid/core/market/settlement/commitment';
import { parse } from '@fieldbid/core/schema';
import Type from 'typebox';
import { appendLine, requirePrivate } from '../append-line.ts';

const Line = Type.Object(
  { intervalId: IntervalId, ...BaselineOpening.properties },
  { additionalProperties: false },
);

export class Openings {
  readonly #deraId: string;
  readonly #file: string | undefined;
  /** By commitment: whatever else is in the file, what is found opens the one that is asked for. */
  readonly #kept = new Map<string, BaselineOpening>();

  /** @param file made by the first `keep`; in memory alone without. @throws InputError naming `file:line`. */
  constructor(deraId: string, file?: string) {
    this.#deraId = deraId;
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    requirePrivate(file, statSync(file).mode);
    // A last line without its end was never answered for: its hash did not go out.
    const lines = readText(file).split('\n').slice(0, -1);
    for (const [i, line] of lines.entries()) {
      const { intervalId, ...opening } = parse(Line, jsonOf(line), `${file}:${i + 1}`);
      this.#kept.set(baselineCommitment(deraId, intervalId, opening), opening);
    }
  }

  get(commitment: string): BaselineOpening | undefined {
    return this.#kept.get(commitment);
  }

  /** On the disk when it returns the commitment. @throws InputError when the file cannot be written. */
  keep(intervalId: string, opening: BaselineOpening): string {
    if (this.#file !== undefined) appendLine(this.#file, canonicalJson({ intervalId, ...opening }));
    const commitment = baselineCommitment(this.#deraId, intervalId, opening);
    this.#kept.set(commitment, opening);
    return commitment;
  }
}

/** What is no JSON is no object either: `parse` says so. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
