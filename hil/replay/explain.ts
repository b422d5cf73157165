/** A difference between two runs, as what it means: which interval or minute, whose, and which column. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Difference } from '../compare/compare-runs.ts';

/** Columns that say which row it is. */
const KEYS = ['interval', 'hour', 'time', 'der', 'party', 'id', 'emulator', 'phase'];
const SHOWN_CHARS = 80;

/** @param recorded folder of the run that `difference.a` is from. @returns one or two lines for people. */
export function explain(difference: Difference, recorded: string): string {
  const { file, line, a, b } = difference;
  const at = `${file}, line ${line}`;
  if (a === '' || a === '(end)') return `${at}: the replay has more: ${short(b)}`;
  if (b === '' || b === '(end)') return `${at}: the replay ends before: ${short(a)}`;
  if (file.endsWith('.ndjson')) return `${at}: ${explainPayload(a, b)}`;
  const header = (readFileSync(join(recorded, file), 'utf8').split('\n')[0] ?? '').split(',');
  const [was, is] = [a.split(','), b.split(',')];
  const i = header.findIndex((_, n) => was[n] !== is[n]);
  const which = KEYS.flatMap((key) => {
    const n = header.indexOf(key);
    return n >= 0 && n !== i && was[n] === is[n] ? [`${key} ${was[n]}`] : [];
  });
  const what = i < 0 ? 'the row' : (header[i] ?? `column ${i + 1}`);
  return `${at}: ${[...which, what].join(', ')}: recorded ${short(was[i] ?? a)}, replayed ${short(is[i] ?? b)}`;
}

interface Line {
  readonly transaction?: string;
  readonly payload?: string;
}

function explainPayload(a: string, b: string): string {
  const [was, is] = [parsed(a), parsed(b)];
  if (was === undefined || is === undefined) return `recorded ${short(a)}, replayed ${short(b)}`;
  const [transaction, replayed] = [(was as Line).transaction, (is as Line).transaction];
  if (transaction !== replayed) return `recorded the transaction ${transaction}, replayed ${replayed}`;
  const found = firstDifference(was, is, '');
  const about = (parsed((was as Line).payload ?? '') ?? {}) as { intervalId?: string; derId?: string };
  const which = [transaction, about.intervalId, about.derId].filter((part) => part !== undefined).join(' ');
  return `${which}${found.path}: recorded ${short(found.was)}, replayed ${short(found.is)}`;
}

function firstDifference(was: unknown, is: unknown, path: string): { path: string; was: string; is: string } {
  // Payloads and written values are JSON text in JSON.
  if (typeof was === 'string' && typeof is === 'string') {
    const [a, b] = [parsed(was), parsed(is)];
    if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null)
      return firstDifference(a, b, path);
  }
  if (typeof was === 'object' && was !== null && typeof is === 'object' && is !== null) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const [a, b] = [(was as Record<string, unknown>)[key], (is as Record<string, unknown>)[key]];
      if (JSON.stringify(a) !== JSON.stringify(b)) return firstDifference(a, b, `${path}/${key}`);
    }
  }
  return { path, was: JSON.stringify(was) ?? 'nothing', is: JSON.stringify(is) ?? 'nothing' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function short(text: string): string {
  if (text === '') return 'nothing';
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
