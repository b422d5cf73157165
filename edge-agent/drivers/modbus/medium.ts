/** Steps 1 and 11 · What carries the frames of one bus: a TCP connection, or a serial port. */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { type Endpoint, mediumText, type SerialEndpoint } from './endpoint.ts';
import type { Framing } from './framed-port.ts';

export interface Medium {
  /** `HOST:PORT`, or the path of the serial port. */
  readonly name: string;
  readonly framing: Framing;
  /** Whether a connection of its own ends with it: what comes late on the old one cannot be heard on a new one. */
  readonly reconnects: boolean;
  /** Silence that separates two frames, ms; 0 where frames have a length. */
  readonly quiet_ms: number;
  /** Time that bytes take on the line, ms; 0 on TCP. */
  wire_ms(bytes: number): number;
  /** Rejects with a system error. */
  open(): Promise<Duplex>;
  /** Throws away what the operating system holds for us, or still holds back. */
  flush(stream: Duplex): Promise<void>;
  end(stream: Duplex): void;
}

/** Start, 8 data, parity or a second stop, stop bit (Modbus over Serial Line V1.02, 2.5.1). */
const BITS_PER_CHARACTER = 11;
const QUIET_CHARACTERS = 3.5;
/** Above 19200 baud the gap is fixed (2.5.1.1). */
const FAST_BAUD = 19_200;
const FAST_QUIET_MS = 1.75;
/** The line behind a serial device server is not known: as slow as the usual ones. */
const ASSUMED_BAUD = 9600;

/** Silence between RTU frames at this speed: 3.5 characters, or 1.75 ms above 19200 baud. */
export function quietGap_ms(baud: number): number {
  return baud > FAST_BAUD ? FAST_QUIET_MS : (QUIET_CHARACTERS * BITS_PER_CHARACTER * 1000) / baud;
}

export function mediumOf(endpoint: Endpoint): Medium {
  const name = mediumText(endpoint);
  if (endpoint.scheme === 'rtu') return serial(name, endpoint);
  const { host, port, scheme } = endpoint;
  const framing = scheme === 'tcp' ? 'tcp' : 'rtu';
  return {
    name,
    framing,
    reconnects: true,
    quiet_ms: framing === 'tcp' ? 0 : quietGap_ms(ASSUMED_BAUD),
    wire_ms: () => 0,
    open: async () => {
      const socket = createConnection({ host, port, noDelay: true });
      socket.on('error', () => {}); // what comes after connecting: 'close' follows
      await once(socket, 'connect');
      return socket;
    },
    flush: async () => {},
    end: (stream) => void stream.destroy(),
  };
}

function serial(name: string, { path, baud, parity, stopBits }: SerialEndpoint): Medium {
  return {
    name,
    framing: 'rtu',
    reconnects: false,
    quiet_ms: quietGap_ms(baud),
    wire_ms: (bytes) => (bytes * BITS_PER_CHARACTER * 1000) / baud,
    open: async () => {
      const SerialPort = await serialPortClass();
      const port = new SerialPort({ path, baudRate: baud, parity, stopBits, dataBits: 8, autoOpen: false });
      await new Promise<void>((resolve, reject) => {
        port.open((error) => (error ? reject(error) : resolve()));
      });
      return port;
    },
    flush: (stream) =>
      new Promise((resolve) => {
        // A port that vanished meanwhile says so by closing.
        if ('flush' in stream && typeof stream.flush === 'function') stream.flush(() => resolve());
        else resolve();
      }),
    end: (stream) => {
      if ('close' in stream && typeof stream.close === 'function') stream.close(() => {});
    },
  };
}

/** Native code: loaded only where a serial port is used. */
async function serialPortClass() {
  try {
    return (await import('serialport')).SerialPort;
  } catch (cause) {
    const text = `serial ports need the package serialport, which cannot be loaded: ${messageOf(cause)}`;
    throw new FieldbidError('MODBUS_NO_SERIAL', text, { cause });
  }
}
