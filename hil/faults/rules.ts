/** What a fault proxy does to Modbus exchanges, and to which: data, from a file, a scenario, or flags. */
import { describeFound, InputError } from '@fieldbid/core/errors';
import { intervalOf, MINUTE_ID } from '@fieldbid/core/interval';
import { type Random, seededRandom } from '@fieldbid/core/random';
import Type, { type Static } from 'typebox';

export const FAULTS = [
  /** The answer comes `delay_ms` later, and those after it wait behind it. */
  'delay',
  /** The answer comes `delay_ms` later, by itself: when that is after the client's deadline, nobody waits for it. */
  'late',
  /** The answer comes twice. */
  'duplicate',
  /** The answer carries another transaction id. */
  'wrongTransactionId',
  /** The answer carries another unit id. */
  'wrongUnit',
  /** The answer comes in pieces. */
  'split',
  /** The answer breaks off in its middle. */
  'truncate',
  /** The connection is reset instead of an answer; the request was carried out. */
  'reset',
  /** Answered with `exception`, and not carried out. */
  'exception',
  /** No answer; the request was carried out. */
  'drop',
] as const;
export type Fault = (typeof FAULTS)[number];

const Byte = Type.Integer({ minimum: 0, maximum: 255 });
const Register = Type.Integer({ minimum: 0, maximum: 65_535 });
const Minute = Type.String({ pattern: MINUTE_ID });

export const FaultRule = Type.Object(
  {
    fault: Type.Enum([...FAULTS]),
    /** Of a request that it fits; 1: every one. */
    probability: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
    /** Real ms, for `delay` and `late`. */
    delay_ms: Type.Integer({ minimum: 1, maximum: 600_000, default: 500 }),
    /** Code, for `exception`; 6 is "device busy". */
    exception: Type.Integer({ minimum: 1, maximum: 255, default: 6 }),
    /** Which requests it fits: all, where nothing is said. */
    unit: Type.Optional(Byte),
    /** Modbus function code. */
    function: Type.Optional(Byte),
    /** Requests that touch one of these registers, both ends included. */
    addresses: Type.Optional(Type.Array(Register, { minItems: 2, maxItems: 2 })),
    /** At most so often. */
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Market time, `[from, until)`, such as 2026-06-21T11:30Z. */
    from: Type.Optional(Minute),
    until: Type.Optional(Minute),
  },
  { additionalProperties: false },
);
export type FaultRule = Static<typeof FaultRule>;

/** A request as rules look at it. */
export interface Request {
  readonly unit: number;
  readonly functionCode: number;
  readonly address: number;
  readonly count: number;
}

/**
 * Says which fault a request meets. Each unit has its own sequence of chances from the seed, so that the same
 * requests to a unit meet the same faults, whatever is asked of the others meanwhile.
 */
export class FaultPlan {
  readonly #rules: readonly { readonly rule: FaultRule; readonly window: Window; left: number }[];
  readonly #seed: number | string;
  readonly #chances = new Map<number, Random>();

  /** @throws InputError as `checkRules`. */
  constructor(rules: readonly FaultRule[], seed: number | string) {
    checkRules(rules, 'fault rules', '');
    this.#seed = seed;
    this.#rules = rules.map((rule) => ({ rule, window: windowOf(rule), left: rule.times ?? Infinity }));
  }

  /** The first rule that fits and strikes, and a chance for its details, in [0, 1). @param now_ms market time. */
  next(request: Request, now_ms: number): { rule: FaultRule; chance: number } | undefined {
    const random = this.#chances.get(request.unit) ?? seededRandom(this.#seed, `faults of ${request.unit}`);
    this.#chances.set(request.unit, random);
    // Every rule draws, whether it fits or not: a rule that is over does not shift what the others do.
    const draws = this.#rules.map(() => random.uniform());
    const chance = random.uniform();
    const at = this.#rules.findIndex(({ rule, window, left }, i) => {
      const inTime = now_ms >= window.from_ms && now_ms < window.until_ms;
      return left > 0 && inTime && (draws[i] ?? 1) < rule.probability && fits(rule, request);
    });
    const found = this.#rules[at];
    if (found === undefined) return undefined;
    found.left--;
    return { rule: found.rule, chance };
  }
}

interface Window {
  readonly from_ms: number;
  readonly until_ms: number;
}

/**
 * What a schema cannot say: times that exist, and in order.
 * @throws InputError naming `source`, the rule's path below `path`, what was found and what is expected.
 */
export function checkRules(rules: readonly FaultRule[], source: string, path: string): void {
  for (const [i, rule] of rules.entries()) {
    const wrong = (key: string, expected: string) =>
      new InputError({
        source,
        path: `${path}/${i}/${key}`,
        found: describeFound(rule[key as keyof FaultRule]),
        expected,
      });
    for (const key of ['from', 'until'] as const) {
      const text = rule[key];
      if (text !== undefined && !isMinute(text)) throw wrong(key, 'a minute that exists, in UTC');
    }
    const { from_ms, until_ms } = windowOf(rule);
    if (from_ms >= until_ms) throw wrong('until', `a time after ${rule.from}`);
    const [first = 0, last = first] = rule.addresses ?? [];
    if (first > last) {
      throw wrong('addresses', 'the lower register first');
    }
  }
}

function isMinute(text: string): boolean {
  try {
    intervalOf(text, 1);
    return true;
  } catch {
    return false;
  }
}

function windowOf({ from, until }: FaultRule): Window {
  return {
    from_ms: from === undefined ? -Infinity : intervalOf(from, 1).start_ms,
    until_ms: until === undefined ? Infinity : intervalOf(until, 1).start_ms,
  };
}

function fits(rule: FaultRule, { unit, functionCode, address, count }: Request): boolean {
  const [first = 0, last = 65_535] = rule.addresses ?? [];
  return (
    (rule.unit ?? unit) === unit &&
    (rule.function ?? functionCode) === functionCode &&
    address <= last &&
    address + count > first
  );
}
