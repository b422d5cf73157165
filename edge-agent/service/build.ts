/**
 * `npm run build:edge`: the agent as plain JavaScript, for the service. Run from its sources it would carry a
 * compiler along (tsx, esbuild), which costs more memory than the agent itself. Packages stay where npm put them;
 * files that belong to a module (profiles, model table) are read where they are in the sources.
 */
import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const OUT = fileURLToPath(new URL('../dist/', import.meta.url));
const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url));
const OWN = /^@fieldbid\/([a-z-]+)\/(.+)$/;

/** Our rooms are part of the program, everything else is a package. */
const rooms: Plugin = {
  name: 'rooms',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined;
      const [, room, module] = OWN.exec(path) ?? [];
      if (room === undefined) return { path, external: true };
      return { path: fileURLToPath(new URL(`../../${room}/${module}.ts`, import.meta.url)) };
    });
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const source = JSON.stringify(relative(dirname(`${OUT}x`), path));
      const contents = text.replaceAll('import.meta.url', `new URL(${source}, import.meta.url).href`);
      return { contents, loader: 'ts' };
    });
  },
};

await build({
  entryPoints: [{ in: ENTRY, out: 'fieldbid-edge' }],
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  plugins: [rooms],
  logLevel: 'warning',
});
console.log(`Built: ${relative(process.cwd(), OUT)}/fieldbid-edge.js`);
