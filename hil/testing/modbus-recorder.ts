/** A Modbus TCP line that keeps what its clients ask: for tests of what is written to a device, and of what is not. */
import { firstTcpFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import { startProxy } from './tcp-proxy.ts';

export interface RecordedWrite {
  readonly function: number;
  readonly address: number;
  readonly words: readonly number[];
}

export interface ModbusRecorder {
  readonly port: number;
  /** Function codes in the order of the requests. */
  readonly functions: number[];
  /** Requests of functions 6 and 16. */
  readonly writes: RecordedWrite[];
  close(): Promise<void>;
}

/** @param target port on this machine where the device answers. */
export async function recordModbus(target: number): Promise<ModbusRecorder> {
  const functions: number[] = [];
  const writes: RecordedWrite[] = [];
  const onPdu = (pdu: Buffer): void => {
    const code = pdu.readUInt8(0);
    functions.push(code);
    // Modbus Application Protocol V1.1b3, 6.6 and 6.12.
    if (code === 6) {
      writes.push({ function: code, address: pdu.readUInt16BE(1), words: [pdu.readUInt16BE(3)] });
    }
    if (code === 16) {
      const count = pdu.readUInt16BE(3);
      const words = Array.from({ length: count }, (_, i) => pdu.readUInt16BE(6 + 2 * i));
      writes.push({ function: code, address: pdu.readUInt16BE(1), words });
    }
  };
  const proxy = await startProxy(target, () => {
    let pending: Buffer = Buffer.alloc(0);
    return (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      for (;;) {
        const frame = firstTcpFrame(pending);
        if (frame === 'incomplete' || frame === 'no Modbus') return;
        pending = pending.subarray(frame.length);
        onPdu(frame.body.subarray(1));
      }
    };
  });
  return { port: proxy.port, functions, writes, close: () => proxy.close() };
}
