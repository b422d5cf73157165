import { silentLogger } from '@fieldbid/core/logging';
import { readDers } from '/work/main/dso/approve/case-files.ts';
import { policyNamed } from '/work/main/dso/feasibility/policies.ts';
import { Feeder } from '/work/main/dso/feeder/feeder.ts';
import { loadFeeder } from '/work/main/dso/feeder/load-feeder.ts';
import { openPowerFlow, openSearchFlow } from '/work/main/dso/feeder/open-feeder.ts';
import * as G from '/work/main/dso/testing/generated-cases.ts';

const base = loadFeeder('/work/main/feeders/ieee13/feeder.yaml');
const ders = readDers('/work/main/dso/examples/nine-pv-ders.csv', () => ['A', 'B', 'C']).map((d) => ({
  ...d,
  phases: ({ 'pv-645': ['B'], 'pv-646': ['B'], 'pv-652': ['A'], 'pv-611': ['C'] } as any)[d.derId] ?? [
    'A',
    'B',
    'C',
  ],
}));

import { bareFeeder } from '/work/main/dso/feeder/bare-feeder.ts';

const feeder = new Feeder({ ...bareFeeder('/tmp/i13.glm', { low_pu: 0.95, high_pu: 1.05 }).data, ders });
const powerFlow = await openPowerFlow(feeder, silentLogger(), true),
  search = await openSearchFlow(feeder, silentLogger());
const E = { feeder, powerFlow, search, margin_pu: 0 };
const cases = await G.bindingCases(E, 66);

import { Envelope } from '/work/main/dso/feasibility/envelope.ts';

const sum = (q: any) => q.reduce((a: number, b: number) => a + b, 0);
const V = Envelope.prototype.worst;
const inFar = false;
Envelope.prototype.worst = async function (w: any) {
  const r = await V.call(this, w);
  console.log('  worst', sum(w), r.violation_pu, r.node, r.outcome.label);
  return r;
};
for (const safety of ['none'] as const)
  for (const k of [9, 10]) {
    const c = cases[k]!;
    console.log('case', k, sum(c.requests.map((r) => r.quantity_W)));
    const check = G.checkOfMinute(E, c.minuteOfDay);
    const w = await policyNamed('no-one-worse').decide(check, c.requests, safety);
    console.log(w.alpha_ppm, JSON.stringify(w.envelope), w.note, check.gap);
    console.log(
      c.requests
        .map((r) => [r.derId, r.quantity_W, w.quantities.get(r.uid)! / r.quantity_W].join(' '))
        .join('\n'),
    );
  }
await powerFlow.close();
await search?.close();
