/**
 * A PV inverter that is a real OPC UA server: encrypted, with a certificate of its own and a user. The same physics
 * as the SunSpec one (inverter-physics.ts), measured with the same resolution; sunlight and grid voltage come from
 * outside, time is market time.
 */
import './quiet.ts';
import { timingSafeEqual } from 'node:crypto';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { MessageSecurityMode, SecurityPolicy } from 'node-opcua-client';
import { nodesets } from 'node-opcua-nodesets';
import { OPCUAServer, RegisterServerMethod, type ServerSession } from 'node-opcua-server';
import { InverterPhysics } from '../inverter-physics.ts';
import type { Faults } from '../simulated-inverter.ts';
import { InverterNodes } from './inverter-nodes.ts';
import { openServerPki, SERVER_URI, serverCertificateFile } from './server-pki.ts';

export interface SimulatedOpcUaInverterOptions {
  readonly serial: string;
  /** One letter for a single-phase inverter, `ABC` for a three-phase one. */
  readonly phases: string;
  /** Nameplate, W. */
  readonly rating_W: number;
  /** Line to neutral, V. */
  readonly nominal_V: number;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** PV power before any limit, W, at a market time. */
  readonly available_W: (t_ms: number) => number;
  /** Where its certificate and key lie, and those of clients; made on first use. */
  readonly pkiFolder: string;
  /** Who may enter; anybody when absent. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Ramp, percent of rating a second; 25 by default. */
  readonly ramp_pct_per_s?: number;
  /** Energy counter at the start, Wh. */
  readonly lifetime_Wh?: number;
}

export const RESOURCE_PATH = '/inverter';
const DEFAULT_LIFETIME_WH = 1_000_000;
/** Sessions of clients that went away stay until their timeout. */
const MOST_SESSIONS = 100;

export class SimulatedOpcUaInverter {
  readonly faults: Faults;
  /** Write and Call requests that were taken. */
  writeTransactions = 0;
  /** When the last of them was answered, market epoch ms. */
  lastWriteAt_ms = Number.NEGATIVE_INFINITY;
  readonly #options: SimulatedOpcUaInverterOptions;
  readonly #physics: InverterPhysics;
  readonly #nodes: InverterNodes;
  readonly #sessions = new Set<ServerSession>();
  #server: OPCUAServer | undefined;
  #offline = false;
  #port = 0;

  constructor(options: SimulatedOpcUaInverterOptions) {
    const { rating_W, nominal_V, phases } = options;
    if (!(rating_W > 0 && rating_W <= 10_000_000)) throw new RangeError(`a rating of ${rating_W} W`);
    if (!/^([ABC]|ABC)$/.test(phases)) throw new RangeError(`phases ${phases}: A, B, C or ABC`);
    this.#options = options;
    this.#physics = new InverterPhysics(
      {
        rating_W,
        now: options.now,
        available_W: options.available_W,
        ramp_pct_per_s: options.ramp_pct_per_s ?? 25,
        revertTo_pct: null,
      },
      options.lifetime_Wh ?? DEFAULT_LIFETIME_WH,
    );
    this.#nodes = new InverterNodes({
      plate: {
        manufacturer: 'fieldbid',
        model: phases.length === 3 ? 'Simulated PV 3ph' : 'Simulated PV 1ph',
        version: '1.0',
        serial: options.serial,
        rating_W,
      },
      physics: this.#physics,
      voltages_V: Array.from(phases, () => nominal_V),
      now: options.now,
    });
    this.faults = this.#switches();
  }

  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  async listen(host: string, port: number): Promise<{ port: number; endpoint: string }> {
    const server = this.#serverFor(host, port, await openServerPki(this.#options.pkiFolder, host));
    try {
      await server.initialize();
      this.#nodes.addTo(server.engine.addressSpace!);
      await server.start();
    } catch (cause) {
      await server.shutdown(0).catch(() => {});
      throw new FieldbidError('SIM_PORT', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, { cause });
    }
    this.#server = server;
    this.#port = server.endpoints[0]?.port ?? port;
    return { port: this.#port, endpoint: `opc.tcp://${host}:${this.#port}${RESOURCE_PATH}` };
  }

  /** The TCP port that it answers on; 0 before `listen`. */
  get port(): number {
    return this.#port;
  }

  /** PEM: what a client's owner trusts. */
  get certificateFile(): string {
    return serverCertificateFile(this.#options.pkiFolder);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#sessions.clear();
    await server?.shutdown(0);
  }

  /** True AC power now, W, injection positive: what a meter at the terminals would see. */
  terminalPower_W(): number {
    return this.#physics.power_W;
  }

  /** True lifetime energy, Wh. */
  energy_Wh(): number {
    return this.#physics.energy_Wh;
  }

  /** Limit in force now, percent of the rating; null when none. */
  limitInForce_pct(): number | null {
    return this.#physics.limitInForce_pct;
  }

  /** Grid voltage at the terminals in per unit of nominal, one per phase. */
  setVoltages_pu(voltages_pu: readonly number[]): void {
    this.#nodes.setVoltages_V(voltages_pu.map((pu) => pu * this.#options.nominal_V));
  }

  /** Text of its alarm node. */
  setAlarm(text: string): void {
    this.#nodes.alarm = text;
  }

  /** How good a node's value is from now on: `ActivePower`, `Uncertain`. */
  setQuality(node: string, quality: 'Good' | 'Uncertain' | 'Bad'): void {
    this.#nodes.qualities.set(node, quality);
  }

  /** Loses its clients' subscriptions without a word, as a server with a full memory may. */
  forgetSubscriptions(): void {
    for (const session of this.#sessions) {
      for (const { id } of [...session.publishEngine.subscriptions]) session.deleteSubscription(id);
    }
  }

  #serverFor(host: string, port: number, certificates: OPCUACertificateManager): OPCUAServer {
    const { user } = this.#options;
    const server = new OPCUAServer({
      host,
      port,
      hostname: host,
      resourcePath: RESOURCE_PATH,
      serverInfo: { applicationUri: SERVER_URI, applicationName: { text: 'fieldbid simulated inverter' } },
      serverCertificateManager: certificates,
      userCertificateManager: certificates,
      certificateFile: this.certificateFile,
      securityModes: [MessageSecurityMode.SignAndEncrypt, MessageSecurityMode.Sign],
      securityPolicies: [
        SecurityPolicy.Basic256Sha256,
        SecurityPolicy.Aes128_Sha256_RsaOaep,
        SecurityPolicy.Aes256_Sha256_RsaPss,
      ],
      allowAnonymous: user === undefined,
      userManager: {
        isValidUser: (name: string, password: string) =>
          user !== undefined && same(name, user.name) && same(password, user.password),
      },
      nodeset_filename: [nodesets.standard],
      serverCapabilities: { maxSessions: MOST_SESSIONS },
      maxConnectionsPerEndpoint: MOST_SESSIONS,
      registerServerMethod: RegisterServerMethod.HIDDEN,
      isAuditing: false,
    });
    server.on('newChannel', (channel) => {
      if (this.#offline) channel.abruptlyInterrupt();
    });
    server.on('session_activated', (session) => this.#sessions.add(session));
    server.on('session_closed', (session) => this.#sessions.delete(session));
    server.on('response', (response) => {
      const { results } = response as unknown as {
        results?: { isGood?(): boolean; statusCode?: { isGood(): boolean } }[];
      };
      if (!['WriteResponse', 'CallResponse'].includes(response.schema.name)) return;
      const taken = results?.some((result) => (result.statusCode ?? result).isGood?.() === true);
      if (taken !== true) return;
      this.writeTransactions++;
      this.lastWriteAt_ms = this.#options.now();
    });
    return server;
  }

  #switches(): Faults {
    const inverter = this;
    return {
      get offline() {
        return inverter.#offline;
      },
      set offline(offline) {
        inverter.#offline = offline;
        if (offline)
          for (const endpoint of inverter.#server?.endpoints ?? []) endpoint.abruptlyInterruptChannels();
      },
      get ignoreLimit() {
        return !inverter.#physics.obeys;
      },
      set ignoreLimit(ignore) {
        inverter.#physics.advance();
        inverter.#physics.obeys = !ignore;
      },
      get frozen() {
        return inverter.#nodes.isFrozen;
      },
      set frozen(frozen) {
        inverter.#nodes.freeze(frozen);
      },
    };
  }
}

/** Without telling by its time how much of a password was right. */
function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
