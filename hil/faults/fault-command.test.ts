import { mkdtempSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { FAULTS_PATH, FaultMark, FaultOrder } from '@fieldbid/core/lab/faults';
import { silentLogger } from '@fieldbid/core/logging';
import { parse } from '@fieldbid/core/schema';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import test, { type ExecutionContext } from 'ava';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { fieldbid } from '../testing/programs.ts';
import { BenchFaults } from './control.ts';
import { deviceFaults } from './device-faults.ts';
import { FaultClient, writeControlFile } from './fault-api.ts';

const TOKEN = 'a-token-of-this-test';

/** A run's folder, and behind it one inverter that faults can be caused in. */
async function bench(t: ExecutionContext) {
  const inverter = new SimulatedInverter({
    ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 },
    now: () => 0,
    available_W: () => 4000,
  });
  const told: FaultMark[] = [];
  const faults = new BenchFaults({
    sources: [deviceFaults([{ derId: 'pv-1', faults: inverter.faults, line: inverter.line }], 1)],
    timeFor: () => new WallClock({ speed: 60 }),
    now: Date.now,
    publish: async (mark) => void told.push(parse(FaultMark, mark, 'mark')),
    log: silentLogger(),
  });
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401, { reason: 'whose?' });
    if (request.method === 'GET') return answer(200, { offers: faults.offers(), marks: faults.marks() });
    if (request.method === 'POST') {
      const order = parse(FaultOrder, JSON.parse(await text(request)), 'order');
      return answer(200, await faults.inject(order, 'command'));
    }
    const mark = await faults.end(String(request.url).slice(FAULTS_PATH.length + 1));
    return mark === undefined ? answer(404, { reason: 'over' }) : answer(200, mark);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-control-'));
  const { port } = server.address() as { port: number };
  writeControlFile(folder, { url: `http://127.0.0.1:${port}`, token: TOKEN });
  return { folder, inverter, faults, told };
}

test('fieldbid fault: injected, listed, ended, and refused where it is not possible', async (t) => {
  const { folder, inverter, told } = await bench(t);
  t.is(statSync(join(folder, 'control.json')).mode & 0o777, 0o600);
  const injected = await fieldbid('fault', 'inject', 'device-frozen', '--target', 'pv-1', '--run', folder);
  t.is(injected.code, 0, injected.output);
  t.regex(injected.output, /f1 device-frozen pv-1: injected/);
  t.true(inverter.faults.frozen);
  const client = new FaultClient(folder);
  t.like(await client.inject({ fault: 'broker-killed' }), { id: 'f2', outcome: 'refused' });
  const listed = await fieldbid('fault', 'list', '--run', folder);
  t.regex(
    listed.output,
    /answers-late: pv-1[\s\S]*f1 device-frozen pv-1: injected[\s\S]*f2 broker-killed: refused/,
  );
  t.like(await client.end('f1'), { outcome: 'ended' });
  t.false(inverter.faults.frozen);
  t.like(await t.throwsAsync(client.end('f1')), { code: 'FAULT_UNKNOWN' });
  const why = await fieldbid('fault', 'inject', 'device-frozen', '--target', 'pv-2', '--run', folder);
  t.is(why.code, 1);
  t.regex(why.output, /refused.*needs one of these as its target: pv-1; found pv-2/);
  t.deepEqual(
    told.map(({ id, outcome }) => `${id} ${outcome}`),
    ['f1 injected', 'f2 refused', 'f1 ended', 'f3 refused'],
  );
});

test('a fault with a duration ends by market time, and one line has one fault at a time', async (t) => {
  const { inverter, faults } = await bench(t);
  const mark = await faults.inject({ fault: 'answers-corrupt', target: 'pv-1', duration_min: 1 }, 'page');
  t.true(inverter.line.isDisturbed);
  t.like(await faults.inject({ fault: 'answers-late', target: 'pv-1' }, 'page'), {
    outcome: 'refused',
    note: 'its line has another fault already',
  });
  while (inverter.line.isDisturbed) await new Promise((resolve) => setTimeout(resolve, 20));
  const [ended] = faults.marks();
  t.like(ended, { id: mark.id, outcome: 'ended' });
  t.is(ended!.until_ms! - ended!.from_ms >= 60_000, true);
  await faults.close(Date.now());
  t.like(await faults.inject({ fault: 'device-noise', target: 'pv-1' }, 'page'), { note: 'the day is over' });
});

test('a folder without a running bench, and a wrong token', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'fieldbid-control-'));
  t.throws(() => new FaultClient(empty), { message: /expected the folder of a run that is under way/ });
  const { folder } = await bench(t);
  writeControlFile(folder, { url: new URL(`http://127.0.0.1:1`).href, token: TOKEN });
  t.like(await t.throwsAsync(new FaultClient(folder).list()), { code: 'BENCH_UNAVAILABLE', retryable: true });
});
