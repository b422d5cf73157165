/** SHA-256 helpers (FIPS 180-4). Hex in lower case everywhere. */
import { createHash, createHmac } from 'node:crypto';

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export function hmacSha256Hex(key: string | Uint8Array, data: string): string {
  return createHmac('sha256', key).update(data).digest('hex');
}

/**
 * A bid's UID, which is also the correlation id of everything that happens to it, from the read of the
 * register to the award: 128 bits of SHA-256 over DER, interval and product. The same DER cannot have two
 * UIDs for one interval and product, which is what makes a double claim visible.
 */
export function bidUid(derId: string, intervalId: string, product: string): string {
  return sha256Hex(`fieldbid/bid-uid/v1\n${derId}\n${intervalId}\n${product}`).slice(0, 32);
}
