/**
 * Long frames in pieces: HELICS's TCP connections (`tcp_ss`) have a buffer of 4096 bytes, and wait for ever for the rest
 * of a message that does not fit (3.6.1: 3,900 bytes pass, 4,000 do not). What fits goes as it is.
 */
import { LARGEST_MESSAGE_BYTES } from '@fieldbid/core/bus/envelope';

/** Bytes of a message, header included: HELICS adds names and times to it in the same buffer. */
export const MOST_BYTES = 3072;
/** First byte of a piece; a whole frame begins with a brace. */
const PIECE = 0x01;
/** First byte, number of the message (4), number of the piece (4), pieces in all (4). */
const HEADER_BYTES = 13;
const PAYLOAD_BYTES = MOST_BYTES - HEADER_BYTES;
/** Of a message: a longer one is not taken. */
const MOST_PIECES = Math.ceil(LARGEST_MESSAGE_BYTES / PAYLOAD_BYTES);
/** Unfinished messages of one sender: a federate of others may never finish one. */
const MOST_UNFINISHED = 8;

/** @param serial of the message, different from the sender's others that are under way. */
export function cut(bytes: Uint8Array, serial: number): Uint8Array[] {
  if (bytes.length <= MOST_BYTES) return [bytes];
  const count = Math.ceil(bytes.length / PAYLOAD_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(PIECE, 0);
    header.writeUInt32BE(serial >>> 0, 1);
    header.writeUInt32BE(i, 5);
    header.writeUInt32BE(count, 9);
    return Buffer.concat([header, bytes.subarray(i * PAYLOAD_BYTES, (i + 1) * PAYLOAD_BYTES)]);
  });
}

interface Unfinished {
  readonly pieces: (Buffer | undefined)[];
  missing: number;
}

/** Puts the pieces of all senders together again, in whatever order they come. */
export class Pieces {
  readonly #unfinished = new Map<string, Map<number, Unfinished>>();

  /** @returns the frame, once it is whole; undefined before that, and for what cannot be a piece. */
  take(source: string, bytes: Buffer): Buffer | undefined {
    if (bytes[0] !== PIECE) return bytes;
    if (bytes.length <= HEADER_BYTES) return undefined;
    const [serial, index, count] = [bytes.readUInt32BE(1), bytes.readUInt32BE(5), bytes.readUInt32BE(9)];
    if (count > MOST_PIECES || index >= count) return undefined;
    const mine = this.#unfinished.get(source) ?? new Map<number, Unfinished>();
    this.#unfinished.set(source, mine);
    const one = mine.get(serial) ?? { pieces: new Array<Buffer | undefined>(count), missing: count };
    if (one.pieces.length !== count) return undefined;
    mine.set(serial, one);
    if (one.pieces[index] === undefined) one.missing--;
    one.pieces[index] = bytes.subarray(HEADER_BYTES);
    if (one.missing > 0) {
      const oldest = mine.size > MOST_UNFINISHED ? mine.keys().next().value : undefined;
      if (oldest !== undefined) mine.delete(oldest);
      return undefined;
    }
    mine.delete(serial);
    return Buffer.concat(one.pieces.filter((piece) => piece !== undefined));
  }
}
