/** Bus on HELICS: one client of a federate's bus (bus-node.ts). */
import type { Bus, PublishOptions, Received, Subscription } from '@fieldbid/core/bus/bus';
import type { Envelope } from '@fieldbid/core/bus/envelope';
import type { Json } from '@fieldbid/core/canonical-json';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { BusNode, FaultListener } from './bus-node.ts';

export class HelicsBus implements Bus {
  readonly #node: BusNode;
  readonly #onFault: FaultListener;
  readonly #mine = new Set<Subscription>();
  readonly #requests = new Set<string>();

  /** @param onFault told of messages that a handler fails on. */
  constructor(node: BusNode, onFault: FaultListener = () => {}) {
    this.#node = node;
    this.#onFault = onFault;
  }

  async publish(topic: string, message: unknown, options: PublishOptions = {}): Promise<void> {
    const envelope = { body: asJson(message) };
    await (options.retain === true
      ? this.#node.retain(topic, envelope)
      : this.#node.publish(topic, envelope));
  }

  subscribe(filter: string, handler: (received: Received) => void | Promise<void>): Promise<Subscription> {
    return this.#listen(filter, async (received) => handler(received));
  }

  request(topic: string, message: unknown, deadline_ms: number): Promise<Json> {
    return this.#node.request(topic, asJson(message), deadline_ms, this.#requests);
  }

  respond(filter: string, handler: (received: Received) => Promise<unknown>): Promise<Subscription> {
    return this.#listen(filter, async (received, { replyTo, request }) => {
      if (replyTo === undefined || request === undefined) {
        throw new FieldbidError('BUS_NOT_A_REQUEST', `a message on ${received.topic} asks for no answer`);
      }
      let reply: Envelope;
      try {
        reply = { answers: request, body: asJson((await handler(received)) ?? null) };
      } catch (error) {
        reply = { answers: request, body: null, error: { code: codeOf(error), message: messageOf(error) } };
        this.#onFault({ topic: received.topic, error });
      }
      await this.#node.answer(replyTo, reply);
    });
  }

  watchConnection(listener: (connected: boolean) => void): Subscription {
    return this.#keep(this.#node.watch(listener));
  }

  async close(): Promise<void> {
    this.#node.forget(this.#requests);
    for (const subscription of [...this.#mine]) await subscription.close();
  }

  async #listen(
    filter: string,
    handle: (received: Received, envelope: Envelope) => Promise<void>,
  ): Promise<Subscription> {
    return this.#keep(await this.#node.listen(filter, handle, this.#onFault));
  }

  #keep(subscription: Subscription): Subscription {
    this.#mine.add(subscription);
    return subscription;
  }
}

/** What passes a broker, also between two clients of one federate; nothing is shared by reference. */
function asJson(message: unknown): Json {
  return JSON.parse(JSON.stringify(message)) as Json;
}
