// What the page knows: each message from the stream is put into it. Everything that is drawn is drawn from here.

const MOST_INTERVALS = 1400;
const MOST_EVENTS = 200;
const COLUMNS = ['at_s', 'lowest_upu', 'highest_upu', 'delivered_W', 'available_W'];

function empty() {
  return {
    lab: null,
    schedule: null,
    grid: null,
    ders: new Map(),
    intervals: new Map(),
    day: Object.fromEntries(COLUMNS.map((name) => [name, []])),
    settlement: null,
    agents: new Map(),
    faults: new Map(),
    ledger: new Map(),
    health: null,
    trouble: [],
    link: { state: 'connecting', text: 'connecting' },
  };
}

export const model = empty();
/** Market time as it was told, and when. */
const told = { now_ms: 0, speed: null, at_ms: 0 };

/** Market time now, epoch ms; where time moves as the work allows, as it was told last. */
export function marketNow() {
  if (told.speed === null) return told.now_ms;
  return told.now_ms + (performance.now() - told.at_ms) * told.speed;
}

/** @returns the names of the parts that have changed. */
export function apply(changes) {
  Object.assign(told, { now_ms: changes.now_ms, speed: changes.speed, at_ms: performance.now() });
  if (changes.whole) {
    const { link } = model;
    Object.assign(model, empty(), { link });
  }
  for (const name of ['lab', 'schedule', 'grid', 'settlement', 'health', 'trouble']) {
    if (changes[name] !== undefined) model[name] = changes[name];
  }
  merge(model.ders, changes.ders, ({ derId }) => derId);
  merge(model.intervals, changes.intervals, ({ intervalId }) => intervalId, MOST_INTERVALS);
  merge(model.agents, changes.agents, ({ agentId }) => agentId);
  merge(model.faults, changes.faults, ({ id }) => id);
  merge(model.ledger, changes.ledger, ({ checkpoint }) => checkpoint, MOST_EVENTS);
  if (changes.day !== undefined) {
    for (const name of COLUMNS) {
      model.day[name] = changes.day.whole ? changes.day[name] : model.day[name].concat(changes.day[name]);
    }
  }
  if (changes.whole) return new Set(['whole', ...Object.keys(model)]);
  return new Set(Object.keys(changes).filter((name) => name in model));
}

function merge(map, changed, keyOf, most = Number.POSITIVE_INFINITY) {
  for (const value of changed ?? []) map.set(keyOf(value), value);
  while (map.size > most) map.delete(map.keys().next().value);
}

/** Whether the agent of a DER is there: `live`, `away`, `no-limit` (it cannot limit the device now), `unknown`. */
export function agentsByDer() {
  const found = new Map();
  for (const { alive, devices } of model.agents.values()) {
    for (const derId of devices) if (alive || !found.has(derId)) found.set(derId, alive ? 'live' : 'away');
  }
  return found;
}
