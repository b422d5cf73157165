#!/usr/bin/env node
// The fieldbid command. Registers tsx (the sources are TypeScript, run as they are) and hands over.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`fieldbid needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('../cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
