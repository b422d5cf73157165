/** `npm run bench -- read`: requests to read every point of a real device's dump, beside pysunspec2 on the same server. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { ModelReader } from '@fieldbid/edge-agent/drivers/sunspec/read-models';
import { scan } from '@fieldbid/edge-agent/drivers/sunspec/scan';
import { start } from '../testing/programs.ts';

const peer = (name: string): string => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
const DUMP = fileURLToPath(new URL('../../edge-agent/test/dumps/sma_sb3.6_day.json', import.meta.url));
/** A line of the server about a request comes after its answer. */
const LAST_LINE_MS = 200;

export async function readFigures(): Promise<[what: string, measured: string, beside: string][]> {
  const { python } = await ensurePythonEnvironment('test', { quiet: true });
  const server = spawn(python, [peer('serve_dump.py'), DUMP], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let requests = 0;
    const port = await new Promise<number>((resolve, reject) => {
      server.once('exit', (code) => reject(new Error(`pymodbus ended with ${code}`)));
      createInterface({ input: server.stdout }).on('line', (line) => {
        if (line.startsWith('port ')) resolve(Number(line.slice(5)));
        else requests++;
      });
    });
    const counted = async (work: () => Promise<unknown>): Promise<number> => {
      const before = requests;
      await work();
      await new Promise((resolve) => setTimeout(resolve, LAST_LINE_MS));
      return requests - before;
    };
    const read = async (...more: string[]): Promise<void> => {
      const program = start(python, [peer('read_all.py'), '127.0.0.1', String(port), '1', ...more]);
      if ((await program.ended) !== 0) throw new Error(program.output());
    };
    const theirScan = await counted(() => read());
    const theirBoth = await counted(() => read('--refresh'));
    const link = new ModbusLinks().open({ scheme: 'tcp', host: '127.0.0.1', port, unit: 1 });
    let reader: ModelReader | undefined;
    const ourScan = await counted(async () => {
      const found = await scan(link);
      if ('found' in found) throw new Error(found.fault);
      reader = new ModelReader(link, found.models, found.blocks);
      await reader.read(found.blocks);
    });
    const ourRefresh = await counted(async () => reader?.read());
    await link.close();
    return [
      [
        'SMA dump, 17 models: scan and every point',
        `${ourScan} requests`,
        `at most 12; pysunspec2 ${theirScan}`,
      ],
      ['the same again', `${ourRefresh} requests`, `at most 8; pysunspec2 ${theirBoth - theirScan}`],
    ];
  } finally {
    server.removeAllListeners('exit');
    const ended = server.exitCode === null ? once(server, 'exit') : undefined;
    server.kill('SIGKILL');
    await ended;
  }
}
