/** Bearer tokens of our own small servers (RFC 6750, section 2.1). */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether an `Authorization` header shows the token. In constant time. */
export function holdsBearer(authorization: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`));
}
