/**
 * A federate's end of the bus: one HELICS endpoint, shared by the clients in it (helics-bus.ts). A message goes to those federates
 * that have announced a matching subscription; retained messages go to all and are kept by each, so that whoever
 * subscribes later finds them at home. Clients of one federate reach each other without HELICS. A handler that runs
 * holds market time back; who waits for an answer lets it step on within its instant.
 */

import { filterMatches, type Received, type Subscription } from '@fieldbid/core/bus/bus';
import { type Envelope, remoteError } from '@fieldbid/core/bus/envelope';
import type { Json } from '@fieldbid/core/canonical-json';
import { FieldbidError, withDeadline } from '@fieldbid/core/errors';
import { type Frame, frameBytes, openFrame } from './frames.ts';
import type { Peers } from './peers.ts';

/** What the bus needs of its federate. */
export interface BusLink {
  readonly endpoint: string;
  send(endpoint: string, bytes: Uint8Array): Promise<void>;
  expect(): () => void;
  work(name: string): () => void;
  /** At market time `at_ms` the federate goes over to the broker at `port`. */
  renew(at_ms: number, port: number): void;
}

export type FaultListener = (fault: { topic: string; error: unknown }) => void;

interface Handler {
  readonly filter: string;
  readonly handle: (received: Received, envelope: Envelope) => Promise<void>;
  readonly onFault: FaultListener;
  tail: Promise<void>;
}

interface Asked {
  answer(body: Json): void;
  fail(error: FieldbidError): void;
}

/** Real ms until all others have noted a subscription, or a message to keep. */
const ANNOUNCE_DEADLINE_MS = 60_000;

export class BusNode {
  readonly #link: BusLink;
  readonly #peers: Peers;
  readonly #handlers = new Set<Handler>();
  readonly #retained = new Map<string, Envelope>();
  readonly #asked = new Map<string, Asked>();
  readonly #listeners = new Set<(connected: boolean) => void>();
  #serial = 0;
  #ended: FieldbidError | undefined;

  constructor(link: BusLink, peers: Peers) {
    this.#link = link;
    this.#peers = peers;
  }

  /** What arrived at the federate's endpoint. */
  receive(source: string, bytes: Buffer): void {
    const frame = openFrame(source, bytes);
    if (frame === undefined) return; // somebody else's federate may send what it likes
    if (frame.kind === 'message') this.#take(frame.topic, frame.envelope);
    else if (frame.kind === 'answer') this.#answered(frame.envelope);
    else if (frame.kind === 'noted') this.#peers.noted(source, frame.serial);
    else if (frame.kind === 'gone') this.#peers.gone(source);
    else if (frame.kind === 'renew') this.#link.renew(frame.at_ms, frame.port);
    else {
      if (frame.kind === 'want') this.#peers.note(source, frame.filter, frame.wanted);
      else this.#keep(frame.topic, frame.envelope);
      this.#post(source, { kind: 'noted', serial: frame.serial });
    }
  }

  async publish(topic: string, envelope: Envelope): Promise<void> {
    this.#alive();
    const bytes = frameBytes({ kind: 'message', topic, envelope });
    const sent = this.#peers.wanting(topic).map((endpoint) => this.#link.send(endpoint, bytes));
    this.#take(topic, envelope);
    await Promise.all(sent);
  }

  /** A retained message: resolves when it is kept everywhere. */
  async retain(topic: string, envelope: Envelope): Promise<void> {
    this.#alive();
    this.#keep(topic, envelope);
    await this.#tellAll((serial) => ({ kind: 'keep', topic, envelope, serial }), `the message on ${topic}`);
  }

  async request(topic: string, body: Json, deadline_ms: number, mine: Set<string>): Promise<Json> {
    const request = `${this.#link.endpoint} ${++this.#serial}`;
    mine.add(request);
    const answer = new Promise<Json>((resolve, reject) => {
      this.#asked.set(request, { answer: resolve, fail: reject });
    });
    answer.catch(() => {}); // not unhandled while the request is still being sent
    // Where nobody elsewhere is asked, nothing can come from there.
    const arrived = this.#peers.wanting(topic).length > 0 ? this.#link.expect() : () => {};
    try {
      const sent = this.publish(topic, { body, replyTo: this.#link.endpoint, request });
      return await withDeadline(
        sent.then(() => answer),
        deadline_ms,
        `the responder of ${topic}`,
      );
    } finally {
      arrived();
      this.#asked.delete(request);
      mine.delete(request);
    }
  }

  async listen(
    filter: string,
    handle: (received: Received, envelope: Envelope) => Promise<void>,
    onFault: FaultListener,
  ): Promise<Subscription> {
    this.#alive();
    const handler: Handler = { filter, handle, onFault, tail: Promise.resolve() };
    const isNew = !this.#wants(filter);
    this.#handlers.add(handler);
    for (const [topic, envelope] of this.#retained) {
      if (filterMatches(filter, topic)) this.#deliver(handler, topic, envelope);
    }
    if (isNew) {
      const announcement = (serial: number): Frame => ({ kind: 'want', filter, wanted: true, serial });
      await this.#tellAll(announcement, `the subscription ${filter}`);
    }
    return {
      close: async () => {
        if (!this.#handlers.delete(handler) || this.#ended !== undefined || this.#wants(filter)) return;
        for (const endpoint of this.#peers.all()) {
          this.#post(endpoint, { kind: 'want', filter, wanted: false, serial: 0 });
        }
      },
    };
  }

  /** Tells all others. Call it where nobody is being asked for a time. */
  announceRenewal(at_ms: number, port: number): void {
    for (const endpoint of this.#peers.all()) this.#post(endpoint, { kind: 'renew', at_ms, port });
    this.#link.renew(at_ms, port);
  }

  async answer(endpoint: string, envelope: Envelope): Promise<void> {
    if (endpoint === this.#link.endpoint) this.#answered(envelope);
    else await this.#link.send(endpoint, frameBytes({ kind: 'answer', envelope }));
  }

  forget(requests: Iterable<string>): void {
    for (const request of requests) {
      this.#asked.get(request)?.fail(new FieldbidError('BUS_CLOSED', 'the bus was closed'));
    }
  }

  watch(listener: (connected: boolean) => void): Subscription {
    this.#listeners.add(listener);
    listener(this.#ended === undefined);
    return { close: async () => void this.#listeners.delete(listener) };
  }

  /** Says good-bye to the others. */
  async leave(): Promise<void> {
    if (this.#ended !== undefined) return;
    await Promise.all(
      this.#peers.all().map((endpoint) => this.#link.send(endpoint, frameBytes({ kind: 'gone' }))),
    );
  }

  /** The federate is no more. */
  end(error: FieldbidError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const { fail } of this.#asked.values()) fail(error);
    for (const listener of [...this.#listeners]) listener(false);
  }

  #alive(): void {
    if (this.#ended === undefined) return;
    throw new FieldbidError('BUS_UNAVAILABLE', this.#ended.message, { cause: this.#ended, retryable: true });
  }

  #wants(filter: string): boolean {
    return [...this.#handlers].some((handler) => handler.filter === filter);
  }

  /** Resolves when all others have noted it. */
  async #tellAll(frame: (serial: number) => Frame, what: string): Promise<void> {
    const { serial, noted } = this.#peers.announce();
    const arrived = this.#link.expect();
    try {
      for (const endpoint of this.#peers.all()) this.#post(endpoint, frame(serial));
      await withDeadline(noted, ANNOUNCE_DEADLINE_MS, `one of the federates, told of ${what},`);
    } finally {
      arrived();
    }
  }

  /** Whoever cannot be told any more learns it when the federation ends. */
  #post(endpoint: string, frame: Frame): void {
    this.#link.send(endpoint, frameBytes(frame)).catch(() => {});
  }

  #answered(envelope: Envelope): void {
    const asked = this.#asked.get(envelope.answers ?? '');
    if (asked === undefined) return; // answered after its deadline
    if (envelope.error === undefined) asked.answer(envelope.body);
    else asked.fail(remoteError(envelope.error));
  }

  #keep(topic: string, envelope: Envelope): void {
    this.#retained.set(topic, envelope);
    this.#take(topic, envelope);
  }

  #take(topic: string, envelope: Envelope): void {
    for (const handler of this.#handlers) {
      if (filterMatches(handler.filter, topic)) this.#deliver(handler, topic, envelope);
    }
  }

  #deliver(handler: Handler, topic: string, envelope: Envelope): void {
    const done = this.#link.work(`handler of ${topic}`);
    handler.tail = handler.tail
      .then(() =>
        this.#handlers.has(handler) ? handler.handle({ topic, message: envelope.body }, envelope) : undefined,
      )
      .catch((error: unknown) => handler.onFault({ topic, error }))
      .finally(done);
  }
}
