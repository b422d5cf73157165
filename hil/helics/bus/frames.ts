/**
 * What buses say to each other over HELICS endpoints: JSON, one frame per message. HELICS delivers to one endpoint by
 * name and knows no topics; who wants which topic is therefore announced, and acknowledged.
 */

import { type Envelope, LARGEST_MESSAGE_BYTES, openEnvelope } from '@fieldbid/core/bus/envelope';
import type { Json } from '@fieldbid/core/canonical-json';
import { FieldbidError } from '@fieldbid/core/errors';

export type Frame =
  /** A message, or a request with `replyTo`. */
  | { readonly kind: 'message'; readonly topic: string; readonly envelope: Envelope }
  /** A message that goes to everybody, and is kept there for later subscribers. */
  | { readonly kind: 'keep'; readonly topic: string; readonly envelope: Envelope; readonly serial: number }
  /** The answer to a request of the receiver. */
  | { readonly kind: 'answer'; readonly envelope: Envelope }
  /** From now on the sender wants, or no longer wants, what matches. */
  | { readonly kind: 'want'; readonly filter: string; readonly wanted: boolean; readonly serial: number }
  /** What had this serial is known here. */
  | { readonly kind: 'noted'; readonly serial: number }
  /** The sender has left; nothing is to be sent to it. */
  | { readonly kind: 'gone' }
  /** At market time `at_ms` all federates of ours go over to a new broker, at `port` (federation/renewal.ts). */
  | { readonly kind: 'renew'; readonly at_ms: number; readonly port: number };

interface Wire extends Envelope {
  kind?: string;
  topic?: string;
  filter?: string;
  wanted?: boolean;
  serial?: number;
  at_ms?: number;
  port?: number;
}

/** @throws FieldbidError `BUS_MESSAGE_TOO_LARGE` for what nobody would take. */
export function frameBytes(frame: Frame): Buffer {
  const { envelope, ...rest } = { envelope: { body: null as Json }, ...frame };
  const bytes = Buffer.from(JSON.stringify({ ...rest, ...envelope }));
  if (bytes.length <= LARGEST_MESSAGE_BYTES) return bytes;
  const topic = 'topic' in frame ? frame.topic : frame.kind;
  const message = `${topic}: a message of ${bytes.length} bytes; at most ${LARGEST_MESSAGE_BYTES} are carried`;
  throw new FieldbidError('BUS_MESSAGE_TOO_LARGE', message);
}

/** @param source the endpoint that it came from. @returns undefined for what is no frame of ours. */
export function openFrame(source: string, bytes: Buffer): Frame | undefined {
  let wire: Wire;
  try {
    wire = openEnvelope(source, bytes) as Wire;
  } catch {
    return undefined;
  }
  const { kind, topic, filter, wanted, serial, at_ms, port, ...envelope } = wire;
  if (kind === 'message' && typeof topic === 'string') {
    return { kind, topic, envelope };
  }
  if (kind === 'keep' && typeof topic === 'string' && typeof serial === 'number') {
    return { kind, topic, envelope, serial };
  }
  if (kind === 'answer') return { kind, envelope };
  if (kind === 'want' && typeof filter === 'string' && typeof serial === 'number') {
    return { kind, filter, wanted: wanted === true, serial };
  }
  if (kind === 'noted' && typeof serial === 'number') return { kind, serial };
  if (kind === 'renew' && Number.isSafeInteger(at_ms) && Number.isInteger(port)) {
    return { kind, at_ms: at_ms as number, port: port as number };
  }
  return kind === 'gone' ? { kind } : undefined;
}
