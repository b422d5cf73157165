/**
 * Where a Modbus device is. Three media, one text each:
 *
 *     tcp://HOST:PORT?unit=N              Modbus TCP; port 502 and unit 1 when left out
 *     rtu+tcp://HOST:PORT?unit=N          RTU frames over TCP (serial device servers); the same defaults
 *     rtu:///dev/ttyUSB0?baud=9600&parity=none&stopBits=1&unit=N
 *                                         serial line, 8 data bits; 9600 baud, no parity, 1 stop bit, unit 1
 */
import { describeFound, InputError } from '@fieldbid/core/errors';

export interface TcpEndpoint {
  readonly scheme: 'tcp' | 'rtu+tcp';
  readonly host: string;
  readonly port: number;
  /** Unit identifier, 0 to 255; behind a gateway it names the device. On RTU frames 1 to 255: 0 is broadcast. */
  readonly unit: number;
}

export type Parity = (typeof PARITIES)[number];

export interface SerialEndpoint {
  readonly scheme: 'rtu';
  /** The serial port's device file, such as /dev/ttyUSB0. */
  readonly path: string;
  /** Symbols a second. */
  readonly baud: number;
  readonly parity: Parity;
  readonly stopBits: 1 | 2;
  /** Address on the line, 1 to 255; 0 is broadcast, which nobody answers. */
  readonly unit: number;
}

export type Endpoint = TcpEndpoint | SerialEndpoint;

const EXPECTED =
  'tcp://HOST:PORT?unit=N, rtu+tcp://HOST:PORT?unit=N or ' +
  'rtu:///dev/ttyUSB0?baud=9600&parity=none&stopBits=1&unit=N';
const DEFAULT_PORT = 502;
const DEFAULT_UNIT = 1;
const DEFAULT_BAUD = 9600;
const PARITIES = ['none', 'even', 'odd'] as const;
const PARAMETERS = { tcp: ['unit'], 'rtu+tcp': ['unit'], rtu: ['unit', 'baud', 'parity', 'stopBits'] };

/** @throws InputError naming `source` (file or flag), `path` in it, what was found and what is expected. */
export function parseEndpoint(text: string, source = 'endpoint', path = ''): Endpoint {
  const wrong = (why: string) =>
    new InputError({ source, path, found: `${describeFound(text)} (${why})`, expected: EXPECTED });
  const scheme = /^(tcp|rtu\+tcp|rtu):\/\//.exec(text)?.[1] as Endpoint['scheme'] | undefined;
  if (scheme === undefined) throw wrong('it does not start with tcp://, rtu+tcp:// or rtu://');
  if (!URL.canParse(text)) throw wrong('no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw wrong('Modbus has no credentials');
  if (url.hash !== '') throw wrong('a #');
  const keys = [...url.searchParams.keys()];
  const unknown = keys.find((key) => !PARAMETERS[scheme].includes(key));
  if (unknown !== undefined) throw wrong(`the unknown parameter ${unknown}`);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) throw wrong(`${twice} twice`);
  const integer = (key: string, assumed: number, least: number, most: number): number => {
    const found = url.searchParams.get(key) ?? String(assumed);
    const value = Number(found);
    const fits = /^\d{1,7}$/.test(found) && value >= least && value <= most;
    if (!fits) throw wrong(`the ${key} is not ${least} to ${most}`);
    return value;
  };
  const unit = integer('unit', DEFAULT_UNIT, scheme === 'tcp' ? 0 : 1, 255);
  if (scheme === 'rtu') {
    if (url.host !== '') throw wrong('a host: a serial port needs three slashes, rtu:///dev/…');
    const device = decoded(url.pathname);
    if (device === undefined || device.length < 2) throw wrong('no path of a serial port');
    const parity = PARITIES.find((one) => one === (url.searchParams.get('parity') ?? 'none'));
    if (parity === undefined) throw wrong(`the parity is not ${PARITIES.join(', ')}`);
    const baud = integer('baud', DEFAULT_BAUD, 300, 4_000_000);
    const stopBits = integer('stopBits', 1, 1, 2) === 2 ? 2 : 1;
    return { scheme, path: device, baud, parity, stopBits, unit };
  }
  if (url.hostname === '') throw wrong('no host');
  if (url.pathname !== '' && url.pathname !== '/') throw wrong('a path');
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (port === 0) throw wrong('the port is 0');
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ''), port, unit };
}

/** The same, as text: `parseEndpoint` reads it back. */
export function endpointText(endpoint: Endpoint): string {
  const { unit } = endpoint;
  if (endpoint.scheme !== 'rtu') return `${endpoint.scheme}://${mediumText(endpoint)}?unit=${unit}`;
  const { path, baud, parity, stopBits } = endpoint;
  const escaped = path.split('/').map(encodeURIComponent).join('/');
  return `rtu://${escaped}?baud=${baud}&parity=${parity}&stopBits=${stopBits}&unit=${unit}`;
}

/** What all units of one bus share: `HOST:PORT`, or the path of the serial port. */
export function mediumText(endpoint: Endpoint): string {
  if (endpoint.scheme === 'rtu') return endpoint.path;
  const { host, port } = endpoint;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function decoded(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
