/** `fieldbid dso approve` as a user runs it. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

async function fieldbid(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, ['core/bin/fieldbid.js', ...args], { cwd: root });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const NINE = ['--ders', 'dso/examples/nine-pv-ders.csv', '--bids', 'dso/examples/nine-pv-bids.csv'];
const NOON = ['dso', 'approve', '--feeder', 'feeders/ieee13/feeder.yaml', ...NINE];

interface Answer {
  outcome: string;
  alpha: number;
  bids: { derId: string; bid_W: number; approved_W: number; rank?: number }[];
  approved: { max_pu: number };
  envelope: { safety: string; outcomesChecked: number };
}

test('the example: everybody at one factor, ranks and no prices in the answer', async (t) => {
  const { code, stdout } = await fieldbid(...NOON, '--json');
  t.is(code, 0);
  const answer = JSON.parse(stdout) as Answer;
  t.is(answer.outcome, 'CURTAILED');
  for (const { bid_W, approved_W } of answer.bids) {
    t.true(Math.abs(approved_W - bid_W * answer.alpha) <= 1, 'one factor, rounded down to whole watts');
  }
  t.true(answer.approved.max_pu <= 1.0475 + 1e-8);
  // 9 bids at 8 prices: 8 ways to the next, and 7 places between.
  t.like(answer.envelope, { safety: 'merit-order', outcomesChecked: 1 + 8 + 7 });
  t.is(answer.bids.find(({ derId }) => derId === 'pv-611')?.rank, 0);
  t.false(stdout.includes('USD') || stdout.includes('19.9'));
});

test('a bare model with everything too high without any DER: INFEASIBLE_AT_ZERO with node and value', async (t) => {
  const original = ['dso', 'approve', '--feeder', 'feeders/ieee13-original/ieee13.glm', ...NINE];
  const { code, stdout } = await fieldbid(...original);
  t.is(code, 1);
  t.regex(stdout, /^INFEASIBLE_AT_ZERO .*n630\.C would be at 1\.0687 pu/);
});

test('of a bare model a transformer’s nameplate binds when it is asked to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-approve-'));
  const bids = join(folder, 'bids.json');
  writeFileSync(bids, '[{ "derId": "pv-634", "quantity_kW": 1400 }]');
  const ders = join(folder, 'ders.json');
  writeFileSync(ders, '[{ "derId": "pv-634", "bus": "l634" }]');
  const args = ['dso', 'approve', '--feeder', 'feeders/ieee13-original/ieee13.glm', '--high-pu', '1.08'];
  const files = ['--ders', ders, '--bids', bids, '--json'];
  const free = JSON.parse((await fieldbid(...args, ...files)).stdout) as Answer & { remarks: string[] };
  t.is(free.outcome, 'ACCEPTED');
  t.regex(free.remarks.join(), /transformer_633-634 carries 2\d\d % of its nameplate/);
  const bound = JSON.parse((await fieldbid(...args, '--ratings', ...files)).stdout) as Answer;
  t.is(bound.outcome, 'CURTAILED');
  // 400 + j290 kVA of load stand behind it: some 800 kW of PV reverse its 500 kVA.
  t.true(bound.alpha > 0.5 && bound.alpha < 0.65, String(bound.alpha));
  rmSync(folder, { recursive: true });
});

test('other policies give nobody less, and say so in kW', async (t) => {
  const shares = JSON.parse((await fieldbid(...NOON, '--json')).stdout) as Answer;
  const more = JSON.parse((await fieldbid(...NOON, '--policy', 'no-one-worse', '--json')).stdout) as Answer;
  more.bids.forEach(({ approved_W }, i) => {
    t.true(approved_W >= (shares.bids[i]?.approved_W ?? 0));
  });
  t.regex((await fieldbid(...NOON, '--policy', 'no-one-worse')).stdout, /kW more in all/);
});

test('JSON and YAML, bare lists and wrapped ones, kW and W: the same bids', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-approve-'));
  const bids = join(folder, 'bids.yaml');
  writeFileSync(
    bids,
    '- { derId: pv-680, quantity_kW: 700, rank: 0 }\n- { derId: pv-611-c, quantity_W: 150000, rank: 1 }\n',
  );
  const listed = await fieldbid(
    'dso',
    'approve',
    '--feeder',
    'feeders/ieee13/feeder.yaml',
    '--bids',
    bids,
    '--json',
  );
  const wrapped = join(folder, 'bids.json');
  writeFileSync(
    wrapped,
    JSON.stringify({
      bids: [
        { derId: 'pv-680', quantity_W: 700_000, price_USD_per_MWh: -5 },
        { derId: 'pv-611-c', quantity_kW: 150, price_USD_per_MWh: 30 },
      ],
    }),
  );
  const other = await fieldbid(
    'dso',
    'approve',
    '--feeder',
    'feeders/ieee13/feeder.yaml',
    '--bids',
    wrapped,
    '--json',
  );
  t.deepEqual((JSON.parse(listed.stdout) as Answer).bids, (JSON.parse(other.stdout) as Answer).bids);
  rmSync(folder, { recursive: true });
});

const FAULTS: [name: string, bids: string, message: RegExp][] = [
  ['an unknown DER', 'derId,quantity_kW\npv-999,5\n', /bids\.csv:2.*derId.*pv-999.*one of the DERs: pv-634/s],
  ['no quantity', 'derId,price_USD_per_MWh\npv-634,5\n', /bids\.csv:2.*quantity_W or quantity_kW/s],
  [
    'more than the nameplate',
    'derId,quantity_kW\npv-634,401\n',
    /bids\.csv:2.*401000 W.*at most the nameplate, 400000 W/s,
  ],
  [
    'one bid without a price',
    'derId,quantity_kW,price_USD_per_MWh\npv-634,5,3\npv-645,5,\n',
    /bids\.csv:3.*a price or a rank in every bid/s,
  ],
  [
    'W and kW',
    'derId,quantity_W,quantity_kW\npv-634,5000,5\n',
    /bids\.csv:2.*quantity_W and quantity_kW.*one of the two/s,
  ],
  [
    'half a watt',
    'derId,quantity_kW\npv-634,5.0005\n',
    /bids\.csv:2.*quantity_kW.*5\.0005.*a whole quantity_W/s,
  ],
  ['a bid twice', 'derId,quantity_kW\npv-634,5\npv-634,6\n', /bids\.csv:3.*pv-634 again/s],
  ['no number', 'derId,quantity_kW\npv-634,much\n', /bids\.csv:2.*quantity_kW.*much.*a number/s],
  ['a negative quantity', 'derId,quantity_W\npv-634,-5\n', /bids\.csv:2.*quantity_W.*-5.*>= 0/s],
];
for (const [name, text, message] of FAULTS) {
  test(`refused with its place: ${name}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fieldbid-approve-'));
    const file = join(folder, 'bids.csv');
    writeFileSync(file, text);
    const ders = ['--ders', 'dso/examples/nine-pv-ders.csv', '--bids', file];
    const { code, stdout, stderr } = await fieldbid(
      'dso',
      'approve',
      '--feeder',
      'feeders/ieee13/feeder.yaml',
      ...ders,
    );
    rmSync(folder, { recursive: true });
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
  });
}
