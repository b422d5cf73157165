/** The OPC UA library costs time and memory: only who speaks to an OPC UA device pays. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { start } from '../../testing/programs.ts';
import { SimulatedInverter } from '../simulated-inverter.ts';
import { OpcUaFolder, openOpcUaBench, START_MS, USER } from './opcua-bench.ts';
import { simulatedMapping } from './simulated-mapping.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

const url = (path: string): string =>
  pathToFileURL(fileURLToPath(new URL(`../../../${path}`, import.meta.url))).href;

/** Reads a device in a process of its own, with all commands installed. @returns power, and modules of the library. */
async function readElsewhere(device: object): Promise<{ power_W: number; loaded: number }> {
  const script = join(folder.path, 'read.mts');
  writeFileSync(
    script,
    `import { createRequire } from 'node:module';
await import(${JSON.stringify(url('hil/cli.ts'))});
await import(${JSON.stringify(url('edge-agent/cli.ts'))});
const { openDevice } = await import(${JSON.stringify(url('edge-agent/device/open-device.ts'))});
const { device } = openDevice({ ...${JSON.stringify(device)}, now: Date.now });
const { power_W } = await device.read();
await device.close();
const { cache } = createRequire(import.meta.url);
const loaded = Object.keys(cache).filter((file) => file.includes('node-opcua')).length;
console.log(JSON.stringify({ power_W, loaded }));
`,
  );
  const tsx = fileURLToPath(import.meta.resolve('tsx'));
  const program = start(process.execPath, ['--import', pathToFileURL(tsx).href, script]);
  const code = await program.ended;
  if (code !== 0) throw new RangeError(program.output());
  return JSON.parse(program.output()) as { power_W: number; loaded: number };
}

test('reading a Modbus device loads nothing of the library; reading an OPC UA device does', async (t) => {
  const plate = { serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 };
  const inverter = new SimulatedInverter({ ...plate, now: () => START_MS, available_W: () => 4000 });
  const { port } = await inverter.listen('127.0.0.1', 0);
  const modbus = await readElsewhere({ endpoint: `tcp://127.0.0.1:${port}?unit=1` });
  t.deepEqual(modbus, { power_W: 4000, loaded: 0 });
  await inverter.close();
  const bench = await openOpcUaBench(folder);
  const opcua = await readElsewhere({
    endpoint: bench.endpoint,
    mapping: folder.write('mapping.yaml', simulatedMapping('A')),
    opcua: {
      securityMode: 'SignAndEncrypt',
      securityPolicy: 'Basic256Sha256',
      allowInsecure: false,
      pkiFolder: folder.pki,
      user: { name: USER.name, passwordFile: folder.write('password', USER.password) },
    },
  });
  t.is(opcua.power_W, 5000);
  t.true(opcua.loaded > 100, `${opcua.loaded} modules`);
  await bench.device.close();
  await bench.close();
});
