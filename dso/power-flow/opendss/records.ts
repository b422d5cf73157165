/** What the worker's records say, as the port has it. */
import type { Extremes, FeederDescription, NoSolution, Solution } from '../power-flow.ts';
import { HEAD, OUTCOME } from './exchange.ts';

export type ReadRecord<T> = (record: Float64Array, description: FeederDescription) => T | NoSolution;

export const extremesOf: ReadRecord<Extremes> = (record, description) => {
  const failure = noSolution(record, description);
  if (failure !== undefined) return failure;
  const [max_pu, maxPlace, min_pu, minPlace, loading_pu, mostPlace] = record.subarray(
    HEAD,
  ) as unknown as number[];
  return {
    max_pu: max_pu!,
    maxAt: description.nodePhases[maxPlace!]!,
    min_pu: min_pu!,
    minAt: description.nodePhases[minPlace!]!,
    loading_pu: loading_pu!,
    loadingAt: description.ratedLinks[mostPlace!] ?? null,
    swing_W: record[1]!,
  };
};

export const solutionOf: ReadRecord<Solution> = (record, description) => {
  const failure = noSolution(record, description);
  if (failure !== undefined) return failure;
  const count = description.nodePhases.length;
  return {
    magnitude_pu: [...record.subarray(HEAD, HEAD + count)],
    angle_deg: [...record.subarray(HEAD + count, HEAD + 2 * count)],
    loading_pu: [...record.subarray(HEAD + 2 * count)],
    swing_W: record[1]!,
  };
};

function noSolution(record: Float64Array, { nodePhases }: FeederDescription): NoSolution | undefined {
  const [outcome, place = 0, value = Number.NaN] = record;
  if (outcome === OUTCOME.solved) return undefined;
  if (outcome === OUTCOME.diverged) return { failure: 'DIVERGED', reason: 'OpenDSS did not converge' };
  if (outcome === OUTCOME.badCurrent)
    return { failure: 'BAD_VOLTAGE', reason: 'a link carries no finite current' };
  return { failure: 'BAD_VOLTAGE', reason: `${nodePhases[place]} is at ${value.toPrecision(4)} pu` };
}
