/**
 * Steps 1 and 11 · Finds the answer to a request in the bytes that come back. Modbus TCP frames carry a
 * transaction id and a length (Modbus Messaging on TCP/IP V1.0b, 3.1.3); RTU frames end with a CRC (Modbus over
 * Serial Line V1.02, 2.5.1). An answer counts only when unit, function, length and echo fit the request.
 */

/** What was asked. */
export interface Request {
  readonly unit: number;
  /** Function code and what follows it. */
  readonly pdu: Buffer;
  /** Modbus TCP: the id that the answer must carry. */
  readonly transactionId: number;
}

/** What the bytes so far amount to, and those that are not used up. */
export interface Found {
  /** Unit and PDU of the answer. */
  readonly answer?: Buffer;
  /** Frames passed over that would have been the answer but for their transaction id. */
  readonly otherIds?: number;
  /** Why the stream cannot be the answer, nor lead to it. */
  readonly wrong?: string;
  readonly rest: Buffer;
}

const HEADER_BYTES = 7;
/** Unit and PDU (Modbus Application Protocol V1.1b3, 4.1). */
const LONGEST_BODY_BYTES = 254;
const CRC_BYTES = 2;

/** CRC of the serial line, its low byte is sent first (Modbus over Serial Line V1.02, 6.2.2). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** Unit and PDU as a Modbus TCP frame. */
export function tcpFrame(body: Buffer, transactionId: number): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES - 1 + body.length);
  frame.writeUInt16BE(transactionId, 0);
  frame.writeUInt16BE(body.length, 4);
  body.copy(frame, HEADER_BYTES - 1);
  return frame;
}

/** Unit and PDU as an RTU frame. */
export function rtuFrame(body: Buffer): Buffer {
  const frame = Buffer.alloc(body.length + CRC_BYTES);
  body.copy(frame);
  frame.writeUInt16LE(crc16(body), body.length);
  return frame;
}

/** The first Modbus TCP frame: unit and PDU, and the frame's whole length in bytes. */
export function firstTcpFrame(
  bytes: Buffer,
): { transactionId: number; body: Buffer; length: number } | 'incomplete' | 'no Modbus' {
  if (bytes.length < HEADER_BYTES) return 'incomplete';
  const length = bytes.readUInt16BE(4);
  if (bytes.readUInt16BE(2) !== 0 || length < 2 || length > LONGEST_BODY_BYTES) return 'no Modbus';
  if (bytes.length < HEADER_BYTES - 1 + length) return 'incomplete';
  const end = HEADER_BYTES - 1 + length;
  return { transactionId: bytes.readUInt16BE(0), body: bytes.subarray(HEADER_BYTES - 1, end), length: end };
}

/**
 * @param acceptId whether a frame with another transaction id may be the answer as well; it must then fit in
 * every other respect. A frame that is for somebody else, or late, or a duplicate, is passed over.
 */
export function answerInTcp(bytes: Buffer, request: Request, acceptId: (id: number) => boolean): Found {
  let rest = bytes;
  let otherIds = 0;
  for (;;) {
    const frame = firstTcpFrame(rest);
    if (frame === 'incomplete') return { rest, otherIds };
    if (frame === 'no Modbus') return { rest: EMPTY, wrong: 'what came is no Modbus TCP' };
    rest = rest.subarray(frame.length);
    const why = misfit(frame.body, request);
    if (frame.transactionId === request.transactionId) {
      return why === undefined ? { answer: frame.body, rest } : { wrong: why, rest };
    }
    if (why !== undefined) continue;
    if (acceptId(frame.transactionId)) return { answer: frame.body, rest };
    otherIds++;
  }
}

/** Passes over whole frames that nobody waits for. */
export function afterTcpFrames(bytes: Buffer): Found {
  let rest = bytes;
  for (;;) {
    const frame = firstTcpFrame(rest);
    if (frame === 'incomplete') return { rest };
    if (frame === 'no Modbus') return { rest: EMPTY, wrong: 'what came is no Modbus TCP' };
    rest = rest.subarray(frame.length);
  }
}

/** Passes over whole frames of other units (late ones), and over noise before the answer. */
export function answerInRtu(bytes: Buffer, request: Request): Found {
  let rest = bytes;
  for (;;) {
    const length = rtuLength(rest, 0);
    const mine = rest[0] === request.unit && ((rest[1] ?? 0) & 0x7f) === request.pdu[0];
    if (length === undefined || rest.length < length) {
      return mine ? { rest } : (answerWithin(rest, request) ?? { rest });
    }
    const sound = hasCrc(rest, 0, length);
    const body = rest.subarray(0, length - CRC_BYTES);
    if (sound && body[0] !== request.unit) {
      rest = rest.subarray(length);
      continue;
    }
    if (!sound && !mine) return answerWithin(rest, request) ?? { rest };
    const why = sound ? misfit(body, request) : 'its CRC is wrong';
    return why === undefined ? { answer: body, rest: rest.subarray(length) } : { wrong: why, rest: EMPTY };
  }
}

/** Behind noise only a frame that is right in all respects counts. */
function answerWithin(bytes: Buffer, request: Request): Found | undefined {
  for (let from = 1; from + 5 <= bytes.length; from++) {
    if (bytes[from] !== request.unit) continue;
    const length = rtuLength(bytes, from);
    if (length === undefined || from + length > bytes.length || !hasCrc(bytes, from, length)) continue;
    const body = bytes.subarray(from, from + length - CRC_BYTES);
    if (misfit(body, request) === undefined) return { answer: body, rest: bytes.subarray(from + length) };
  }
  return undefined;
}

/** Length of the answer frame that starts there, CRC included; undefined when it cannot be known (yet). */
function rtuLength(bytes: Buffer, from: number): number | undefined {
  const code = bytes[from + 1];
  if (code === undefined) return undefined;
  if (code >= 0x80) return 5;
  if (code === 6 || code === 16) return 8;
  const count = bytes[from + 2];
  return (code === 3 || code === 4) && count !== undefined ? 5 + count : undefined;
}

function hasCrc(bytes: Buffer, from: number, length: number): boolean {
  const end = from + length - CRC_BYTES;
  return crc16(bytes.subarray(from, end)) === bytes.readUInt16LE(end);
}

/** Why unit and PDU are no answer to the request; undefined when they are. */
function misfit(body: Buffer, { unit, pdu }: Request): string | undefined {
  const code = pdu[0] ?? 0;
  if (body[0] !== unit) return `unit ${body[0]} answered for unit ${unit}`;
  if (body[1] === (code | 0x80)) {
    return body.length === 3 ? undefined : `an exception has ${body.length} bytes`;
  }
  if (body[1] !== code) return `function ${body[1]} answered function ${code}`;
  if (code === 3 || code === 4) {
    const wanted = 2 * pdu.readUInt16BE(3);
    const fits = body[2] === wanted && body.length === 3 + wanted;
    return fits ? undefined : `${body.length - 3} bytes came (it says ${body[2]}) instead of ${wanted}`;
  }
  // Functions 6 and 16 repeat address and value, or address and count.
  return body.subarray(1).equals(pdu.subarray(0, 5)) ? undefined : 'the echo differs from what was written';
}

const EMPTY = Buffer.alloc(0);
