/** How the service starts the agent, and its systemd unit with the paths of this installation. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Most of Node's memory is young objects that a small nursery throws away sooner, for a little more CPU time; the
 * rest keeps the heap from growing only because the machine has room.
 */
export const NODE_FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=160'] as const;

/** What `npm run build:edge` makes and the service starts. */
export const BUILT_AGENT = fileURLToPath(new URL('../dist/fieldbid-edge.js', import.meta.url));

const UNIT_FILE = new URL('./fieldbid-edge@.service', import.meta.url);
/** Where the unit that lies here expects Node and a clone of the repository. */
const NODE = '/usr/bin/node';
const INSTALLED_IN = '/opt/fieldbid';

/** The unit for the Node that runs now and the clone that it was started from. */
export function unitText(
  node = process.execPath,
  root = fileURLToPath(new URL('../..', import.meta.url)),
): string {
  const text = readFileSync(UNIT_FILE, 'utf8');
  return text.replaceAll(NODE, quoted(node)).replaceAll(INSTALLED_IN, quoted(root.replace(/\/$/, '')));
}

/** systemd takes % for a specifier, and splits at blanks. @see systemd.service(5), command lines */
function quoted(path: string): string {
  return path.replaceAll('%', '%%').replaceAll(' ', '\\x20');
}
