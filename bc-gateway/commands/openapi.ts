/** `fieldbid gateway openapi`: the API's document without a gateway. */
import { openApiDocument } from '../http/openapi.ts';

export function printDocument(): void {
  process.stdout.write(documentText());
}

export function documentText(): string {
  return `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;
}
