/**
 * The gateway's own health: processor, memory, disk, temperature, supply. Beside the cycle, never in it: measured on
 * a timer of its own, with a deadline, and said in the log when something begins to be wrong and when it is over.
 */
import { codeOf, messageOf, withDeadline } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { type Throttling, throttling } from './throttling.ts';

/** Null: this machine does not say. */
export interface Health {
  /** Of all cores since the sample before, percent. */
  readonly cpu_pct: number | null;
  readonly memoryAvailable_bytes: number | null;
  readonly memoryTotal_bytes: number | null;
  /** Of the file system that holds the config file and what is beside it. */
  readonly diskFree_bytes: number | null;
  readonly diskSize_bytes: number | null;
  readonly temperature_C: number | null;
  readonly throttling: Throttling;
}

export interface HealthOptions {
  readonly log: Logger;
  /** A folder on the disk to watch. */
  readonly folder: string;
  /** Real time between two samples. */
  readonly period_ms?: number;
  /** Measures once; this machine by default. */
  readonly measure?: (folder: string) => Promise<Health>;
}

const PERIOD_MS = 60_000;
/** Programs that measure (df) can hang on a dying disk. */
const DEADLINE_MS = 20_000;

/** Below this something is about to stop working. */
const LEAST_MEMORY_SHARE = 0.05;
const LEAST_DISK_BYTES = 200e6;
/** A Raspberry Pi slows down at 80 to 85 °C. */
const HOT_C = 80;
const BUSY_PCT = 95;

export class HealthWatch {
  /** The last sample; undefined before the first. */
  latest: Health | undefined;
  readonly #options: Required<HealthOptions>;
  #timer: NodeJS.Timeout | undefined;
  #said = new Set<string>();
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = { period_ms: PERIOD_MS, measure: measureHealth, ...options };
  }

  /** Samples now and then again and again, until it is closed. */
  start(): void {
    void this.sample().finally(() => {
      if (this.#closed) return;
      this.#timer = setTimeout(() => this.start(), this.#options.period_ms);
      this.#timer.unref();
    });
  }

  /** One sample. Never throws: what cannot be measured is said once. */
  async sample(): Promise<void> {
    const { folder, log, measure } = this.#options;
    try {
      this.latest = await withDeadline(measure(folder), DEADLINE_MS, "the machine's sensors");
    } catch (error) {
      const text = `health not measured: ${messageOf(error)}`;
      if (!this.#said.has('')) log.warn({ code: codeOf(error) }, text);
      this.#said.add('');
      return;
    }
    const now = new Map(troubles(this.latest));
    for (const [key, text] of now) if (!this.#said.has(key)) log.warn({ health: key }, text);
    for (const key of this.#said) if (!now.has(key)) log.info({ health: key || 'sensors' }, 'well again');
    this.#said = new Set(now.keys());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

/** What is wrong, by a short key, with a sentence that says what to do. */
export function troubles(health: Health): [key: string, text: string][] {
  const { cpu_pct, memoryAvailable_bytes, memoryTotal_bytes, diskFree_bytes, temperature_C } = health;
  const found: [string, string][] = [];
  const say = (wrong: boolean | null, key: string, text: string): void => {
    if (wrong === true) found.push([key, text]);
  };
  say(cpu_pct !== null && cpu_pct >= BUSY_PCT, 'cpu', `the processor is ${cpu_pct?.toFixed(0)} % busy`);
  const share =
    memoryAvailable_bytes === null || memoryTotal_bytes === null
      ? null
      : memoryAvailable_bytes / memoryTotal_bytes;
  say(
    share !== null && share < LEAST_MEMORY_SHARE,
    'memory',
    `${megabytes(memoryAvailable_bytes)} of memory are left`,
  );
  say(
    diskFree_bytes !== null && diskFree_bytes < LEAST_DISK_BYTES,
    'disk',
    `${megabytes(diskFree_bytes)} are free on the disk: what is buffered may be lost`,
  );
  say(temperature_C !== null && temperature_C >= HOT_C, 'temperature', `${temperature_C} °C: cool it`);
  const { undervoltage, throttled } = health.throttling;
  say(undervoltage, 'undervoltage', 'the supply is too weak: use one that holds 5.1 V under load');
  say(throttled, 'throttled', 'the processor is slowed down, by heat or supply');
  return found;
}

/** Measures this machine, with systeminformation. */
export async function measureHealth(folder: string): Promise<Health> {
  const { default: si } = await import('systeminformation');
  const { statfs } = await import('node:fs/promises');
  const [load, memory, temperature, disk] = await Promise.all([
    si.currentLoad(),
    si.mem(),
    si.cpuTemperature(),
    statfs(folder),
  ]);
  const known = (value: number | null | undefined): number | null =>
    typeof value === 'number' && Number.isFinite(value) ? value : null;
  return {
    cpu_pct: known(load.currentLoad),
    memoryAvailable_bytes: known(memory.available),
    memoryTotal_bytes: known(memory.total),
    diskFree_bytes: disk.bavail * disk.bsize,
    diskSize_bytes: disk.blocks * disk.bsize,
    temperature_C: known(temperature.main),
    throttling: throttling(),
  };
}

function megabytes(bytes: number | null): string {
  return bytes === null ? 'not said' : `${Math.round(bytes / 1e6)} MB`;
}
