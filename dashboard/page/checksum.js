// The checksum that ties a raw record to the ledger, computed here: SHA-256 over domain, uid, revision, salt and the record
// as canonical JSON, one per line (core/gateway-api/checksum.ts). That the page's server says it fits need not be believed.

const DOMAIN = 'fieldbid/raw-record/v1';

/** Keys by UTF-16 code unit, no white space. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

/** Lower-case hex; null where the browser has no cryptography (a page over plain http from another machine). */
export async function recordChecksum(raw, salt) {
  if (globalThis.crypto?.subtle === undefined) return null;
  const text = [DOMAIN, raw.bid.uid, raw.revision, salt, canonical(raw)].join('\n');
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
