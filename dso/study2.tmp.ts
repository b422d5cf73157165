import { silentLogger } from '@fieldbid/core/logging';
import { loadFeeder } from '/work/main/dso/feeder/load-feeder.ts';
import { Feeder } from '/work/main/dso/feeder/feeder.ts';
import { openPowerFlow, openSearchFlow } from '/work/main/dso/feeder/open-feeder.ts';
import { readDers } from '/work/main/dso/approve/case-files.ts';
import { policyNamed } from '/work/main/dso/feasibility/policies.ts';
import * as G from '/work/main/dso/testing/generated-cases.ts';
const base = loadFeeder('/work/main/feeders/ieee13/feeder.yaml');
const ders = readDers('/work/main/dso/examples/nine-pv-ders.csv', () => ['A','B','C']).map(d => ({...d, phases: ({'pv-645':['B'],'pv-646':['B'],'pv-652':['A'],'pv-611':['C']} as any)[d.derId] ?? ['A','B','C']}));
import { bareFeeder } from '/work/main/dso/feeder/bare-feeder.ts';
const feeder = new Feeder({ ...bareFeeder('/tmp/i13.glm', {low_pu:0.95, high_pu:1.05}).data, ders });
const powerFlow = await openPowerFlow(feeder, silentLogger(), true), search = await openSearchFlow(feeder, silentLogger());
const E = { feeder, powerFlow, search, margin_pu: 0 };
const cases = await G.bindingCases(E, 66);
let naive = 0, safe = 0, n = 0, lost: number[] = [], gains: number[] = [], gainsN: number[] = [], jains: number[] = [], worse = 0, any: number[] = [], t0 = performance.now();
for (const [k, c] of cases.entries()) {
  const p = await policyNamed('proportional').decide(G.checkOfMinute(E, c.minuteOfDay), c.requests, 'none');
  const s = await policyNamed('proportional').decide(G.checkOfMinute(E, c.minuteOfDay), c.requests, 'merit-order');
  const a = await policyNamed('proportional').decide(G.checkOfMinute(E, c.minuteOfDay), c.requests, 'any-subset');
  const w = await policyNamed('no-one-worse').decide(G.checkOfMinute(E, c.minuteOfDay), c.requests, 'merit-order');
  const wn = await policyNamed('no-one-worse').decide(G.checkOfMinute(E, c.minuteOfDay), c.requests, 'none');
  for (const r of c.requests) if (w.quantities.get(r.uid)! < s.quantities.get(r.uid)!) worse++;
  lost.push(1 - G.total_W(s.quantities) / G.total_W(p.quantities)); any.push(1 - G.total_W(a.quantities) / G.total_W(p.quantities));
  gains.push(G.total_W(w.quantities) / G.total_W(s.quantities) - 1); gainsN.push(G.total_W(wn.quantities) / G.total_W(p.quantities) - 1);
  if (k<12) console.log(k, p.alpha_ppm, s.envelope.factor_ppm, 'prop', G.total_W(p.quantities), 'safe', G.total_W(s.quantities), 'now', G.total_W(w.quantities), 'now none', G.total_W(wn.quantities), p.binding?.node); jains.push(G.jain(c.requests.map(r => w.quantities.get(r.uid)! / r.quantity_W)));
  for (const [v, which] of [[p, 0], [s, 1], [w, 1]] as const) {
    const hs = await G.outside_pu(E, c.minuteOfDay, G.demands(c.requests, v.quantities, 80, k).map(d => G.taken(c.requests, v.quantities, d)));
    const bad = hs.filter(h => h > 1e-7).length;
    if (which === 0) naive += bad; else { safe += bad; if (bad) console.log('bad', k, v === w, Math.max(...hs)); } if (which === 0) n += hs.length;
  }
}
console.log({ n, naive, safe, worse, s: (performance.now() - t0) / 1000 });
const al=cases.length; const q = (v: number[]) => [0, .5, .9, 1].map(x => G.quantile(v, x).toFixed(3)).join(' ');
console.log('lost merit', q(lost), 'count', lost.filter(x => x > 1e-3).length, 'any', q(any), 'gain safe', q(gains), 'gain naive', q(gainsN), 'jain', q(jains));
await powerFlow.close(); await search?.close();
