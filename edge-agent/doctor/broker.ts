/** Doctor: the way to the broker. Reached, certificates valid, let in. Nothing is published. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { MqttBus, type MqttBusOptions } from '@fieldbid/core/bus/mqtt-bus';
import { InputError, messageOf, withDeadline } from '@fieldbid/core/errors';
import { isLoopback } from '@fieldbid/core/loopback';
import { type BrokerConfig, busOptions } from '@fieldbid/core/service-config';
import { type Finding, Findings } from './finding.ts';

const DEADLINE_MS = 5000;
const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
/** IANA: mqtt, secure-mqtt. */
const PORTS = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

export async function checkBroker(config: BrokerConfig, agentId: string, file: string): Promise<Finding[]> {
  const findings = new Findings('broker');
  let options: MqttBusOptions;
  try {
    // Another name than the agent's: a second client of the same name would throw the agent out.
    options = busOptions(config, `${agentId}-doctor`, file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    findings.fail('settings', error.message, 'correct the config');
    return findings.list;
  }
  if (!URL.canParse(options.url)) {
    findings.fail('settings', `${JSON.stringify(options.url)} is no URL`, 'mqtts://HOST:PORT');
    return findings.list;
  }
  const url = new URL(options.url);
  const tls = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || PORTS[tls ? 'mqtts:' : 'mqtt:'];
  if (!(await reached(host, port, findings))) return findings.list;
  if (tls) {
    checkOwn(options, findings);
    if (!(await checkServer(host, port, options, findings))) return findings.list;
  } else if (!isLoopback(host)) {
    const found = 'no TLS: everything crosses the network in clear';
    findings.warning('encryption', found, 'use mqtts:// with caFile');
  }
  try {
    await (await MqttBus.connect(options)).close();
    findings.ok('login', options.username === undefined ? 'taken' : `taken as ${options.username}`);
  } catch (error) {
    const todo = 'check username, passwordFile, certFile and keyFile, and what the broker allows this client';
    findings.fail('login', messageOf(error), todo);
  }
  return findings.list;
}

async function reached(host: string, port: number, findings: Findings): Promise<boolean> {
  const socket: Socket = connect({ host, port });
  try {
    await withDeadline(once(socket, 'connect'), DEADLINE_MS, `${host}:${port}`);
    findings.ok('reached', `${host}:${port}`);
    return true;
  } catch (error) {
    const todo = 'is the broker running, its name and port right, no firewall between?';
    findings.fail('reached', `no connection to ${host}:${port}: ${messageOf(error)}`, todo);
    return false;
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

/** Looks at the broker's certificate even when it is no good, to say what is wrong with it. */
async function checkServer(
  host: string,
  port: number,
  { ca, cert, key }: MqttBusOptions,
  findings: Findings,
): Promise<boolean> {
  let socket: TLSSocket | undefined;
  try {
    socket = connectTls({
      ...{ host, port, rejectUnauthorized: false },
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    await withDeadline(once(socket, 'secureConnect'), DEADLINE_MS, `TLS with ${host}:${port}`);
    const peer = socket.getPeerCertificate();
    const name = subjectOf(peer) ?? host;
    const expired = checkExpiry("the broker's", name, Date.parse(peer.valid_to), findings);
    if (socket.authorized) findings.ok('certificate', `${name} is trusted`);
    else if (!expired) {
      const why = String(socket.authorizationError);
      const todo = 'give the CA that has issued it as caFile; its name must be the one in the URL';
      findings.fail('certificate', `${name} is not trusted: ${why}`, todo);
    }
    return socket.authorized;
  } catch (error) {
    const todo = 'does the broker speak TLS on this port, and take our certificate?';
    findings.fail('certificate', messageOf(error), todo);
    return false;
  } finally {
    socket?.on('error', () => {});
    socket?.destroy();
  }
}

function subjectOf({ subject }: PeerCertificate): string | undefined {
  const name: unknown = subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function checkOwn({ cert }: MqttBusOptions, findings: Findings): void {
  if (cert === undefined) return;
  try {
    const own = new X509Certificate(cert);
    checkExpiry('our', own.subject.replace(/\n/g, ', '), Date.parse(own.validTo), findings);
  } catch (error) {
    findings.fail('certificate', `certFile is none: ${messageOf(error)}`, 'give a PEM file');
  }
}

/** @returns whether it has expired. */
function checkExpiry(whose: string, name: string, validTo_ms: number, findings: Findings): boolean {
  const days = Math.floor((validTo_ms - Date.now()) / DAY_MS);
  const until = new Date(validTo_ms).toISOString().slice(0, 10);
  const todo = `renew ${whose} certificate; if it was not yet old, look at this machine's clock`;
  if (days < 0) findings.fail('expiry', `${whose} certificate ${name} expired on ${until}`, todo);
  else if (days < SOON_DAYS)
    findings.warning('expiry', `${whose} certificate ${name} ends on ${until}`, todo);
  else findings.ok('expiry', `${whose} certificate ${name} is good until ${until}`);
  return days < 0;
}
