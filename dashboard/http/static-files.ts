/** The page itself: its own files and uPlot's, from this machine, read once. Nothing else can be asked for by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StaticFile {
  readonly type: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Path → file. */
export function staticFiles(): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  const add = (path: string, file: string): void => {
    const type = TYPES[extname(file)];
    if (type !== undefined) files.set(path, { type, body: readFileSync(file) });
  };
  const page = fileURLToPath(new URL('../page/', import.meta.url));
  for (const name of readdirSync(page)) add(`/${name}`, join(page, name));
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  add('/uplot.js', join(uplot, 'dist/uPlot.esm.js'));
  add('/uplot.css', join(uplot, 'dist/uPlot.min.css'));
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}
