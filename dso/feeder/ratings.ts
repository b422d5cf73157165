/** What each link of a feeder may carry: as the feeder file says, else as the model says. */
import { InputError } from '@fieldbid/core/errors';
import Type, { type Static } from 'typebox';
import type { GlmObject } from '../power-flow/gridlabd/glm.ts';
import type { LinkRating } from '../power-flow/power-flow.ts';

const closed = { additionalProperties: false } as const;

const PHASES = ['A', 'B', 'C'] as const;

/** Of a link in `ratings` of a feeder file; `none` takes away a rating that the model gives. */
export const RatingEntry = Type.Union([
  Type.Literal('none'),
  Type.Object({ rating_A: Type.Number({ exclusiveMinimum: 0, maximum: 100_000 }) }, closed),
  Type.Object({ rating_kVA: Type.Number({ exclusiveMinimum: 0, maximum: 10_000_000 }) }, closed),
]);
export type RatingEntry = Static<typeof RatingEntry>;

const TRANSFORMER = 'transformer';
/** Links that have conductors: their rating is a current. */
const CONDUCTING = [
  'overhead_line',
  'underground_line',
  'line',
  'switch',
  'fuse',
  'recloser',
  'sectionalizer',
  'regulator',
  'series_reactor',
];

/**
 * The ratings of a feeder by link.
 * @param file the feeder file, for errors. @param given its `ratings`.
 * @throws InputError for a name that is no link of the model, or a rating of the wrong kind.
 */
export function linkRatings(
  file: string,
  given: Readonly<Record<string, RatingEntry>>,
  objects: ReadonlyMap<string, GlmObject>,
): Map<string, LinkRating> {
  const out = new Map<string, LinkRating>();
  for (const object of objects.values()) {
    const own = ownRating(object, objects);
    if (own !== undefined) out.set(object.name, own);
  }
  for (const [link, entry] of Object.entries(given)) {
    const path = `/ratings/${link}`;
    const fault = (found: string, expected: string) =>
      new InputError({ source: file, path, found, expected });
    const kind = objects.get(link)?.kind;
    if (kind === undefined || !(kind === TRANSFORMER || CONDUCTING.includes(kind))) {
      const found = kind === undefined ? 'no such object in the model' : `a ${kind}`;
      throw fault(found, 'a line, switch, regulator or transformer of the model');
    }
    if (entry === 'none') out.delete(link);
    else if ('rating_kVA' in entry) {
      if (kind !== TRANSFORMER) throw fault('rating_kVA', `rating_A: ${link} is a ${kind}`);
      out.set(link, { kind: 'power', rating: entry.rating_kVA * 1000 });
    } else {
      if (kind === TRANSFORMER) throw fault('rating_A', `rating_kVA: ${link} is a transformer`);
      out.set(link, { kind: 'current', rating: entry.rating_A });
    }
  }
  return out;
}

/**
 * What the model says of a link: kVA of a transformer's configuration, A of a line (`continuous_rating_A` and so on),
 * or of its configuration or conductors in summer, which is the lower one. The phase that bears least counts.
 */
function ownRating(
  { kind, properties }: GlmObject,
  objects: ReadonlyMap<string, GlmObject>,
): LinkRating | undefined {
  const configuration = objects.get(properties.get('configuration') ?? '')?.properties;
  if (kind === TRANSFORMER) {
    const rating_kVA = Number.parseFloat(configuration?.get('power_rating') ?? '');
    return rating_kVA > 0 ? { kind: 'power', rating: rating_kVA * 1000, nameplate: true } : undefined;
  }
  if (!CONDUCTING.includes(kind)) return undefined;
  const own = PHASES.map((phase) => properties.get(`continuous_rating_${phase}`));
  const conductors = PHASES.map((phase) => objects.get(configuration?.get(`conductor_${phase}`) ?? ''));
  const summer = [configuration, ...conductors.map((conductor) => conductor?.properties)].map((of) =>
    of?.get('rating.summer.continuous'),
  );
  const rating_A = least(own) ?? least(summer);
  return rating_A === undefined ? undefined : { kind: 'current', rating: rating_A, nameplate: true };
}

/** The smallest positive number among texts such as `400` or `400 A`. */
function least(texts: readonly (string | undefined)[]): number | undefined {
  const numbers = texts.map((text) => Number.parseFloat(text ?? '')).filter((value) => value > 0);
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}
