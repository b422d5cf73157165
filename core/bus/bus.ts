/**
 * Port: messages between agents (DER, DERA, ISO). Topics are MQTT topics (`/`-separated; `+` and `#` in
 * filters); messages are JSON values. Behind it: MQTT (embedded or any broker), HELICS endpoints.
 */
import type { Json } from '../canonical-json.ts';

export interface Received {
  readonly topic: string;
  readonly message: Json;
}

export interface Subscription {
  close(): Promise<void>;
}

export interface PublishOptions {
  /** The broker keeps the last message of the topic for later subscribers. */
  retain?: boolean;
  /** Real ms after which nobody wants it any more: where the broker can (MQTT 5), it is dropped then. */
  worth_ms?: number;
}

export interface RequestOptions {
  /**
   * Real ms for which carrying it out is of use, though the asker may no longer wait: an award is, to the end of
   * its interval. The deadline by default.
   */
  worth_ms?: number;
}

export interface Bus {
  /**
   * Resolves when the broker has taken the message over (QoS 1).
   * @throws FieldbidError `BUS_UNAVAILABLE` (retryable) when it does not within the bus's deadline, `BUS_QUOTA`
   * (retryable) or `BUS_REFUSED` when it says no.
   */
  publish(topic: string, message: unknown, options?: PublishOptions): Promise<void>;

  /** Messages of one subscription arrive one after the other, in the order the broker sent them. */
  subscribe(filter: string, handler: (received: Received) => void | Promise<void>): Promise<Subscription>;

  /**
   * Sends and waits for the one answer.
   * @throws DeadlineError after `deadline_ms` real milliseconds without an answer.
   * @throws FieldbidError `BUS_REMOTE_ERROR` with the responder's code and message in `details`.
   */
  request(topic: string, message: unknown, deadline_ms: number, options?: RequestOptions): Promise<Json>;

  /** Answers requests on a topic; what the handler throws reaches the requester as `BUS_REMOTE_ERROR`. */
  respond(filter: string, handler: (received: Received) => Promise<unknown>): Promise<Subscription>;

  /** Tells, at once and at every change, whether there is a connection to the others. */
  watchConnection(listener: (connected: boolean) => void): Subscription;

  close(): Promise<void>;
}

/** True when an MQTT topic filter matches a topic (MQTT 5.0, section 4.7). */
export function filterMatches(filter: string, topic: string): boolean {
  if (!/[+#]/.test(filter)) return filter === topic;
  const want = filter.split('/');
  const have = topic.split('/');
  for (let i = 0; i < want.length; i++) {
    if (want[i] === '#') return true;
    if (i >= have.length || (want[i] !== '+' && want[i] !== have[i])) return false;
  }
  return want.length === have.length;
}
