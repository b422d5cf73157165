/**
 * Prices and money are integers: micro-dollars per MWh and micro-dollars, so that sums are exact and the
 * ledger's bytes are the same everywhere. 30 $/MWh is 30_000_000 µ$/MWh; 1 W for one hour at 1 µ$/MWh is
 * 10⁻⁶ µ$, so payments round once, at the end, half away from zero.
 */

export const MICRO = 1_000_000;

/** $/MWh as written by people → integer µ$/MWh, rounded half away from zero. */
export function priceFromUsd(price_USD_per_MWh: number): number {
  return roundHalfAway(price_USD_per_MWh * MICRO);
}

/** µ$/MWh → $/MWh for screens. */
export function priceInUsd(price_uUSD_per_MWh: number): number {
  return price_uUSD_per_MWh / MICRO;
}

/** Half away from zero, the same for both signs; never -0. */
export function roundHalfAway(x: number): number {
  return Math.sign(x) * Math.round(Math.abs(x)) + 0;
}
