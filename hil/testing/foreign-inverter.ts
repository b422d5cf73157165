/** An inverter that is none of ours (hil/peers/inverter.py): what a physical one is to the bench. */
import { fileURLToPath } from 'node:url';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import { printed, start } from './programs.ts';

const PROGRAM = fileURLToPath(new URL('../peers/inverter.py', import.meta.url));

export interface ForeignInverter {
  readonly endpoint: string;
  /** Every write that it took: first register, then the words. */
  writes(): number[][];
  stop(): Promise<void>;
}

/** @param options.share of its rating, what it can deliver all the time: 0 to 1. */
export async function startForeignInverter(options: {
  rating_W: number;
  share: number;
}): Promise<ForeignInverter> {
  const { python } = await ensurePythonEnvironment('test');
  const program = start(python, [PROGRAM, String(options.rating_W), String(options.share)]);
  await printed(program, '\n');
  const lines = (): string[] => program.stdout().trim().split('\n');
  const port = Number(lines()[0]?.split(' ')[1]);
  return {
    endpoint: `tcp://127.0.0.1:${port}?unit=1`,
    writes: () =>
      lines()
        .slice(1)
        .map((line) => line.split(' ').map(Number)),
    stop: () => program.stop(),
  };
}
