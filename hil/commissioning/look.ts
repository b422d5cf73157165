/**
 * Looks at the places that a person named: who answers there, under which unit ids. Only reads; several hosts at once,
 * the units of one host or line one after the other, because many devices take one client and one question at a time.
 */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { codeOf } from '@fieldbid/core/errors';
import { type Endpoint, endpointText, mediumText } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { findUnits, type UnitFinding } from '@fieldbid/edge-agent/drivers/sunspec/find-units';
import type { Place } from './addresses.ts';
import type { NotFound } from './found-device.ts';

export interface Sighting {
  readonly endpoint: Endpoint;
  readonly finding: UnitFinding;
}

export interface LookOptions {
  /** Unit ids to ask where an address names none. */
  readonly units: readonly number[];
  /** Real ms for one answer, and for a connection. */
  readonly answer_ms: number;
  readonly connect_ms: number;
  /** Told what is looked at; the count is of places that are done. */
  readonly onProgress: (done: number, of: number, at: string) => void;
}

/** Usual ones, and those that makers ship with: Kostal 71, SMA 126, Fronius' meter 240 and others' gateways. */
export const DEFAULT_UNITS: readonly number[] = [1, 2, 3, 71, 126, 200, 240];
const AT_ONCE = 16;

export async function lookAt(
  places: readonly Extract<Place, { kind: 'modbus' }>[],
  options: LookOptions,
): Promise<{ seen: Sighting[]; nothing: NotFound[] }> {
  const seen: Sighting[] = [];
  const nothing: NotFound[] = [];
  let done = 0;
  const lines = [...groupedByMedium(places).values()];
  await atMost(AT_ONCE, lines, async (line) => {
    for (const place of line) {
      options.onProgress(done, places.length, mediumText(place.endpoint));
      const found = await lookAtOne(place, options, (unit) =>
        options.onProgress(done, places.length, `${mediumText(place.endpoint)} unit ${unit}`),
      );
      if (Array.isArray(found)) seen.push(...found);
      else nothing.push(found);
      done++;
    }
  });
  // In the order in which they were asked for, whoever answered first.
  const order = new Map(places.map(({ endpoint }, i) => [mediumText(endpoint), i]));
  const rank = ({ endpoint }: Sighting): number => order.get(mediumText(endpoint)) ?? 0;
  return { seen: seen.sort((a, b) => rank(a) - rank(b)), nothing };
}

async function lookAtOne(
  { endpoint, units }: Extract<Place, { kind: 'modbus' }>,
  { units: usual, answer_ms, connect_ms }: LookOptions,
  onUnit: (unit: number) => void,
): Promise<Sighting[] | NotFound> {
  const address = endpointText(endpoint).replace(/[?&]unit=\d+/, '');
  const fault = endpoint.scheme === 'rtu' ? undefined : await connectFault(endpoint, connect_ms);
  if (fault !== undefined) return { address, ...fault };
  const asked = units ?? usual;
  const findings = await findUnits(endpoint, asked, { deadline_ms: answer_ms }, onUnit);
  const answers = findings.filter((finding) => finding.answers);
  if (answers.length === 0) return { address, ...silence(asked, findings) };
  return answers.map((finding) => ({ endpoint: { ...endpoint, unit: finding.unit }, finding }));
}

function silence(asked: readonly number[], [first]: readonly UnitFinding[]): Omit<NotFound, 'address'> {
  const fault = first?.fault ?? '';
  if (fault.includes('another transaction id')) {
    return {
      why: 'it answers under transaction ids of its own, as some gateways do',
      todo: 'try `fieldbid edge scan --any-transaction-id`; a profile then needs modbus.anyTransactionId: true',
    };
  }
  const serial = /ENOENT|EACCES|No such file|cannot open/i.test(fault);
  return {
    why: serial ? fault : `nobody answers as unit ${asked.join(', ')}`,
    todo: serial
      ? 'is the adapter plugged in, and may this user open it (group dialout)?'
      : 'Modbus switched on in the device? Another unit id (--units)? Slower than --timeout? Another client connected?',
  };
}

/** Why there is no connection, within the deadline; undefined when there is one. */
async function connectFault(
  { host, port }: Exclude<Endpoint, { scheme: 'rtu' }>,
  connect_ms: number,
): Promise<Omit<NotFound, 'address'> | undefined> {
  const socket = createConnection({ host, port });
  const deadline = AbortSignal.timeout(connect_ms);
  try {
    await once(socket, 'connect', { signal: deadline });
    return undefined;
  } catch (error) {
    if (deadline.aborted) {
      return {
        why: `no connection within ${connect_ms} ms`,
        todo: 'cable, address, firewall? Slow network: a longer --connect-timeout',
      };
    }
    const refused = codeOf(error) === 'ECONNREFUSED';
    return refused
      ? {
          why: `the host is there, nobody listens on port ${port}`,
          todo: 'switch Modbus TCP on in its menu; the port may be 1502 or 502',
        }
      : { why: `no connection (${codeOf(error)})`, todo: 'cable, address, network of this machine?' };
  } finally {
    socket.destroy();
  }
}

function groupedByMedium<T extends { readonly endpoint: Endpoint }>(places: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const place of places) {
    const key = mediumText(place.endpoint);
    groups.set(key, [...(groups.get(key) ?? []), place]);
  }
  return groups;
}

/** Runs `work` over the items, so many at once. */
async function atMost<T>(
  count: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, worker));
}
