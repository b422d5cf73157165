// How figures and times look. Times are market time in UTC.

const NONE = '–';

export const kW = (watts, digits = 1) =>
  watts === null || watts === undefined ? NONE : (watts / 1000).toFixed(digits);
export const pu = (upu, digits = 4) =>
  upu === null || upu === undefined ? NONE : (upu / 1e6).toFixed(digits);
export const usdPerMWh = (price) => (price === null || price === undefined ? NONE : (price / 1e6).toFixed(2));
export const usd = (uUSD, digits = 4) => (uUSD / 1e6).toFixed(digits);
export const percent = (value) => (value === null || value === undefined ? NONE : `${value.toFixed(1)} %`);

export const clock = (ms) => new Date(ms).toISOString().slice(11, 16);
export const clockSeconds = (ms) => new Date(ms).toISOString().slice(11, 19);
export const day = (ms) => new Date(ms).toISOString().slice(0, 10);

/** `2026-06-21T12:15Z` → `06-21 12:15`; a day-ahead hour says its length. */
export function interval(id) {
  if (id === null || id === undefined) return NONE;
  const length = /--PT(\d+)M$/.exec(id)?.[1];
  return `${id.slice(5, 10)} ${id.slice(11, 16)}${length === undefined ? '' : ` (${length} min, day ahead)`}`;
}

export const startOf = (id) => Date.parse(`${id.slice(0, 16)}:00Z`);
export const isDayAhead = (id) => id.includes('--PT');

export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(s / 60);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
    : `${minutes}:${String(s % 60).padStart(2, '0')}`;
}

export const VERDICTS = {
  verified: ['✓', 'good'],
  refused: ['✕', 'bad'],
  unproven: ['?', 'warn'],
};
