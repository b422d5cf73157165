/**
 * Keys of the world state. `~` separates: it is in no id. One key per bid revision, so that every revision
 * stays readable; no key that all transactions share, so that unrelated ones do not collide.
 */
export const keys = {
  /** RegistryEntry. */
  der: (derId: string) => `der~${derId}`,
  /** Organisation that speaks for an aggregator, set by its first registration. */
  dera: (deraId: string) => `dera~${deraId}`,
  /** Sequence number of the DER's last bid. */
  sequence: (derId: string) => `sequence~${derId}`,
  /** M10 · Who sold this device's capacity in this interval, as this product. */
  claim: (deviceId: string, intervalId: string, product: string) =>
    `claim~${deviceId}~${intervalId}~${product}`,
  /** Number of the bid's latest revision. */
  head: (uid: string) => `head~${uid}`,
  /** BidState. */
  bid: (uid: string, revision: number) => `bid~${uid}~${String(revision).padStart(6, '0')}`,
  submission: (intervalId: string, deraId: string) => `submission~${intervalId}~${deraId}`,
  decision: (intervalId: string) => `decision~${intervalId}`,
  dispatch: (intervalId: string) => `dispatch~${intervalId}`,
};

/** The bounds `[from, to)` of all keys that start with these parts. */
export function under(...parts: string[]): [from: string, to: string] {
  const prefix = parts.join('~');
  return [`${prefix}~`, `${prefix}\u007f`];
}
