/** What is watched beside the cycles as the config says: the machine's health, and metrics for who scrapes them. */
import { dirname } from 'node:path';
import type { Logger } from '@fieldbid/core/logging';
import type { MetricsConfig } from '@fieldbid/core/metrics/config';
import type { CycleObserver } from './agent/observer.ts';
import { HealthWatch } from './health/health.ts';
import type { MetricsSources } from './metrics/metrics.ts';

export interface SiteWatch {
  /** Undefined: nobody wants to know. */
  readonly observer: CycleObserver | undefined;
  /** Where metrics are scraped. */
  readonly metricsUrl: string | undefined;
  close(): Promise<void>;
}

/** @throws InputError for a wrong section; FieldbidError `METRICS_PORT`. */
export async function watchSite(
  config: { readonly metrics?: MetricsConfig },
  file: string,
  { log, ...sources }: Pick<MetricsSources, 'devices' | 'buffer'> & { readonly log: Logger },
): Promise<SiteWatch> {
  const health = new HealthWatch({ log, folder: dirname(file) });
  if (config.metrics === undefined) {
    health.start();
    return { observer: undefined, metricsUrl: undefined, close: async () => health.close() };
  }
  const [{ AgentMetrics }, { metricsAccess, serveMetrics }] = await Promise.all([
    import('./metrics/metrics.ts'),
    import('@fieldbid/core/metrics/server'),
  ]);
  const access = metricsAccess(config.metrics, file);
  const observer = new AgentMetrics({ ...sources, health: () => health.latest });
  const server = await serveMetrics(observer, access);
  log.info({ url: server.url }, 'metrics can be scraped');
  health.start();
  return {
    observer,
    metricsUrl: server.url,
    close: async () => {
      health.close();
      await server.close();
    },
  };
}
