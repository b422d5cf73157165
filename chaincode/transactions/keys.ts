/**
 * Keys of the world state. `~` separates: it is in no id. No key that all transactions share, so that unrelated ones
 * do not collide; as few keys to a transaction as can be, because on Fabric each costs a round trip to the peer
 * (decision 14).
 */
/** Of an interval's id up to its hour: `2026-06-21T12`. */
const HOUR_CHARS = 13;

export const keys = {
  /** RegistryEntry. */
  der: (derId: string) => `der~${derId}`,
  /** Organisation that speaks for an aggregator, set by its first registration. */
  dera: (deraId: string) => `dera~${deraId}`,
  /** M10 · Who sold this device's capacity in this interval, as this product. */
  claim: (deviceId: string, intervalId: string, product: string) =>
    `claim~${deviceId}~${intervalId}~${product}`,
  /** The claim that was made a day ahead on the hour that this interval lies in. */
  dayAheadClaim: (deviceId: string, intervalId: string) =>
    keys.claim(deviceId, `${intervalId.slice(0, HOUR_CHARS)}:00Z--PT60M`, 'day-ahead-energy'),
  /** The bounds of all claims on a device in the hour that this interval starts in. */
  claimsOfHour: (deviceId: string, intervalId: string): [from: string, to: string] => {
    const hour = `claim~${deviceId}~${intervalId.slice(0, HOUR_CHARS)}`;
    return [`${hour}:`, `${hour};`];
  },
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
