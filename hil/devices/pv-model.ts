/** Sunlight → power that a PV system could deliver. Plain textbook figures, enough for a bench device. */

/** Cells lose about 0.4 % of power per kelvin above 25 °C (crystalline silicon). */
const LOSS_PER_K = 0.004;
/** Cell temperature above ambient at 1000 W/m², K (nominal operating cell temperature of 45 °C). */
const HEATING_K = 31;
const INVERTER_EFFICIENCY = 0.97;

export interface PvSystem {
  /** Rated AC power, W. */
  readonly rating_W: number;
  /** DC power at 1000 W/m² and 25 °C per W of AC rating; 1.2 by default. */
  readonly dcRatio?: number;
}

/** AC power, W, at an irradiance in the panels' plane, W/m², and an ambient temperature, °C. */
export function pvPower_W(system: PvSystem, irradiance_W_per_m2: number, ambient_C = 20): number {
  const sun = Math.max(0, irradiance_W_per_m2) / 1000;
  const cell_C = ambient_C + HEATING_K * sun;
  const dc_W = (system.dcRatio ?? 1.2) * system.rating_W * sun * (1 - LOSS_PER_K * (cell_C - 25));
  return Math.min(system.rating_W, Math.max(0, dc_W * INVERTER_EFFICIENCY));
}

const DAY_MS = 86_400_000;

/** Irradiance of a clear day, W/m²: a half sine from 06:00 to 18:00 UTC with its peak at noon. */
export function clearDayIrradiance(t_ms: number, peak_W_per_m2 = 1000): number {
  const dayShare = (((t_ms % DAY_MS) + DAY_MS) % DAY_MS) / DAY_MS;
  return peak_W_per_m2 * Math.max(0, Math.sin(2 * Math.PI * (dayShare - 0.25)));
}
