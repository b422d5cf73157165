/** A bus whose broker a test plays: it sees what is sent, in order, and says when, and whether, it is taken. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { FieldbidError } from '@fieldbid/core/errors';

export interface Sent {
  readonly topic: string;
  readonly message: Record<string, unknown>;
  readonly take: () => void;
  readonly fail: (code?: string) => void;
}

export class ManualBus implements Bus {
  /** Everything that was published or asked, in the order in which it reached the bus. */
  readonly sent: Sent[] = [];
  /** Takes everything at once. */
  automatic = false;
  closed = false;
  #connected: boolean;
  readonly #listeners = new Set<(connected: boolean) => void>();
  #grown: (() => void)[] = [];

  constructor(connected: boolean) {
    this.#connected = connected;
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }

  /** Resolves when at least so many messages have reached the bus. */
  async reached(count: number): Promise<void> {
    while (this.sent.length < count) await new Promise<void>((resolve) => this.#grown.push(resolve));
  }

  publish: Bus['publish'] = (topic, message) => this.#send(topic, message);
  request: Bus['request'] = async (topic, message) => {
    await this.#send(topic, message);
    return { taken: true };
  };
  subscribe: Bus['subscribe'] = async () => ({ close: async () => {} });
  respond: Bus['respond'] = async () => ({ close: async () => {} });
  watchConnection: Bus['watchConnection'] = (listener) => {
    this.#listeners.add(listener);
    listener(this.#connected);
    return { close: async () => void this.#listeners.delete(listener) };
  };
  async close(): Promise<void> {
    this.closed = true;
  }

  #send(topic: string, message: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.sent.push({
        topic,
        message: message as Record<string, unknown>,
        take: resolve,
        fail: (code = 'BUS_UNAVAILABLE') =>
          reject(new FieldbidError(code, 'as the test says', { retryable: code === 'BUS_UNAVAILABLE' })),
      });
      if (this.automatic) resolve();
      for (const grown of this.#grown.splice(0)) grown();
    });
  }
}
