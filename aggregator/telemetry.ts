/**
 * Steps 1 and 12, as the DERA hears of them: what its DERs measure and how commands ended. What was kept while a
 * broker was away arrives later, as history; what is sent twice counts once; what an agent had to give up is noted.
 * A reading that is signed, but not by its DER's key, does not count. The next report says all of it.
 */
import type { Received } from '@fieldbid/core/bus/bus';
import { CommandVerdict, Measurement, UplinkLoss } from '@fieldbid/core/market/messages';
import { ReceivedNumbers } from '@fieldbid/core/market/received-numbers';
import { parse } from '@fieldbid/core/schema';
import { signatureHolds } from '@fieldbid/core/signing';
import type { Enrolments } from './registration/enrolment.ts';

interface Stream {
  readonly received: ReceivedNumbers;
  /** When the newest of it was measured or decided, epoch ms. */
  newest_ms: number;
}

export class Telemetry {
  readonly #owns: (derId: string) => boolean;
  readonly #keys: Pick<Enrolments, 'keysOf' | 'keyNamed'> | undefined;
  readonly #streams = new Map<string, Stream>();
  /** What happened to how many records since the last report, in words. */
  readonly #counts = new Map<string, number>();
  readonly #lossesHeard = new Set<string>();
  #notes: string[] = [];

  /**
   * @param owns whether a DER is one of this aggregator: others are on the same bus.
   * @param keys of enrolled DERs; without them no signature is checked.
   */
  constructor(owns: (derId: string) => boolean, keys?: Pick<Enrolments, 'keysOf' | 'keyNamed'>) {
    this.#owns = owns;
    this.#keys = keys;
  }

  /** @throws InputError for what is malformed (the bus reports it). @returns false for what counts already. */
  takeMeasurement({ topic, message }: Received): boolean {
    const measurement = parse(Measurement, message, topic);
    if (this.#isForged(measurement)) return false;
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
    const counted = [...this.#counts].map(([what, count]) => `${count} ${what}`);
    this.#counts.clear();
    return [...this.#notes.splice(0), ...counted];
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
    if (fresh && historical === true) this.#count(`${what} came as history`);
    return fresh;
  }

  /** Signed, but by no key of this enrolled DER. Unsigned ones are those of an agent without a buffer. */
  #isForged({ signature, historical: _, ...content }: Measurement): boolean {
    const { derId } = content;
    if (signature === undefined || !this.#owns(derId) || this.#keys?.keysOf(derId) === undefined) {
      return false;
    }
    const key = this.#keys.keyNamed(derId, signature.keyId);
    if (key !== undefined && signatureHolds(key, 'fieldbid/reading/v1', content, signature)) return false;
    this.#count(`measurements of ${derId} are not signed by its key`);
    return true;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
