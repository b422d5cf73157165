/**
 * A simulated device at one end of a byte stream: a TCP connection with Modbus TCP or RTU frames, or a serial
 * line. On RTU frames a unit that is somebody else's, or a frame with a wrong CRC, gets no answer at all, as on a
 * real line (Modbus over Serial Line V1.02, 2.4).
 */
import type { Duplex } from 'node:stream';
import type { Framing } from '@fieldbid/edge-agent/drivers/modbus/framed-port';
import { crc16, firstTcpFrame, rtuFrame, tcpFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import { Outlet, type Strike, strikeAnswer } from '../faults/strike.ts';
import { answerTo, NO_SUCH_UNIT, type RegisterDevice } from './modbus-answers.ts';

/** What the answer to a request meets on a line with a fault: `FaultyLine`. @param body unit id and what follows. */
export type StrikeLine = (body: Buffer) => Strike | undefined;

/**
 * Answers what comes on the stream until it ends.
 * @param hangUp called when the stream can no longer be followed.
 * @param line of Modbus TCP; without it every answer goes out as it is.
 */
export function serveStream(
  device: RegisterDevice,
  stream: Duplex,
  framing: Framing,
  hangUp: () => void,
  line: StrikeLine = () => undefined,
): void {
  const answers = new Outlet(stream);
  let pending: Buffer = NOTHING;
  const take = framing === 'tcp' ? takeTcp : takeRtu;
  stream.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      if (!device.isOnline()) {
        pending = NOTHING;
        if (framing === 'tcp') hangUp();
        return;
      }
      const taken = take(device, pending);
      if (taken === 'incomplete') return;
      if (taken === 'lost') {
        pending = NOTHING;
        if (framing === 'tcp') hangUp(); // where the next frame would start cannot be known
        return;
      }
      pending = taken.rest;
      if (taken.answer === undefined) continue;
      const { request, transactionId } = taken;
      const strike = request === undefined ? undefined : line(request);
      if (strike === undefined || transactionId === undefined) answers.send(taken.answer);
      else strikeAnswer(answers, strike, taken.answer.subarray(TCP_HEADER_BYTES), transactionId, hangUp);
    }
  });
}

const NOTHING = Buffer.alloc(0);

/** MBAP header before the unit id. */
const TCP_HEADER_BYTES = 6;

interface Answered {
  /** The whole frame; none to a broadcast, or to a unit that is somebody else's. */
  readonly answer: Buffer | undefined;
  readonly rest: Buffer;
  /** Of Modbus TCP. */
  readonly request?: Buffer;
  readonly transactionId?: number;
}
type Taken = Answered | 'incomplete' | 'lost';

function takeTcp(device: RegisterDevice, bytes: Buffer): Taken {
  const frame = firstTcpFrame(bytes);
  if (frame === 'incomplete') return frame;
  if (frame === 'no Modbus') return 'lost';
  const { body, transactionId, length } = frame;
  const answer = answerTo(device, body[0] ?? 0, body.subarray(1));
  return {
    answer: tcpFrame(Buffer.concat([body.subarray(0, 1), answer]), transactionId),
    rest: bytes.subarray(length),
    ...{ request: body, transactionId },
  };
}

function takeRtu(device: RegisterDevice, bytes: Buffer): Taken {
  const length = requestLength(bytes);
  if (length === 'incomplete') return bytes.length > 256 ? 'lost' : length;
  if (length === 'unknown') {
    // Its length is known by the silence behind it; what has come is taken for all of it.
    return bytes.length >= 4 && sound(bytes) ? answered(device, bytes, bytes.length) : 'lost';
  }
  if (bytes.length < length) return 'incomplete';
  return sound(bytes.subarray(0, length)) ? answered(device, bytes, length) : 'lost';
}

function answered(device: RegisterDevice, bytes: Buffer, length: number): Taken {
  const body = bytes.subarray(0, length - 2);
  const unit = body[0] ?? 0;
  const rest = bytes.subarray(length);
  if (unit === 0) return { answer: undefined, rest }; // broadcast
  const answer = answerTo(device, unit, body.subarray(1));
  const isMine = !((answer[0] ?? 0) >= 0x80 && answer[1] === NO_SUCH_UNIT);
  return { answer: isMine ? rtuFrame(Buffer.concat([body.subarray(0, 1), answer])) : undefined, rest };
}

/** Length of the request frame, CRC included. */
function requestLength(bytes: Buffer): number | 'incomplete' | 'unknown' {
  const code = bytes[1];
  if (code === undefined) return 'incomplete';
  if (code >= 1 && code <= 6) return 8;
  if (code !== 15 && code !== 16) return 'unknown';
  const count = bytes[6];
  return count === undefined ? 'incomplete' : 9 + count;
}

function sound(frame: Buffer): boolean {
  return crc16(frame.subarray(0, -2)) === frame.readUInt16LE(frame.length - 2);
}
