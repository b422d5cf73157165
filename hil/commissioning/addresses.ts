/**
 * Where a person wants to be looked at: addresses, ranges and networks of their own choice, never more. A range becomes
 * single endpoints here; nothing is connected yet.
 */
import { describeFound, InputError } from '@fieldbid/core/errors';
import { type Endpoint, parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { isOpcUaEndpoint } from '@fieldbid/edge-agent/drivers/opcua/access';
import { DUMP } from '../scenario/schema.ts';

/** One place where devices may answer. */
export type Place =
  /** `units`: those that the address itself names; absent: the list of the command. */
  | { readonly kind: 'modbus'; readonly endpoint: Endpoint; readonly units?: readonly number[] }
  | { readonly kind: 'opcua'; readonly endpoint: string }
  | { readonly kind: 'dump'; readonly file: string };

/** More is a scan of somebody's network, not a look at a bench. */
export const MOST_ADDRESSES = 256;
const SMALLEST_PREFIX = 24;

const EXPECTED =
  'tcp://HOST[:PORT], a range (tcp://192.0.2.10-20:502) or network up to /24 (tcp://192.0.2.0/24:502), ' +
  'rtu+tcp://HOST:PORT, rtu:///dev/ttyUSB0?baud=9600, opc.tcp://HOST:PORT/PATH or dump:FILE';
const SPAN =
  /^(?<scheme>tcp|rtu\+tcp):\/\/(?<net>\d{1,3}\.\d{1,3}\.\d{1,3})\.(?<from>\d{1,3})(?:-(?<to>\d{1,3})|\/(?<prefix>\d{1,2}))(?<rest>[:?].*)?$/;

/** @throws InputError for what is no address, or more than 256 of them. */
export function placesAt(texts: readonly string[]): Place[] {
  const places = texts.flatMap(placesOf);
  if (places.length <= MOST_ADDRESSES) return places;
  throw wrong(`${places.length} addresses`, `at most ${MOST_ADDRESSES} in one command`);
}

function placesOf(text: string): Place[] {
  if (text.startsWith(DUMP)) return [{ kind: 'dump', file: text.slice(DUMP.length) }];
  if (isOpcUaEndpoint(text)) return [{ kind: 'opcua', endpoint: text }];
  const span = SPAN.exec(text)?.groups;
  if (span !== undefined) {
    const { scheme = '', net = '', rest = '' } = span;
    return hostsOf(text, span).map((host) => modbus(`${scheme}://${net}.${host}${rest}`));
  }
  if (!/^(tcp|rtu|rtu\+tcp):\/\//.test(text)) throw wrong(describeFound(text), EXPECTED);
  return [modbus(text)];
}

/** Last numbers of the addresses, network and broadcast address left out. */
function hostsOf(text: string, { from, to, prefix }: Record<string, string | undefined>): number[] {
  const first = Number(from);
  if (prefix !== undefined) {
    const bits = 32 - Number(prefix);
    if (Number(prefix) < SMALLEST_PREFIX || bits < 0 || first > 255) {
      throw wrong(describeFound(text), `a network of at most 256 addresses: /${SMALLEST_PREFIX} to /32`);
    }
    const size = 2 ** bits;
    const base = first - (first % size);
    const all = Array.from({ length: size }, (_, i) => base + i);
    return size > 2 ? all.slice(1, -1) : all;
  }
  const last = Number(to);
  if (last > 255 || first > last) {
    throw wrong(describeFound(text), 'a range that goes up, such as 192.0.2.10-20');
  }
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function modbus(text: string): Place {
  const endpoint = parseEndpoint(text, 'address');
  const named = /[?&]unit=/.test(text);
  return { kind: 'modbus', endpoint, ...(named ? { units: [endpoint.unit] } : {}) };
}

function wrong(found: string, expected: string): InputError {
  return new InputError({ source: 'address', path: '', found, expected });
}
