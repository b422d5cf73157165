/**
 * The workspace cut down to what stands beside an inverter, for the arm64 root: core and edge-agent, and of the
 * development packages those that their tests import.
 *
 *   node edge-package.mjs PACKAGE_JSON                    rewrites the file
 *   node edge-package.mjs --compare LOCK_FILE LOCK_FILE   fails where the second has a version that the first has not
 */
import { readFileSync, writeFileSync } from 'node:fs';

const ROOMS = ['core', 'edge-agent'];
const TEST_PACKAGES = ['ava', 'esbuild', 'fast-check'];

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const [first, locked, installed] = process.argv.slice(2);
if (first === '--compare') compare(read(locked).packages, read(installed).packages);
else cutDown(first);

function cutDown(file) {
  const { workspaces: _all, scripts: _unused, devDependencies, ...rest } = read(file);
  const kept = Object.fromEntries(
    TEST_PACKAGES.map((name) => {
      const range = devDependencies[name];
      if (range === undefined)
        fail(`${file}: found no ${name} in devDependencies, expected what the tests import`);
      return [name, range];
    }),
  );
  writeFileSync(file, `${JSON.stringify({ ...rest, workspaces: ROOMS, devDependencies: kept }, null, 2)}\n`);
}

/** npm may only leave packages out: a version of its own choice would be another program than the one that is released. */
function compare(locked, installed) {
  for (const [path, { version }] of Object.entries(installed)) {
    if (locked[path]?.version !== version) {
      fail(`${path}: found ${version}, expected ${locked[path]?.version ?? 'none'} as in package-lock.json`);
    }
  }
}

function fail(message) {
  console.error(`edge-package: ${message}`);
  process.exit(1);
}
