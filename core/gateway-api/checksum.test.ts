import { createHash } from 'node:crypto';
import test from 'ava';
import { recordChecksum, seededSalts } from './checksum.ts';
import type { RawBidRecord } from './schemas.ts';

const UID = '00112233445566778899aabbccddeeff';
const SALT = 'ffeeddccbbaa99887766554433221100';
const RECORD: RawBidRecord = {
  bid: {
    uid: UID,
    derId: 'pv1',
    deraId: 'north',
    deviceIds: ['pv1-inverter'],
    intervalId: '2026-06-21T12:00Z',
    product: 'energy',
    sequence: 1,
    quantity_W: 50_000,
    price_uUSD_per_MWh: 31_500_000,
    cap_uUSD_per_MWh: 1_000_000_000,
    forecast_uUSD_per_MWh: 30_000_000,
    riskFactor_pct: 5,
    clampedTo: 'none',
    state: {
      readAt_ms: 1,
      measured_W: 50_100,
      available_W: null,
      source: 'measured',
      rating_W: 60_000,
      limit_pct: null,
    },
    submittedAt_ms: 2,
    expiresAt_ms: 3,
  },
  revision: 1,
  status: 'submitted',
  quantity_W: 50_000,
  price_uUSD_per_MWh: null,
  settlement: null,
  reason: '',
};

test('the checksum is SHA-256 over domain, uid, revision, salt and canonical record', (t) => {
  // Canonical JSON by hand: keys sorted by code unit (capitals first), no white space.
  const bid =
    `{"cap_uUSD_per_MWh":1000000000,"clampedTo":"none","derId":"pv1","deraId":"north",` +
    `"deviceIds":["pv1-inverter"],"expiresAt_ms":3,"forecast_uUSD_per_MWh":30000000,` +
    `"intervalId":"2026-06-21T12:00Z","price_uUSD_per_MWh":31500000,"product":"energy",` +
    `"quantity_W":50000,"riskFactor_pct":5,"sequence":1,"state":{"available_W":null,"limit_pct":null,` +
    `"measured_W":50100,"rating_W":60000,"readAt_ms":1,"source":"measured"},"submittedAt_ms":2,"uid":"${UID}"}`;
  const record =
    `{"bid":${bid},"price_uUSD_per_MWh":null,"quantity_W":50000,"reason":"","revision":1,` +
    `"settlement":null,"status":"submitted"}`;
  const text = `fieldbid/raw-record/v1\n${UID}\n1\n${SALT}\n${record}`;
  t.is(recordChecksum(RECORD, SALT), createHash('sha256').update(text).digest('hex'));
});

test('a salt below 128 bit is refused', (t) => {
  t.throws(() => recordChecksum(RECORD, SALT.slice(2)), { instanceOf: RangeError });
  t.throws(() => recordChecksum(RECORD, ''), { instanceOf: RangeError });
});

test('seeded salts differ by seed, uid and revision, and repeat', (t) => {
  const salts = seededSalts(1);
  const all = [salts(UID, 1), salts(UID, 2), salts(SALT, 1), seededSalts(2)(UID, 1)];
  t.is(new Set(all).size, 4);
  t.is(seededSalts(1)(UID, 1), salts(UID, 1));
  for (const salt of all) t.regex(salt, /^[0-9a-f]{32}$/);
});
