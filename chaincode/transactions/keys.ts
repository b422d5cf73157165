/**
 * Keys of the world state. `~` separates: it is in no id. No key that all transactions share, so that unrelated ones
 * do not collide; as few keys to a transaction as can be, because on Fabric each costs a round trip to the peer
 * (decision 14).
 */
export const keys = {
  /** RegistryEntry. */
  der: (derId: string) => `der~${derId}`,
  /** Organisation that speaks for an aggregator, set by its first registration. */
  dera: (deraId: string) => `dera~${deraId}`,
  /** M10 · Who sold this device's capacity in this interval, as this product. */
  claim: (deviceId: string, intervalId: string, product: string) =>
    `claim~${deviceId}~${intervalId}~${product}`,
  /** A bid with all its revisions. */
  bid: (uid: string) => `bid~${uid}`,
  submission: (intervalId: string, deraId: string) => `submission~${intervalId}~${deraId}`,
  decision: (intervalId: string) => `decision~${intervalId}`,
  dispatch: (intervalId: string) => `dispatch~${intervalId}`,
};

/** The bounds `[from, to)` of all keys that start with these parts. */
export function under(...parts: string[]): [from: string, to: string] {
  const prefix = parts.join('~');
  return [`${prefix}~`, `${prefix}\u007f`];
}
