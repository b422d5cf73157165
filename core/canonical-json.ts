/**
 * Canonical JSON: one byte sequence per value, so that a checksum means something. Keys sorted by UTF-16
 * code unit, no white space, numbers as ECMAScript prints them (RFC 8785 gives the same bytes for these
 * values). What JSON would silently lose or change is refused: `undefined`, NaN, infinities, -0, functions,
 * class instances, lone surrogates.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The canonical text of a JSON value. @throws TypeError naming the path of what JSON cannot carry. */
export function canonicalJson(value: unknown): string {
  try {
    return write(value);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    throw new TypeError(error.describe(error.path.map((key) => `/${key}`).join('') || '/'));
  }
}

/** The path is put together on the way out of a failure: a value that is fine costs nothing for it. */
class NotJson extends Error {
  readonly path: string[] = [];
  readonly describe: (path: string) => string;

  constructor(describe: (path: string) => string) {
    super();
    this.describe = describe;
  }
}

function write(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new NotJson((path) => `lone surrogate in the string at ${path}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0)) {
        throw new NotJson((path) => `${Object.is(value, -0) ? '-0' : value} at ${path} is not a JSON number`);
      }
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : writeObject(value);
    default:
      throw new NotJson((path) => `${typeof value} at ${path} is not JSON`);
  }
}

function writeObject(value: object): string {
  let text = '';
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + writeAt(i, value[i]);
    return `[${text}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new NotJson(
      (path) => `an instance of ${value.constructor?.name ?? 'a class'} at ${path} is not JSON`,
    );
  }
  const record = value as Record<string, unknown>;
  // Without a comparator, sort() is by UTF-16 code unit.
  for (const key of Object.keys(record).sort())
    text += `${text === '' ? '' : ','}${write(key)}:${writeAt(key, record[key])}`;
  return `{${text}}`;
}

function writeAt(key: string | number, item: unknown): string {
  try {
    return write(item);
  } catch (error) {
    if (error instanceof NotJson) error.path.unshift(String(key));
    throw error;
  }
}
