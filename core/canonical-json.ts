/**
 * Canonical JSON: one byte sequence per value, so that a checksum means something. Keys sorted by UTF-16
 * code unit, no white space, numbers as ECMAScript prints them (RFC 8785 gives the same bytes for these
 * values). What JSON would silently lose or change is refused: `undefined`, NaN, infinities, -0, functions,
 * class instances, lone surrogates.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The canonical text of a JSON value. @throws TypeError naming the path of what JSON cannot carry. */
export function canonicalJson(value: unknown): string {
  return write(value, '');
}

function write(value: unknown, path: string): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError(`lone surrogate in the string at ${path || '/'}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0)) {
        throw new TypeError(`${Object.is(value, -0) ? '-0' : value} at ${path || '/'} is not a JSON number`);
      }
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : writeObject(value, path);
    default:
      throw new TypeError(`${typeof value} at ${path || '/'} is not JSON`);
  }
}

function writeObject(value: object, path: string): string {
  if (Array.isArray(value)) return `[${value.map((item, i) => write(item, `${path}/${i}`)).join(',')}]`;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(
      `an instance of ${value.constructor?.name ?? 'a class'} at ${path || '/'} is not JSON`,
    );
  }
  const entries = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, item]) => `${write(key, path)}:${write(item, `${path}/${key}`)}`);
  return `{${entries.join(',')}}`;
}
