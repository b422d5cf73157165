/** Answers `GET /metrics`. Loopback by default; where other machines can ask, a bearer token is needed. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { besideFile, readText } from '../config.ts';
import { FieldbidError, InputError, messageOf } from '../errors.ts';
import { holdsBearer } from '../http/bearer.ts';
import { listenAddress } from '../http/listen.ts';
import type { Logger } from '../logging.ts';
import { isLoopback } from '../loopback.ts';
import type { MetricsConfig } from './config.ts';

/** What is shown: of prom-client's registry, or what has the same two. */
export interface MetricsText {
  /** Text exposition format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

const MOST_CONNECTIONS = 16;
const REQUEST_DEADLINE_MS = 5000;
const LEAST_TOKEN_CHARACTERS = 16;

/** Where to listen, and the token, from the config. @throws InputError. */
export function metricsAccess(
  { listen, tokenFile }: MetricsConfig,
  configFile: string,
): { host: string; port: number; token: string | undefined } {
  const { host, port } = listenAddress(listen);
  const wrong = (key: string, found: string, expected: string): InputError =>
    new InputError({ source: configFile, path: `/metrics/${key}`, found, expected });
  if (port > 65_535) throw wrong('listen', JSON.stringify(listen), 'HOST:PORT, such as 127.0.0.1:9464');
  const token = tokenFile === undefined ? undefined : readText(besideFile(configFile, tokenFile)).trim();
  if (token !== undefined && token.length < LEAST_TOKEN_CHARACTERS) {
    throw wrong('tokenFile', `${token.length} characters`, `a token of ${LEAST_TOKEN_CHARACTERS} or more`);
  }
  if (!isLoopback(host) && token === undefined) {
    throw wrong('tokenFile', `none, while other machines can ask at ${host}`, 'a file with a bearer token');
  }
  return { host, port, token };
}

/** @throws FieldbidError `METRICS_PORT` when it cannot listen there. */
export async function serveMetrics(
  metrics: MetricsText,
  { host, port, token }: { host: string; port: number; token: string | undefined },
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void answer(metrics, token, request, response).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.requestTimeout = REQUEST_DEADLINE_MS;
  server.headersTimeout = REQUEST_DEADLINE_MS;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const text = `metrics: cannot listen on ${host}:${port}: ${messageOf(cause)}`;
    throw new FieldbidError('METRICS_PORT', text, { cause });
  }
  // A monitor must never keep a program from ending.
  server.unref();
  return { url: urlOf(server, host), close: () => closed(server) };
}

/** The metrics of a service whose config may have none. @returns what ends it. */
export async function serveConfigured(
  metrics: MetricsText,
  config: MetricsConfig | undefined,
  configFile: string,
  log: Logger,
): Promise<() => Promise<void>> {
  if (config === undefined) return async () => {};
  const served = await serveMetrics(metrics, metricsAccess(config, configFile));
  log.info({ url: served.url }, 'metrics');
  return () => served.close();
}

async function answer(
  metrics: MetricsText,
  token: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const end = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(text);
  };
  if (token !== undefined && !holdsBearer(request.headers.authorization, token)) {
    end(401, 'a bearer token is needed\n', { 'www-authenticate': 'Bearer' });
  } else if (request.url?.split('?')[0] !== '/metrics') {
    end(404, 'there is /metrics\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    end(405, 'GET only\n', { allow: 'GET, HEAD' });
  } else {
    end(200, await metrics.text(), { 'content-type': metrics.contentType });
  }
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`;
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const end = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await end;
}
