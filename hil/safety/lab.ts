/** For tests: a broker, a DERA's side of it, and `fieldbid edge run` in a process of its own with devices beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { bidUid } from '@fieldbid/core/digest';
import { Calendar, type Moments, moments } from '@fieldbid/core/market/calendar';
import { type Award, CommandVerdict } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { type SharedClock, shareClock } from '@fieldbid/core/time/bus-clock';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import { type Program, printed, startFieldbid } from '../testing/programs.ts';
import type { Subject } from './device-classes.ts';

const MINUTE_MS = 60_000;
const REQUEST_MS = 60_000;

export class SafetyLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'fieldbid-safety-'));
  readonly subjects: Subject[] = [];
  readonly verdicts: CommandVerdict[] = [];
  readonly calendar: Calendar;
  readonly schedule: readonly Moments[];
  #broker: EmbeddedBroker | undefined;
  #dera: MqttBus | undefined;
  #agent: Program | undefined;

  /** The first interval is under way at `now_ms`. */
  constructor(now_ms: number, interval_min = 15) {
    const start = new Date(Math.floor(now_ms / MINUTE_MS) * MINUTE_MS).toISOString().slice(0, 16);
    const before = { bid_min: 4, gateClosure_min: 3, clearing_min: 2, award_min: 1 };
    this.calendar = parse(Calendar, { start: `${start}Z`, intervals: 8, interval_min, ...before }, 'test');
    this.schedule = moments(this.calendar);
  }

  readonly write = (name: string, text: string): string => {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  };

  /** @param shared the bench's clock; real time without it. */
  async openMarket(shared?: SharedClock): Promise<void> {
    this.#broker = await EmbeddedBroker.start();
    const { url } = this.#broker;
    this.#dera = await MqttBus.connect({ url, clientId: 'dera-1' });
    await this.#dera.subscribe(topics.verdicts('+'), ({ topic, message }) => {
      this.verdicts.push(parse(CommandVerdict, message, topic));
    });
    if (shared !== undefined) await shareClock(this.#dera, shared);
    const price = `start,price_USD_per_MWh\n${this.calendar.start},30\n`;
    this.write('prices.csv', price);
    this.write(
      'edge.yaml',
      `agentId: roof-7
broker: { url: "${url}" }
clock: { source: ${shared === undefined ? 'real' : 'bus'} }
keyFile: null
uplink: { bufferFile: null }
cycle_s: 1
market: { deraId: dera-1, forecastFile: prices.csv, calendar: ${JSON.stringify(this.calendar)} }
devices:
${this.subjects.map(({ config }) => config).join('\n')}
`,
    );
  }

  /** Resolves when it runs. */
  async startAgent(): Promise<void> {
    this.#agent = startFieldbid('edge', 'run', '--config', join(this.folder, 'edge.yaml'));
    await printed(this.#agent, 'the agent is running');
  }

  /** kill -9. */
  async killAgent(): Promise<void> {
    this.#agent?.process.kill('SIGKILL');
    await this.#agent?.ended;
  }

  agentOutput(): string {
    return this.#agent?.output() ?? '';
  }

  /** Awards so much to every device; rejects when one does not take it. */
  async award(moment: Moments, allocation_W: number): Promise<void> {
    const { id, start_ms, end_ms } = moment.interval;
    for (const { derId } of this.subjects) {
      const award: Award = {
        ...{ derId, intervalId: id, start_ms, end_ms, allocation_W, price_uUSD_per_MWh: 30_000_000 },
        ...{ bidUid: bidUid(derId, id, 'energy'), reason: 'CLEARED' },
      };
      const answer = await this.#dera?.request(topics.awards(derId), award, REQUEST_MS);
      if (JSON.stringify(answer) !== '{"accepted":true}') {
        throw new RangeError(`${derId}: ${JSON.stringify(answer)}`);
      }
    }
  }

  async cutBroker(): Promise<void> {
    await this.#broker?.close();
    this.#broker = undefined;
  }

  async close(): Promise<void> {
    await this.#agent?.stop();
    await this.#dera?.close();
    await this.#broker?.close();
    for (const subject of this.subjects) await subject.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Looks again and again, until it is so. The test's own time-out ends what never comes. */
export async function until(isSo: () => boolean, meanwhile: () => void = () => {}): Promise<void> {
  while (!isSo()) {
    meanwhile();
    await pause(50);
  }
}
