/** The suite of grid emulators: the Modbus driver against the Modbus twin. And peers that read the same registers. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { gridEmulatorConformance } from './conformance.ts';
import { openEmulatorBench } from './testing.ts';

gridEmulatorConformance(test, 'Modbus', (physics, mapping) => openEmulatorBench(undefined, physics, mapping));

if (spawnSync('mbpoll', ['-V']).error === undefined) {
  test('mbpoll reads the setpoint that the driver wrote, and writes one that the driver reads', async (t) => {
    const bench = await openEmulatorBench(undefined);
    t.teardown(bench.close);
    const port = /:(\d+)\?/.exec(bench.endpoint)?.[1] ?? '';
    const mbpoll = async (...more: string[]): Promise<string> =>
      (await promisify(execFile)('mbpoll', ['-m', 'tcp', '-p', port, '-0', '-1', '-a', '1', ...more])).stdout;
    await bench.emulator.setVoltages([271.5, 272.5]);
    const args = ['127.0.0.1'];
    const said = await mbpoll('-r', '40', '-c', '3', '-t', '4', ...args);
    t.regex(said, /\[40\]:\s+27150\n\[41\]:\s+27250\n\[42\]:\s+27713/);
    await mbpoll('-r', '42', '-t', '4', ...args, '26999');
    t.like(await bench.emulator.read(), {
      channels: [{ setpoint_V: 271.5 }, { setpoint_V: 272.5 }, { setpoint_V: 269.99 }],
    });
    bench.pass(10_000);
    // Function 4: what the meter reads, 0.03 % low on the second channel.
    t.regex(await mbpoll('-r', '1', '-t', '3', ...args), /\[1\]:\s+27242/);
    t.is(bench.twin.taken.length, 3);
  });
} else {
  test.skip('mbpoll reads the setpoint that the driver wrote: the program mbpoll is not installed', () => {});
}
