/** `npm run bench -- opcua`: what an OPC UA device costs, beside the same inverter behind Modbus TCP in the same run. */
import { rmSync } from 'node:fs';
import type { DerDevice } from '@fieldbid/edge-agent/device/der-device';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { spread } from '../report/statistics.ts';
import { start } from '../testing/programs.ts';

const READS = 500;
const LIMITS = 200;
const RATING_W = 50_000;

const ms = (value: number): string => `${value.toFixed(2)} ms`;

async function timed(count: number, work: (i: number) => Promise<unknown>): Promise<string> {
  const each: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    await work(i);
    each.push(performance.now() - from);
  }
  const found = spread(each);
  return found === undefined ? 'nothing' : `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}`;
}

/** Real time and memory of loading the library, in a process of its own. */
async function loading(): Promise<string> {
  const script = `
    const before = process.memoryUsage.rss();
    const at = performance.now();
    const packages = ['node-opcua-client', 'node-opcua-certificate-manager'];
    Promise.all(packages.map((name) => import(name))).then(() =>
      console.log('loaded', performance.now() - at, process.memoryUsage.rss() - before));`;
  const program = start(process.execPath, ['-e', script]);
  await program.ended;
  // Its own console lines may stand before or after.
  const [, took_ms, grown] = /loaded ([\d.]+) (\d+)/.exec(program.output()) ?? [];
  return `${Math.round(Number(took_ms))} ms, ${Math.round(Number(grown) / 2 ** 20)} MiB resident`;
}

export async function opcuaFigures(): Promise<[what: string, measured: string, beside: string][]> {
  const { OpcUaFolder, openOpcUaBench } = await import('../devices/opcua/opcua-bench.ts');
  const folder = new OpcUaFolder();
  await folder.prepare();
  const plate = { serial: 'B-1', phases: 'ABC', rating_W: RATING_W, nominal_V: 240 };
  const inverter = new SimulatedInverter({ ...plate, now: Date.now, available_W: () => RATING_W });
  const { port } = await inverter.listen('127.0.0.1', 0);
  const modbus = openDevice({ endpoint: `tcp://127.0.0.1:${port}?unit=1`, now: Date.now }).device;
  const bench = await openOpcUaBench(folder, { phases: 'ABC', rating_W: RATING_W });
  const opcua = bench.device;
  try {
    const both = async (count: number, work: (device: DerDevice, i: number) => Promise<unknown>) =>
      [
        await timed(count, (i) => work(opcua, i)),
        `Modbus TCP ${await timed(count, (i) => work(modbus, i))}`,
      ] as const;
    const first = async (device: DerDevice): Promise<string> => {
      const from = performance.now();
      await device.identity();
      return ms(performance.now() - from);
    };
    const limit = (device: DerDevice, i: number) =>
      device.applyLimit({ limit_W: (RATING_W * (i % 100)) / 100, revert_s: 600 });
    return [
      [
        'OPC UA library, loaded when the first such device is spoken to',
        await loading(),
        'Modbus TCP nothing of it',
      ],
      [
        'OPC UA, first connection: certificates, channel, session, nodes looked up',
        await first(opcua),
        `Modbus TCP ${await first(modbus)}, models scanned`,
      ],
      [
        'OPC UA, one image (SignAndEncrypt), server in the same process',
        ...(await both(READS, (device) => device.read())),
      ],
      ['OPC UA, a limit written and read back', ...(await both(LIMITS, limit))],
    ];
  } finally {
    await opcua.close();
    await bench.close();
    await modbus.close();
    await inverter.close();
    rmSync(folder.path, { recursive: true, force: true });
  }
}
