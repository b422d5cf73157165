/**
 * Steps 1 and 12, as the DERA hears of them: what its DERs measure and how commands ended. What was kept while a
 * broker was away arrives later, as history; what is sent twice counts once; what an agent had to give up is noted.
 * The next report says it.
 */
import type { Received } from '@fieldbid/core/bus/bus';
import { CommandVerdict, Measurement, UplinkLoss } from '@fieldbid/core/market/messages';
import { ReceivedNumbers } from '@fieldbid/core/market/received-numbers';
import { parse } from '@fieldbid/core/schema';

interface Stream {
  readonly received: ReceivedNumbers;
  /** When the newest of it was measured or decided, epoch ms. */
  newest_ms: number;
}

export class Telemetry {
  readonly #owns: (derId: string) => boolean;
  readonly #streams = new Map<string, Stream>();
  /** Records that came as history since the last report, by what they are. */
  readonly #history = new Map<string, number>();
  readonly #lossesHeard = new Set<string>();
  #notes: string[] = [];

  /** @param owns whether a DER is one of this aggregator: others are on the same bus. */
  constructor(owns: (derId: string) => boolean) {
    this.#owns = owns;
  }

  /** @throws InputError for what is malformed (the bus reports it). @returns false for what counts already. */
  takeMeasurement({ topic, message }: Received): boolean {
    const measurement = parse(Measurement, message, topic);
    return this.#isNew('measurements', measurement, measurement.readAt_ms);
  }

  /** As `takeMeasurement`. */
  takeVerdict({ topic, message }: Received): boolean {
    const verdict = parse(CommandVerdict, message, topic);
    return this.#isNew('verdicts', verdict, verdict.decidedAt_ms);
  }

  /** @throws InputError for what is malformed. @returns undefined when it has been heard of before. */
  takeLoss({ topic, message }: Received): UplinkLoss | undefined {
    const loss = parse(UplinkLoss, message, topic);
    const { agentId, sequence, kind, lost } = loss;
    const name = `${agentId} ${sequence}`;
    if (sequence !== undefined && this.#lossesHeard.has(name)) return undefined;
    this.#lossesHeard.add(name);
    const [from, until] = [lost.from_ms, lost.until_ms].map((at_ms) => new Date(at_ms).toISOString());
    this.#notes.push(`${agentId} lost ${lost.count} ${kind}s while it was cut off, ${from} to ${until}`);
    return loss;
  }

  /** Sentences since they were last asked for. */
  takeNotes(): string[] {
    const late = [...this.#history].map(([what, count]) => `${count} ${what} came as history`);
    this.#history.clear();
    return [...this.#notes.splice(0), ...late];
  }

  #isNew(
    kind: string,
    record: { derId: string; sequence?: number; historical?: true },
    at_ms: number,
  ): boolean {
    const { derId, sequence, historical } = record;
    if (!this.#owns(derId)) return false;
    const what = `${kind} of ${derId}`;
    let stream = this.#streams.get(what) ?? { received: new ReceivedNumbers(), newest_ms: 0 };
    let fresh = sequence === undefined || stream.received.add(sequence);
    if (!fresh && sequence !== undefined && at_ms > stream.newest_ms) {
      // A number from before with something later under it: the agent has lost its buffer and counts anew.
      this.#notes.push(`${what} are numbered anew`);
      stream = { received: new ReceivedNumbers(), newest_ms: 0 };
      fresh = stream.received.add(sequence);
    }
    stream.newest_ms = Math.max(stream.newest_ms, at_ms);
    this.#streams.set(what, stream);
    if (fresh && historical === true) this.#history.set(what, (this.#history.get(what) ?? 0) + 1);
    return fresh;
  }
}
