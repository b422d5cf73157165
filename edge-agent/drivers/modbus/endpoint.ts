/** Where a Modbus device is: `tcp://HOST:PORT?unit=N`. */
import { describeFound, InputError } from '@fieldbid/core/errors';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Unit identifier, 0 to 255; behind a gateway it names the device. */
  readonly unit: number;
}

const EXPECTED = 'tcp://HOST:PORT?unit=N, such as tcp://192.0.2.10:502?unit=1';
const DEFAULT_PORT = 502;
const DEFAULT_UNIT = 1;

/**
 * Port 502 and unit 1 are assumed when left out.
 * @throws InputError naming `source` (file or flag), `path` in it, what was found and what is expected.
 */
export function parseEndpoint(text: string, source = 'endpoint', path = ''): Endpoint {
  const wrong = (why: string) =>
    new InputError({ source, path, found: `${describeFound(text)} (${why})`, expected: EXPECTED });
  if (!text.startsWith('tcp://')) throw wrong('it does not start with tcp://');
  if (!URL.canParse(text)) throw wrong('no URL');
  const url = new URL(text);
  if (url.hostname === '') throw wrong('no host');
  if (url.username !== '' || url.password !== '') throw wrong('Modbus has no credentials');
  if (url.pathname !== '' && url.pathname !== '/') throw wrong('a path');
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'unit');
  if (unknown !== undefined) throw wrong(`the unknown parameter ${unknown}`);
  const unitText = url.searchParams.get('unit') ?? String(DEFAULT_UNIT);
  const unit = Number(unitText);
  if (!/^\d{1,3}$/.test(unitText) || unit > 255) throw wrong('the unit is not 0 to 255');
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (port === 0) throw wrong('the port is 0');
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, unit };
}

/** The same, as text. */
export function endpointText({ host, port, unit }: Endpoint): string {
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}?unit=${unit}`;
}
