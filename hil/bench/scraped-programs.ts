/**
 * Metrics of separate processes on one machine: a port for each program, one after the other, and the Prometheus configuration
 * that scrapes them all.
 */
import { fileURLToPath } from 'node:url';

/** Of the Prometheus job; the alerts and the dashboard select by it. */
const JOB = 'fieldbid';
const ALERTS = fileURLToPath(new URL('../../docs/examples/monitoring/fieldbid-alerts.yml', import.meta.url));

export class ScrapedPrograms {
  readonly #firstPort: number | undefined;
  readonly #targets: { readonly program: string; readonly listen: string }[] = [];

  /** @param firstPort of the first program, the others follow; absent: nothing listens. */
  constructor(firstPort: number | undefined) {
    this.#firstPort = firstPort;
  }

  /** The section of a program's config; empty where nothing listens. @param program its label in Prometheus. */
  section(program: string): { metrics?: { listen: string } } {
    if (this.#firstPort === undefined) return {};
    const listen = `127.0.0.1:${this.#firstPort + this.#targets.length}`;
    this.#targets.push({ program, listen });
    return { metrics: { listen } };
  }

  /** What Prometheus reads, as docs/examples/monitoring/prometheus.yml; undefined where nothing listens. */
  prometheusConfig(): Record<string, unknown> | undefined {
    if (this.#targets.length === 0) return undefined;
    return {
      global: { scrape_interval: '15s' },
      scrape_configs: [
        {
          job_name: JOB,
          static_configs: this.#targets.map(({ program, listen }) => ({
            targets: [listen],
            labels: { program },
          })),
        },
      ],
      rule_files: [ALERTS],
    };
  }
}
