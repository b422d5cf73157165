/**
 * What travels in an MQTT payload: the message, and for requests where the answer goes. The same bytes on every
 * broker and protocol version (decision 3).
 */
import type { Json } from '../canonical-json.ts';
import { FieldbidError, InputError } from '../errors.ts';

/** Larger messages are refused before they are parsed. A settlement of 10,000 DERs has four million bytes. */
export const LARGEST_MESSAGE_BYTES = 8 * 1024 * 1024;

export interface Envelope {
  body: Json;
  /** Present in a request: where the answer goes, and the number that it carries back. */
  replyTo?: string;
  request?: string;
  /** Present in an answer: the request's number. */
  answers?: string;
  error?: { code: string; message: string };
}

/** @throws InputError naming the topic, what was found and what was expected. */
export function openEnvelope(topic: string, payload: Buffer): Envelope {
  const wrong = (found: string, expected: string) =>
    new InputError({ source: topic, path: '', found, expected });
  if (payload.length > LARGEST_MESSAGE_BYTES) {
    throw wrong(`${payload.length} bytes`, `at most ${LARGEST_MESSAGE_BYTES} bytes`);
  }
  let envelope: unknown;
  try {
    envelope = JSON.parse(payload.toString('utf8'));
  } catch {
    throw wrong(`${payload.length} bytes that are not JSON`, 'a JSON envelope {"body": ...}');
  }
  if (typeof envelope !== 'object' || envelope === null || !('body' in envelope)) {
    throw wrong('JSON without a body', 'a JSON envelope {"body": ...}');
  }
  return envelope as Envelope;
}

export function remoteError(error: { code: string; message: string }): FieldbidError {
  return new FieldbidError('BUS_REMOTE_ERROR', `${error.code}: ${error.message}`, { details: error });
}
