/**
 * Configuration files: YAML, checked against a schema before anything starts. A wrong file fails with the
 * file, the line, the path in it, what was found and what was expected.
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { codeOf, InputError } from './errors.ts';
import { parse } from './schema.ts';

/**
 * Reads and checks a YAML (or JSON) file.
 * @throws InputError naming `file:line:column`, path, found and expected.
 */
export function readConfig<T extends TSchema>(schema: T, file: string): Static<T> {
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    const found = syntax.message.split('\n')[0]?.replace(/ at line.*/, '') ?? 'a syntax error';
    throw new InputError({ source: `${file}:${line}:${col}`, path: '', found, expected: 'YAML' });
  }
  try {
    return parse(schema, document.toJS(), file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const source = place(file, document, lines, error.fault.path);
    if (source !== undefined) throw new InputError({ ...error.fault, source }, { cause: error });
    throw error;
  }
}

/**
 * Where a value of a YAML file stands, for a fault that is found after reading: `file:line:column`.
 * @param path as in InputError: `/points/power/node`. @throws InputError when the file cannot be read.
 */
export function locate(file: string, path: string): string {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines });
  return place(file, document, lines, path) ?? file;
}

function place(file: string, document: Document, lines: LineCounter, path: string): string | undefined {
  // The key may be absent: then its parent's line is where to look.
  const keys = path
    .split('/')
    .slice(1)
    .map((k) => (/^\d+$/.test(k) ? Number(k) : k));
  for (let length = keys.length; length >= 0; length--) {
    const node = document.getIn(keys.slice(0, length), true) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range === undefined) continue;
    const { line, col } = lines.linePos(node.range[0]);
    return `${file}:${line}:${col}`;
  }
  return undefined;
}

/** Reads a text file. @throws InputError when it is missing or unreadable, naming it and what to do. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(
      { source: file, path: '', found: `no readable file (${codeOf(error)})`, expected: 'an existing file' },
      { cause: error },
    );
  }
}

/** A path named inside a config file is relative to that file, not to where the program was started. */
export function besideFile(configFile: string, path: string): string {
  return isAbsolute(path) ? path : resolve(dirname(configFile), path);
}
