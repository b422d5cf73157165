/** For tests that start one of our programs many times: built once to plain JavaScript, it starts in a fraction. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const OWN = /^@fieldbid\/([a-z-]+)\/(.+)$/;

/** Our rooms are part of the program, everything else is a package. */
const rooms: Plugin = {
  name: 'rooms',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined;
      const [, room, module] = OWN.exec(path) ?? [];
      if (room === undefined) return { path, external: true };
      return { path: fileURLToPath(new URL(`../../${room}/${module}.ts`, import.meta.url)) };
    });
  },
};

/**
 * @param entry module that runs the program. It and what it imports may not read files beside themselves.
 * @returns path of the built program, beside the packages that it needs.
 */
export async function bundle(entry: URL, name: string): Promise<string> {
  const outfile = fileURLToPath(new URL(`../../node_modules/.cache/fieldbid/${name}.mjs`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    plugins: [rooms],
  });
  return outfile;
}
