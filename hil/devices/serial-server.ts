/** A simulated device on a serial line: RTU frames on a port that it holds open. */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { SerialEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { mediumOf } from '@fieldbid/edge-agent/drivers/modbus/medium';
import type { RegisterDevice } from './modbus-answers.ts';
import { serveStream } from './modbus-stream.ts';

/** @throws FieldbidError `SIM_PORT` when the serial port cannot be opened. */
export async function serveSerial(
  device: RegisterDevice,
  line: Omit<SerialEndpoint, 'scheme' | 'unit'>,
): Promise<{ close(): Promise<void> }> {
  const medium = mediumOf({ scheme: 'rtu', unit: 1, ...line });
  try {
    const stream = await medium.open();
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    stream.on('error', () => {}); // 'close' follows
    serveStream(device, stream, 'rtu', () => {});
    return {
      close: () => {
        medium.end(stream);
        return closed;
      },
    };
  } catch (cause) {
    throw new FieldbidError('SIM_PORT', `cannot open ${line.path}: ${messageOf(cause)}`, { cause });
  }
}
