/**
 * What simulated OPC UA devices have in common: a real server, encrypted, with a certificate of its own and a user, that
 * can be taken off the network and counts what its clients have written.
 */
import './quiet.ts';
import { timingSafeEqual } from 'node:crypto';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { MessageSecurityMode, SecurityPolicy } from 'node-opcua-client';
import { nodesets } from 'node-opcua-nodesets';
import { OPCUAServer, RegisterServerMethod, type ServerSession } from 'node-opcua-server';
import { openServerPki, SERVER_URI, serverCertificateFile } from './server-pki.ts';

export type AddressSpace = NonNullable<OPCUAServer['engine']['addressSpace']>;

export interface SimulatedServerOptions {
  /** Path of its endpoint: `/inverter`. */
  readonly resourcePath: string;
  readonly name: string;
  /** Where its certificate and key lie, and those of clients; made on first use. */
  readonly pkiFolder: string;
  /** Who may enter; anybody when absent. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly addNodes: (addressSpace: AddressSpace) => void;
  /** A Write or Call request was answered, and at least one part of it was taken. */
  readonly onTaken: () => void;
}

/** Sessions of clients that went away stay until their timeout. */
const MOST_SESSIONS = 100;

export class SimulatedServer {
  readonly #options: SimulatedServerOptions;
  readonly #sessions = new Set<ServerSession>();
  #server: OPCUAServer | undefined;
  #offline = false;
  #port = 0;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
  }

  /** Starts answering. Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
  async listen(host: string, port: number): Promise<{ port: number; endpoint: string }> {
    const { pkiFolder, resourcePath, addNodes } = this.#options;
    const server = this.#serverFor(host, port, await openServerPki(pkiFolder, host));
    try {
      await server.initialize();
      addNodes(server.engine.addressSpace!);
      await server.start();
    } catch (cause) {
      await server.shutdown(0).catch(() => {});
      throw new FieldbidError('SIM_PORT', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, { cause });
    }
    this.#server = server;
    this.#port = server.endpoints[0]?.port ?? port;
    return { port: this.#port, endpoint: `opc.tcp://${host}:${this.#port}${resourcePath}` };
  }

  /** The TCP port that it answers on; 0 before `listen`. */
  get port(): number {
    return this.#port;
  }

  /** PEM: what a client's owner trusts. */
  get certificateFile(): string {
    return serverCertificateFile(this.#options.pkiFolder);
  }

  /** Connections are dropped and not accepted. */
  get offline(): boolean {
    return this.#offline;
  }

  set offline(offline: boolean) {
    this.#offline = offline;
    if (offline) for (const endpoint of this.#server?.endpoints ?? []) endpoint.abruptlyInterruptChannels();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#sessions.clear();
    await server?.shutdown(0);
  }

  /** Loses its clients' subscriptions without a word, as a server with a full memory may. */
  forgetSubscriptions(): void {
    for (const session of this.#sessions) {
      for (const { id } of [...session.publishEngine.subscriptions]) session.deleteSubscription(id);
    }
  }

  #serverFor(host: string, port: number, certificates: OPCUACertificateManager): OPCUAServer {
    const { name, onTaken, resourcePath, user } = this.#options;
    const server = new OPCUAServer({
      host,
      port,
      hostname: host,
      resourcePath,
      serverInfo: { applicationUri: SERVER_URI, applicationName: { text: name } },
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
        isValidUser: (given: string, password: string) =>
          user !== undefined && same(given, user.name) && same(password, user.password),
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
      if (taken === true) onTaken();
    });
    return server;
  }
}

/** Without telling by its time how much of a password was right. */
function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
