/**
 * One schema library for config, API and messages: TypeBox. A schema is the TypeScript type, the check, and
 * the JSON Schema that editors and the OpenAPI document use.
 */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import Value from 'typebox/value';
import { describeFound, InputError, type InputFault } from './errors.ts';

type SchemaError = {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message: string;
};
type Checker = { Check(value: unknown): boolean; Errors(value: unknown): SchemaError[] };

const compiled = new WeakMap<TSchema, Checker>();

function checkerOf(schema: TSchema): Checker {
  let checker = compiled.get(schema);
  if (checker === undefined) {
    checker = Compile(schema) as unknown as Checker;
    compiled.set(schema, checker);
  }
  return checker;
}

/**
 * Checks a value from outside and fills in defaults. Unknown keys are refused where the schema closes its
 * object, which all of ours do.
 * @param source file or message the value came from, for the error.
 * @returns the value, with defaults; the input is not changed, and is what is returned where there are none.
 * @throws InputError for the first fault: source, path, found, expected.
 */
export function parse<T extends TSchema>(schema: T, value: unknown, source: string): Static<T> {
  const filled = fillsIn(schema) ? Value.Default(schema, structuredClone(value)) : value;
  const checker = checkerOf(schema);
  if (checker.Check(filled)) return filled as Static<T>;
  throw new InputError(firstFault(checker.Errors(filled), filled, source));
}

const filling = new WeakMap<TSchema, boolean>();

/** Whether a schema has a default anywhere: most messages have none, and there are many of them. */
function fillsIn(schema: TSchema): boolean {
  let fills = filling.get(schema);
  if (fills === undefined) {
    fills = hasDefault(schema);
    filling.set(schema, fills);
  }
  return fills;
}

function hasDefault(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  if (Array.isArray(part)) return part.some(hasDefault);
  return 'default' in part || Object.values(part).some(hasDefault);
}

/** True when the value already satisfies the schema; no defaults, no error. */
export function matches<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  return checkerOf(schema).Check(value);
}

function firstFault(errors: SchemaError[], value: unknown, source: string): InputFault {
  // The deepest path is the nearest to the mistake; of a failed union that is the branch that got furthest.
  const unknownKey = errors.find((e) => e.keyword === 'additionalProperties');
  if (unknownKey !== undefined) {
    const key = (unknownKey.params.additionalProperties as string[])[0] ?? '';
    return {
      source,
      path: `${unknownKey.instancePath}/${key}`,
      found: `the unknown key "${key}"`,
      expected: 'only the keys that the schema names (is it a typing error?)',
    };
  }
  const ranked = errors.filter((e) => e.keyword !== 'boolean');
  ranked.sort((a, b) => depth(b.instancePath) - depth(a.instancePath));
  const error = ranked[0] ?? errors[0];
  if (error === undefined)
    return { source, path: '', found: describeFound(value), expected: 'a valid value' };
  const sameValue = ranked.filter((e) => e.instancePath === error.instancePath);
  const constants = sameValue.filter((e) => e.keyword === 'const').map((e) => e.params.allowedValue);
  if (constants.length > 0) {
    return fault(error, value, source, `one of ${constants.map((c) => JSON.stringify(c)).join(', ')}`);
  }
  return fault(error, value, source, expectation(error));
}

function depth(path: string): number {
  return path.split('/').length;
}

function fault(error: SchemaError, value: unknown, source: string, expected: string): InputFault {
  if (error.keyword === 'required') {
    const missing = (error.params.requiredProperties as string[] | undefined)?.[0] ?? '';
    return {
      source,
      path: `${error.instancePath}/${missing}`,
      found: 'nothing',
      expected: `the key "${missing}"`,
    };
  }
  return { source, path: error.instancePath, found: describeFound(at(value, error.instancePath)), expected };
}

function expectation(error: SchemaError): string {
  const p = error.params;
  switch (error.keyword) {
    case 'enum':
      return `one of ${(p.allowedValues as unknown[]).map((v) => JSON.stringify(v)).join(', ')}`;
    case 'type':
      return `${Array.isArray(p.type) ? p.type.join(' or ') : String(p.type)}`;
    case 'pattern':
      return `text like ${String(p.pattern)}`;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${String(p.comparison)} ${String(p.limit)}`;
    default:
      return error.message.replace(/^must (be )?/, '');
  }
}

function at(value: unknown, path: string): unknown {
  let here: unknown = value;
  for (const step of path.split('/').slice(1)) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return here;
}
