/**
 * The external builder that a bench peer runs for a package of the type `ccaas`: three executables (Fabric 2.5,
 * external builders). They do what Fabric's own `ccaas_builder` does, with the same settings.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILDER_VARIABLE } from './node-config.ts';

const FILL_IN = `
const { readFileSync, writeFileSync, existsSync, cpSync } = require('node:fs');
const [, , source, , output] = process.argv;
const values = JSON.parse(process.env.${BUILDER_VARIABLE} ?? '{}');
const connection = JSON.parse(readFileSync(source + '/connection.json', 'utf8'));
for (const [name, value] of Object.entries(connection)) {
  if (typeof value !== 'string') continue;
  connection[name] = value.replace(/{{\\.(\\w+)}}/g, (_, key) => {
    if (typeof values[key] === 'string') return values[key];
    throw new Error(key + ' is not in ${BUILDER_VARIABLE}');
  });
}
writeFileSync(output + '/connection.json', JSON.stringify(connection));
if (existsSync(source + '/META-INF')) cpSync(source + '/META-INF', output + '/META-INF', { recursive: true });
`;

/** Arguments as the peer gives them: detect SOURCE METADATA; build SOURCE METADATA OUTPUT; release OUTPUT RELEASE. */
export function builderScripts(node: string): Record<'detect' | 'build' | 'release', string> {
  return {
    detect: `#!/bin/sh\nexec grep -Eiq '"type"[[:space:]]*:[[:space:]]*"ccaas"' "$2/metadata.json"\n`,
    build: `#!/bin/sh\nexec '${node}' "$(dirname "$0")/fill-in.cjs" "$1" "$2" "$3"\n`,
    release: `#!/bin/sh
set -e
mkdir -p "$2/chaincode/server"
cp "$1/connection.json" "$2/chaincode/server/connection.json"
if [ -d "$1/META-INF/statedb" ]; then mkdir -p "$2/statedb" && cp -R "$1/META-INF/statedb/." "$2/statedb/"; fi
`,
  };
}

/** Writes them to `<folder>/bin`. */
export function writeBuilder(folder: string): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  for (const [name, script] of Object.entries(builderScripts(process.execPath))) {
    writeFileSync(join(bin, name), script, { mode: 0o700 });
  }
  writeFileSync(join(bin, 'fill-in.cjs'), FILL_IN, { mode: 0o600 });
}
