/** What a request is about, for its log line: ids only, so that a bid's uid is found in every log. */

interface About {
  readonly deraId?: unknown;
  readonly derId?: unknown;
  readonly bids?: unknown;
  readonly quantities?: unknown;
}

/** More would make a line unreadable; the ledger has them all. */
const MOST_IDS = 100;

export function subjectOf(params: unknown, body: unknown): Record<string, unknown> {
  const { id, uid, derId } = (params ?? {}) as { id?: string; uid?: string; derId?: string };
  const about = (typeof body === 'object' && body !== null ? body : {}) as About;
  const uids = [about.bids, about.quantities].flatMap(uidsIn);
  return {
    ...(id === undefined ? {} : { intervalId: id }),
    ...(uid === undefined ? {} : { correlationId: uid }),
    ...text('derId', derId ?? about.derId),
    ...text('deraId', about.deraId),
    ...(uids.length === 0 ? {} : { correlationIds: uids.slice(0, MOST_IDS) }),
  };
}

function uidsIn(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const uid = typeof item === 'object' && item !== null && 'uid' in item ? item.uid : undefined;
    return typeof uid === 'string' ? uid.slice(0, 64) : [];
  });
}

function text(name: string, value: unknown): Record<string, string> {
  return typeof value === 'string' ? { [name]: value.slice(0, 64) } : {};
}
