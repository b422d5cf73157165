/**
 * Numbers as a GLM writes them: `0.927 in`, `1.3425+0.5124j`, `2401.77-120.0d`, `500 kVA`. Without a unit a
 * number is in the unit that GridLAB-D gives the property.
 */
import { type Complex, complex, polar, scale } from './complex.ts';

/** Unit of a property → what may be written instead, as a factor to it. */
const UNITS = {
  ft: { ft: 1, in: 1 / 12, mile: 5280, mi: 5280, yd: 3, m: 1 / 0.3048, cm: 0.01 / 0.3048, km: 1000 / 0.3048 },
  in: { in: 1, ft: 12, cm: 1 / 2.54, mm: 1 / 25.4, m: 100 / 2.54 },
  V: { V: 1, kV: 1e3 },
  A: { A: 1, kA: 1e3 },
  VA: { VA: 1, kVA: 1e3, MVA: 1e6, W: 1, kW: 1e3, MW: 1e6 },
  kVA: { kVA: 1, VA: 1e-3, MVA: 1e3, kW: 1, MW: 1e3 },
  VAr: { VAr: 1, kVAr: 1e3, MVAr: 1e6, VA: 1, kVA: 1e3 },
  Ohm: { Ohm: 1, ohm: 1, kOhm: 1e3 },
  'Ohm/mile': { 'Ohm/mile': 1, 'ohm/mile': 1, 'Ohm/km': 1.609344, 'Ohm/m': 1609.344, 'Ohm/ft': 5280 },
  'nF/mile': { 'nF/mile': 1, 'uF/mile': 1e3, 'nF/km': 1.609344, 'uF/km': 1609.344 },
  'pu*Ohm': { 'pu*Ohm': 1, pu: 1 },
  Hz: { Hz: 1 },
  '': {},
} as const satisfies Record<string, Record<string, number>>;

export type Unit = keyof typeof UNITS;

const NUMBER = '[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?';
const WRITTEN = new RegExp(
  `^(${NUMBER})(?:([+-](?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)([ijdr]))?\\s*(\\S*)$`,
);
const IMAGINARY = new RegExp(`^(${NUMBER})[ij]\\s*(\\S*)$`);

/** @returns undefined for what is no such number. */
export function parseComplex(text: string, unit: Unit): Complex | undefined {
  const only = IMAGINARY.exec(text.trim());
  if (only !== null) return inUnit(complex(0, Number(only[1])), only[2] ?? '', unit);
  const [, first, second, form, suffix = ''] = WRITTEN.exec(text.trim()) ?? [];
  if (first === undefined) return undefined;
  const [a, b] = [Number(first), Number(second ?? 0)];
  if (form === 'd') return inUnit(polar(a, b), suffix, unit);
  if (form === 'r') return inUnit(polar(a, (b * 180) / Math.PI), suffix, unit);
  return inUnit(complex(a, b), suffix, unit);
}

/** @returns undefined for what is no such real number. */
export function parseNumber(text: string, unit: Unit): number | undefined {
  const [, value, suffix = ''] = new RegExp(`^(${NUMBER})\\s*(\\S*)$`).exec(text.trim()) ?? [];
  return value === undefined ? undefined : inUnit(complex(Number(value)), suffix, unit)?.re;
}

function inUnit(value: Complex, suffix: string, unit: Unit): Complex | undefined {
  if (suffix === '') return value;
  const factor = (UNITS[unit] as Record<string, number>)[suffix];
  return factor === undefined ? undefined : scale(value, factor);
}
