/** M25 · The plant's voltages as the DSO's instruments would report them: into the BC-GW's store, an interval at a time. */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { GridMeasurement } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { MinuteRecord } from '../recorder/run-record.ts';

/** Minutes of one request. */
const BATCH = 15;

export class GridMeasurements {
  readonly #client: Pick<GatewayClient, 'addGridMeasurements'>;
  readonly #feederId: string;
  readonly #nodes: () => readonly string[];
  readonly #log: Logger;
  #batch: GridMeasurement[] = [];
  #sending: Promise<void> = Promise.resolve();

  constructor(
    client: Pick<GatewayClient, 'addGridMeasurements'>,
    feederId: string,
    nodes: () => readonly string[],
    log: Logger,
  ) {
    this.#client = client;
    this.#feederId = feederId;
    this.#nodes = nodes;
    this.#log = log;
  }

  /** Does not wait for the store. */
  take({ at_ms, voltages_pu }: MinuteRecord): void {
    if (voltages_pu.length === 0) return;
    const nodes = this.#nodes();
    const voltages = voltages_pu.map((voltage_pu, i) => ({
      node: nodes[i] ?? '',
      voltage_upu: Math.round(voltage_pu * 1e6),
    }));
    this.#batch.push({ feederId: this.#feederId, at_ms, source: 'measured', voltages });
    if (this.#batch.length >= BATCH) this.#send();
  }

  /** Resolves when all of it is stored, or could not be. */
  async settle(): Promise<void> {
    if (this.#batch.length > 0) this.#send();
    await this.#sending;
  }

  #send(): void {
    const batch = this.#batch.splice(0);
    this.#sending = this.#sending.then(async () => {
      try {
        await this.#client.addGridMeasurements(batch);
      } catch (error) {
        this.#log.warn({ code: codeOf(error) }, `voltages are not stored: ${messageOf(error)}`);
      }
    });
  }
}
