/** Step 13 · What a market decides about settlement; a config section of the DERA and of the ISO. */
import Type, { type Static } from 'typebox';

/** Percentages count to a ten-thousandth of a percent. */
export const SettlementRules = Type.Object(
  {
    /** Metered energy may differ from dispatched energy by this share of it, percent, ... */
    deviationBand_pct: Type.Number({ minimum: 0, maximum: 100, default: 10 }),
    /** ... and always by this much per interval, Wh. */
    deviationBandMin_Wh: Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 500 }),
    /** What a Wh beyond the band costs: this share of the real-time price without its sign, percent. */
    deviationCharge_pct: Type.Number({ minimum: 0, maximum: 1000, default: 10 }),
    /** In place of the share: a fixed charge, $/MWh. */
    deviationCharge_USD_per_MWh: Type.Optional(Type.Number({ minimum: 0, maximum: 1_000_000 })),
    /** The DERA's part of what a DER earns with energy in an interval, millionths. */
    fee_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
    /**
     * What counts as delivered where nothing was metered. `unproven`: nothing, or what was dispatched where that pays
     * the DER less (negative prices, consumption): without a meter nobody is better off. `dispatched`: as dispatched.
     */
    unmetered: Type.Enum(['unproven', 'dispatched'], { default: 'unproven' }),
  },
  { additionalProperties: false },
);
export type SettlementRules = Static<typeof SettlementRules>;

export const DEFAULT_SETTLEMENT_RULES: SettlementRules = {
  deviationBand_pct: 10,
  deviationBandMin_Wh: 500,
  deviationCharge_pct: 10,
  fee_ppm: 0,
  unmetered: 'unproven',
};
