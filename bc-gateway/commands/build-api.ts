/**
 * `npm run build:api`: what programs of others start from, made anew from the routes. The document, and the
 * TypeScript types that openapi-typescript makes of it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { documentText } from './openapi.ts';

const DOCUMENT = new URL('../../docs/api/openapi.json', import.meta.url);
const TYPES = new URL('../generated/api.d.ts', import.meta.url);

export interface ApiFile {
  readonly path: string;
  readonly text: string;
}

/** The files as they should be. @throws Error of openapi-typescript for a document that it finds invalid. */
export async function apiFiles(): Promise<ApiFile[]> {
  const document = documentText();
  const types = astToString(await openapiTypescript(document));
  return [
    { path: fileURLToPath(DOCUMENT), text: document },
    {
      path: fileURLToPath(TYPES),
      text: `/** Made by \`npm run build:api\` from docs/api/openapi.json. */\n${types}`,
    },
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { path, text } of await apiFiles()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(path);
  }
}
