/**
 * M25 · The signed readings of this aggregator's devices on their way into the BC-GW's store, a batch at a time and
 * beside the market: a store that is away holds nothing up, and what could not be sent is tried again.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { MeasurementsStored } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { Measurement } from '@fieldbid/core/market/messages';

export interface ReadingGateway {
  addReadings(readings: Measurement[]): Promise<MeasurementsStored>;
}

/** Of a request: with its registers a reading has some kB, and a gateway takes 8 MiB unless told otherwise. */
const BATCH = 1000;
/** What is wrong with the readings themselves. */
const UNACCEPTABLE: ReadonlySet<string> = new Set(['INVALID_INPUT', 'BODY_TOO_LARGE']);
/** Kept while the store is away: a day of a hundred devices, one reading a minute. */
const MOST_KEPT = 150_000;

export class ReadingsToStore {
  readonly #gateway: ReadingGateway;
  readonly #log: Logger;
  readonly #most: number;
  #kept: Measurement[] = [];
  #dropped = 0;
  /** To be tried once more, at the next time. */
  readonly #later: Measurement[] = [];
  readonly #tried = new WeakSet<Measurement>();
  #sending: Promise<void> | undefined;

  constructor(gateway: ReadingGateway, log: Logger, most = MOST_KEPT) {
    this.#gateway = gateway;
    this.#log = log;
    this.#most = most;
  }

  /** Only what is signed and numbered can be stored. When too many wait, the oldest are given up and counted. */
  take(reading: Measurement): void {
    if (reading.signature === undefined || reading.sequence === undefined) return;
    this.#kept.push(reading);
    if (this.#kept.length <= this.#most) return;
    this.#kept.shift();
    this.#dropped++;
  }

  /** Sends what has come; never throws, never two requests at once. Resolves when this is over. */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  /** Sentences for the next report. */
  takeNotes(): string[] {
    if (this.#dropped === 0) return [];
    const note = `${this.#dropped} readings could not be stored (see the log)`;
    this.#dropped = 0;
    return [note];
  }

  async #sendAll(): Promise<void> {
    let size = BATCH;
    this.#kept.unshift(...this.#later.splice(0));
    while (this.#kept.length > 0) {
      const batch = this.#kept.slice(0, size);
      try {
        const { stored, known, refused } = await this.#gateway.addReadings(batch);
        const later = this.#refused(batch, refused);
        this.#log.debug({ stored, known, refused: refused.length }, 'readings stored');
        this.#forget(batch);
        this.#later.push(...later);
        size = BATCH;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'BODY_TOO_LARGE' && size > 1) {
          size = Math.ceil(size / 4);
          continue;
        }
        this.#log.warn({ code, kept: this.#kept.length }, `readings wait: ${messageOf(error)}`);
        // What is wrong with our key or with the gateway passes; what is wrong with these readings does not.
        if (!UNACCEPTABLE.has(code)) return;
        this.#forget(batch);
        this.#dropped += batch.length;
      }
    }
  }

  /** @returns those that are worth another try: their key may not be on the ledger yet. Each is given one. */
  #refused(batch: readonly Measurement[], refused: MeasurementsStored['refused']): Measurement[] {
    const later: Measurement[] = [];
    for (const [i, { index, code, reason }] of refused.entries()) {
      const reading = batch[index];
      if (i < 10) this.#log.warn({ derId: reading?.derId, code }, `a reading is not stored: ${reason}`);
      if (reading !== undefined && code === 'UNKNOWN_KEY' && !this.#tried.has(reading)) {
        this.#tried.add(reading);
        later.push(reading);
      } else {
        this.#dropped++;
      }
    }
    return later;
  }

  /** By identity: meanwhile the oldest may have been given up, and others have come. */
  #forget(batch: readonly Measurement[]): void {
    const gone = new Set(batch);
    this.#kept = this.#kept.filter((reading) => !gone.has(reading));
  }
}
