/** `npm run bench -- transport`: the Modbus transport among faults, and with dead units on its bus. */
import { messageOf } from '@fieldbid/core/errors';
import { type PollRate, pollRate } from './dead-units.ts';
import { bareSoak, type SoakResult, soak } from './transport-soak.ts';

const READS = 1_000_000;
/** modbus-serial alone loses its place in the stream and then waits for each read in vain: bounded, real ms. */
const LONGEST_BARE_MS = 60_000;
const CONNECTIONS = 16;
const POLLED_S = 90;
/** Dead units are found dead in the first seconds, two deadlines each. */
const SETTLED_S = 30;

/** @param options.reads through our transport; modbus-serial alone gets as many, or a minute. */
export async function transportFigures({
  reads = READS,
}: {
  reads?: number;
} = {}): Promise<[what: string, measured: string, beside: string][]> {
  console.error(`${reads.toLocaleString('en')} reads through faults …`);
  const ours = await soak({ reads, connections: CONNECTIONS, seed: 1 });
  console.error('the same by modbus-serial alone, for a minute at most …');
  const same = { reads, connections: CONNECTIONS, seed: 1, longest_ms: LONGEST_BARE_MS };
  const bare = await bareSoak(same).catch(messageOf);
  console.error(`32 units polled for ${POLLED_S} s, with 8 of them dead, and with these 8 absent …`);
  const [dead, without] = await Promise.all([
    pollRate({ dead: 8, absent: 0, duration_s: POLLED_S }),
    pollRate({ dead: 0, absent: 8, duration_s: POLLED_S }),
  ]);
  const beside = (say: (result: SoakResult) => string): string =>
    typeof bare === 'string' ? `modbus-serial alone ended: ${bare}` : `modbus-serial alone: ${say(bare)}`;
  const share = (from_s: number): string =>
    `${((100 * polls(dead, from_s)) / polls(without, from_s)).toFixed(1)} %`;
  return [
    [
      'values given to another request or register',
      `${ours.wrong} of ${ours.reads.toLocaleString('en')}`,
      beside(({ wrong, reads: of }) => `${wrong} of ${of.toLocaleString('en')}`),
    ],
    [
      'promises unsettled',
      `${ours.unsettled}`,
      beside(({ unsettled, reads: of }) => `${unsettled} of ${of.toLocaleString('en')}`),
    ],
    [
      'reads that failed (of those disturbed)',
      `${percent(ours.failed, ours.reads)} (${percent(disturbed(ours), ours.faults.requests)})`,
      beside((result) => percent(result.failed, result.reads)),
    ],
    ['reads a second, 16 connections', rate(ours), beside(rate)],
    [
      `poll rate of 24 living units beside 8 dead, after ${SETTLED_S} s`,
      `${share(SETTLED_S)} of that without the dead`,
      `aim ≥ 95 %; ${polls(dead, SETTLED_S)} and ${polls(without, SETTLED_S)} answers in ${POLLED_S - SETTLED_S} s`,
    ],
    [
      'the same from the start, when nobody knows yet which are dead',
      share(0),
      `${dead.probes} requests to dead units in ${POLLED_S} s`,
    ],
  ];
}

function polls({ perSecond }: PollRate, from_s: number): number {
  return perSecond.slice(from_s).reduce((sum, answers) => sum + answers, 0);
}

function disturbed({ faults }: SoakResult): number {
  return faults.requests - faults.untouched;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(2)} %`;
}

function rate({ reads, duration_ms }: SoakResult): string {
  return Math.round((1000 * reads) / duration_ms).toLocaleString('en');
}
