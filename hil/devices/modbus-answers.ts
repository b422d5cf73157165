/**
 * What a simulated device answers to a Modbus request (Modbus Application Protocol V1.1b3), whatever carried it:
 * functions 3, 4, 6 and 16. Each request is answered as a whole, so that a write is either taken entirely or not.
 */
import { FieldbidError } from '@fieldbid/core/errors';

/** What stands behind a server. Exceptions are refused requests: throw a `ModbusRefusal`. */
export interface RegisterDevice {
  /** Words of `count` registers: holding (function 3) or input registers (function 4). */
  readRegisters(unit: number, address: number, count: number, functionCode: 3 | 4): readonly number[];
  /** Takes all words or none. @param functionCode 6 or 16. */
  writeRegisters(unit: number, address: number, words: readonly number[], functionCode: 6 | 16): void;
  /** False: nothing is answered; connections are not accepted, and open ones are dropped. */
  isOnline(): boolean;
}

/** Answered to the client as a Modbus exception. */
export class ModbusRefusal extends FieldbidError {
  readonly exception: number;

  constructor(exception: number, why: string) {
    super('MODBUS_REFUSAL', why);
    this.exception = exception;
  }
}

export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;
export const DEVICE_FAILURE = 4;
export const NO_SUCH_UNIT = 11;

/** PDU of the answer to a request's PDU. */
export function answerTo(device: RegisterDevice, unit: number, pdu: Buffer): Buffer {
  const code = pdu.readUInt8(0);
  try {
    return execute(device, code, pdu, unit);
  } catch (error) {
    const exception = error instanceof ModbusRefusal ? error.exception : DEVICE_FAILURE;
    return Buffer.from([code | 0x80, exception]);
  }
}

function execute(device: RegisterDevice, code: number, pdu: Buffer, unit: number): Buffer {
  if (code !== 3 && code !== 4 && code !== 6 && code !== 16) {
    throw new ModbusRefusal(ILLEGAL_FUNCTION, `function ${code}`);
  }
  if (pdu.length < 5) throw new ModbusRefusal(ILLEGAL_VALUE, 'too short');
  const address = pdu.readUInt16BE(1);
  const operand = pdu.readUInt16BE(3);
  if (code === 3 || code === 4) {
    if (operand < 1 || operand > 125) throw new ModbusRefusal(ILLEGAL_VALUE, `${operand} registers`);
    const words = device.readRegisters(unit, address, operand, code);
    const answer = Buffer.alloc(2 + 2 * words.length);
    answer.writeUInt8(code, 0);
    answer.writeUInt8(2 * words.length, 1);
    words.forEach((word, i) => void answer.writeUInt16BE(word, 2 + 2 * i));
    return answer;
  }
  if (code === 6) {
    device.writeRegisters(unit, address, [operand], 6);
    return Buffer.from(pdu.subarray(0, 5));
  }
  const fits = operand >= 1 && operand <= 123 && pdu.length === 6 + 2 * operand && pdu[5] === 2 * operand;
  if (!fits) throw new ModbusRefusal(ILLEGAL_VALUE, `${operand} registers in ${pdu.length} bytes`);
  const words = Array.from({ length: operand }, (_, i) => pdu.readUInt16BE(6 + 2 * i));
  device.writeRegisters(unit, address, words, 16);
  return Buffer.from(pdu.subarray(0, 5));
}
