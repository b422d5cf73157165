/**
 * Bus inside one process, without a broker: for tests of single services and for embedding. Messages pass
 * through JSON, so that nothing is shared by reference and nothing passes that would not pass a broker.
 */
import { canonicalJson, type Json } from '../canonical-json.ts';
import { codeOf, FieldbidError, messageOf, withDeadline } from '../errors.ts';
import { type Bus, filterMatches, type PublishOptions, type Received, type Subscription } from './bus.ts';

interface Handler {
  readonly filter: string;
  readonly handle: (received: Received) => void | Promise<void>;
  tail: Promise<void>;
}

/** What all clients of one local bus share. */
export class LocalExchange {
  readonly #handlers = new Set<Handler>();
  readonly #responders = new Map<
    string,
    { filter: string; answer: (received: Received) => Promise<unknown> }
  >();
  readonly #retained = new Map<string, string>();
  #serial = 0;

  /** A client; messages that a handler of anybody fails on are reported to `onFault`. */
  connect(onFault: (fault: { topic: string; error: unknown }) => void = () => {}): Bus {
    const mine: Subscription[] = [];
    const keep = (subscription: Subscription): Subscription => {
      mine.push(subscription);
      return subscription;
    };
    return {
      publish: async (topic, message, options: PublishOptions = {}) => {
        const text = canonicalJson(message);
        if (options.retain === true) this.#retained.set(topic, text);
        for (const handler of this.#handlers) {
          if (filterMatches(handler.filter, topic)) this.#deliver(handler, topic, text, onFault);
        }
      },
      subscribe: async (filter, handle) => {
        const handler: Handler = { filter, handle, tail: Promise.resolve() };
        this.#handlers.add(handler);
        for (const [topic, text] of this.#retained) {
          if (filterMatches(filter, topic)) this.#deliver(handler, topic, text, onFault);
        }
        return keep({ close: async () => void this.#handlers.delete(handler) });
      },
      request: (topic, message, deadline_ms) =>
        withDeadline(this.#ask(topic, canonicalJson(message)), deadline_ms, `the responder of ${topic}`),
      respond: async (filter, answer) => {
        const key = `${++this.#serial}`;
        this.#responders.set(key, { filter, answer });
        return keep({ close: async () => void this.#responders.delete(key) });
      },
      watchConnection: (listener) => {
        listener(true);
        return { close: async () => {} };
      },
      close: async () => {
        for (const subscription of mine) await subscription.close();
      },
    };
  }

  #deliver(
    handler: Handler,
    topic: string,
    text: string,
    onFault: (fault: { topic: string; error: unknown }) => void,
  ) {
    handler.tail = handler.tail
      .then(() => handler.handle({ topic, message: JSON.parse(text) as Json }))
      .catch((error: unknown) => onFault({ topic, error }));
  }

  async #ask(topic: string, text: string): Promise<Json> {
    const responder = [...this.#responders.values()].find(({ filter }) => filterMatches(filter, topic));
    if (responder === undefined) return new Promise<Json>(() => {}); // nobody there: the deadline ends it
    try {
      const answer = await responder.answer({ topic, message: JSON.parse(text) as Json });
      return JSON.parse(canonicalJson(answer ?? null)) as Json;
    } catch (error) {
      const details = { code: codeOf(error), message: messageOf(error) };
      throw new FieldbidError('BUS_REMOTE_ERROR', `${details.code}: ${details.message}`, { details });
    }
  }
}
