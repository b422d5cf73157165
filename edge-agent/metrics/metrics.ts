/**
 * What the agent counts, as Prometheus metrics. Counters that the drivers keep are read when somebody scrapes;
 * nothing is measured in the cycle but its own duration. Labels are bounded: devices of the config, points of their
 * profile, fixed words.
 * @see https://prometheus.io/docs/practices/naming/
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CycleObserver } from '../agent/observer.ts';
import type { DerDevice } from '../device/der-device.ts';
import { RegisterDevice } from '../drivers/registers/register-device.ts';
import type { Health } from '../health/health.ts';
import type { UplinkCounts } from '../uplink/counts.ts';

export interface MetricsSources {
  readonly devices: readonly { readonly derId: string; readonly device: DerDevice }[];
  readonly health?: () => Health | undefined;
  /** The uplink's buffer, where it has one. */
  readonly buffer?: UplinkCounts;
}

const CYCLE_BUCKETS_S = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
const VERDICTS = ['verified', 'refused', 'unproven'] as const;
/** Counts of a Modbus unit: metric, what it says, name among the link's counts. */
const LINK_COUNTS = [
  ['requests', 'Requests given to the connection', 'requests'],
  ['answers', 'Requests that were answered', 'answers'],
  ['exceptions', 'Requests answered with a Modbus exception', 'exceptions'],
  ['timeouts', 'Requests that nobody answered in time', 'timeouts'],
  ['malformed', 'Answers that were cut, wrong or not ours', 'malformed'],
  ['reconnects', 'Requests that needed a new connection', 'reconnects'],
  ['held_back', 'Requests not sent because the unit is dead', 'heldBack'],
] as const;

export class AgentMetrics implements CycleObserver {
  readonly #registry = new Registry();
  readonly #cycles: Histogram<'der'>;
  readonly #overruns: Counter<'der'>;
  readonly #reads: Counter<'der' | 'outcome'>;
  readonly #verdicts: Counter<'der' | 'verdict'>;

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    this.#cycles = new Histogram({
      name: 'fieldbid_cycle_duration_seconds',
      help: 'Real duration of a device cycle: read, judge, write, bid, publish',
      labelNames: ['der'],
      buckets: CYCLE_BUCKETS_S,
      registers,
    });
    this.#overruns = new Counter({
      name: 'fieldbid_cycle_overruns_total',
      help: 'Regular cycles that were skipped because the one before was still running',
      labelNames: ['der'],
      registers,
    });
    this.#reads = new Counter({
      name: 'fieldbid_device_reads_total',
      help: 'Images read from a device, by outcome',
      labelNames: ['der', 'outcome'],
      registers,
    });
    this.#verdicts = new Counter({
      name: 'fieldbid_commands_total',
      help: 'Commands by their verdict; only measured power verifies one',
      labelNames: ['der', 'verdict'],
      registers,
    });
    // A counter that does not exist before its first event cannot be watched for its first event.
    for (const { derId: der } of sources.devices) {
      this.#overruns.inc({ der }, 0);
      for (const outcome of ['ok', 'failed']) this.#reads.inc({ der, outcome }, 0);
      for (const verdict of VERDICTS) this.#verdicts.inc({ der, verdict }, 0);
    }
    addDevices(this.#registry, sources.devices);
    if (sources.health !== undefined) addHealth(this.#registry, sources.health);
    if (sources.buffer !== undefined) addBuffer(this.#registry, sources.buffer);
    addProcess(this.#registry);
  }

  onCycle(der: string, cycle: { duration_ms: number; overruns: number; answered: boolean }): void {
    this.#cycles.observe({ der }, cycle.duration_ms / 1000);
    this.#overruns.inc({ der }, cycle.overruns);
    this.#reads.inc({ der, outcome: cycle.answered ? 'ok' : 'failed' });
  }

  onVerdict(der: string, verdict: (typeof VERDICTS)[number]): void {
    this.#verdicts.inc({ der, verdict });
  }

  /** Text exposition format 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

function addDevices(registry: Registry, devices: MetricsSources['devices']): void {
  const modbus = devices.flatMap(({ derId, device }) =>
    device instanceof RegisterDevice ? [{ der: derId, device }] : [],
  );
  for (const [name, help, key] of LINK_COUNTS) {
    counterRead(registry, `fieldbid_link_${name}_total`, help, ['der'], (add) => {
      for (const { der, device } of modbus) add({ der }, device.linkStats[key]);
    });
  }
  const help = 'Writes of a register since the start: what wears a device';
  counterRead(registry, 'fieldbid_register_writes_total', help, ['der', 'point'], (add) => {
    for (const { der, device } of modbus) {
      for (const [point, count] of device.wear.total) add({ der, point }, count);
    }
  });
}

function addHealth(registry: Registry, health: () => Health | undefined): void {
  const gauges: [name: string, help: string, value: (health: Health) => number | boolean | null][] = [
    [
      'cpu_usage_ratio',
      'Busy share of all cores, 0 to 1',
      (h) => (h.cpu_pct === null ? null : h.cpu_pct / 100),
    ],
    ['memory_available_bytes', 'Memory that programs can still get', (h) => h.memoryAvailable_bytes],
    ['memory_size_bytes', 'Memory of the machine', (h) => h.memoryTotal_bytes],
    ['disk_free_bytes', 'Free space where config, keys and buffer are', (h) => h.diskFree_bytes],
    ['disk_size_bytes', 'Size of that file system', (h) => h.diskSize_bytes],
    ['temperature_celsius', 'Temperature of the processor', (h) => h.temperature_C],
    ['undervoltage', '1: the supply is too weak now', (h) => h.throttling.undervoltage],
    ['throttled', '1: the processor is slowed down now', (h) => h.throttling.throttled],
  ];
  for (const [name, help, measured] of gauges) {
    gaugeRead(registry, `fieldbid_gateway_${name}`, help, () => {
      const latest = health();
      const value = latest === undefined ? null : measured(latest);
      return value === null ? null : Number(value);
    });
  }
}

function addBuffer(registry: Registry, buffer: UplinkCounts): void {
  const waiting = 'Size of the measurements and verdicts that wait for the broker';
  gaugeRead(registry, 'fieldbid_buffer_bytes', waiting, () => buffer.bytes());
  const help = 'Records that were given up, by kind';
  counterRead(registry, 'fieldbid_buffer_lost_total', help, ['kind'], (add) => {
    for (const [kind, count] of Object.entries(buffer.lost)) add({ kind }, count);
  });
}

/** Names that Prometheus's own clients use for the process. */
function addProcess(registry: Registry): void {
  const help = 'Resident memory of the agent';
  gaugeRead(registry, 'process_resident_memory_bytes', help, () => process.memoryUsage.rss());
  counterRead(registry, 'process_cpu_seconds_total', 'User and system time of the agent', [], (add) => {
    const { user, system } = process.cpuUsage();
    add({}, (user + system) / 1e6);
  });
  const started_s = Date.now() / 1000 - process.uptime();
  gaugeRead(registry, 'process_start_time_seconds', 'When the agent was started, Unix time', () => started_s);
}

/** A gauge that is read when somebody scrapes; absent while the value is null. */
function gaugeRead(registry: Registry, name: string, help: string, value: () => number | null): void {
  new Gauge({
    ...{ name, help },
    registers: [registry],
    collect() {
      const now = value();
      if (now === null) this.remove();
      else this.set(now);
    },
  });
}

/** A counter that somebody else keeps. */
function counterRead(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  collect: (add: (labels: Record<string, string>, count: number) => void) => void,
): void {
  new Counter({
    ...{ name, help },
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      collect((labels, count) => this.inc(labels, count));
    },
  });
}
