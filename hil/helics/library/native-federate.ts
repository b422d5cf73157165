/** One federate as libhelics has it: an endpoint for messages, publications and inputs by key, and time in ns. */
import type { FieldbidError } from '@fieldbid/core/errors';
import {
  FLAG_TERMINATE_ON_ERROR,
  type Handle,
  type HelicsApi,
  LOG_LEVEL_NO_PRINT,
  PROPERTY_LOG_LEVEL,
} from './api.ts';
import { CORE_TYPE } from './core-type.ts';

export interface CoreOptions {
  /** Federates of one core name share one core, and one connection to the broker. */
  readonly coreName: string;
  /** How many federates the core has. */
  readonly coreFederates: number;
  /** The broker, `host:port`. */
  readonly broker: string;
}

export interface NativeFederateOptions extends CoreOptions {
  readonly name: string;
  /** Published values: key → unit. All are doubles. */
  readonly publications: Readonly<Record<string, string>>;
  /** Keys of values published elsewhere. */
  readonly inputs: readonly string[];
}

export interface NativeMessage {
  /** Name of the endpoint that sent it. */
  readonly source: string;
  readonly bytes: Buffer;
}

/** Endpoints of ours, among those of others. */
export const ENDPOINT_PREFIX = 'fieldbid/bus/';
const NS_PER_S = 1e9;
/** HELICS reports the end of all time as this, s. */
const END_S = 9e9;
/** What a core waits for its broker to appear; then for news from it, by heartbeat. */
const CONNECT_PATIENCE = '60s';
const HEARTBEAT = '4s';
/** What a query waits for its answer. */
const ANSWER_PATIENCE = '4s';

export class NativeFederate {
  readonly name: string;
  readonly #api: HelicsApi;
  readonly #federate: Handle;
  readonly #endpoint: Handle;
  readonly #publications: ReadonlyMap<string, Handle>;
  readonly #inputs: ReadonlyMap<string, Handle>;
  /** Its handle is libhelics's again. */
  #left = false;

  /**
   * Connects to the broker and says what there will be. All federates of the federation have to come this far
   * before anybody can `enter`.
   * @throws FieldbidError `HELICS_FAILED`
   */
  static async create(api: HelicsApi, options: NativeFederateOptions): Promise<NativeFederate> {
    const info = api.plain<Handle>('createFederateInfo');
    const init = [
      `--federates=${options.coreFederates}`,
      `--broker_address=${options.broker}`,
      `--networktimeout=${CONNECT_PATIENCE}`,
      `--tick=${HEARTBEAT}`,
      `--querytimeout=${ANSWER_PATIENCE}`,
      '--loglevel=no_print',
    ];
    api.call('federateInfoSetCoreTypeFromString', info, CORE_TYPE);
    api.call('federateInfoSetCoreName', info, options.coreName);
    api.call('federateInfoSetCoreInitString', info, init.join(' '));
    api.call('federateInfoSetFlagOption', info, FLAG_TERMINATE_ON_ERROR, 1);
    api.call('federateInfoSetIntegerProperty', info, PROPERTY_LOG_LEVEL, LOG_LEVEL_NO_PRINT);
    try {
      const federate = await api.callAsync<Handle>('createCombinationFederate', options.name, info);
      return new NativeFederate(api, federate, options);
    } finally {
      api.plain<void>('federateInfoFree', info);
    }
  }

  private constructor(
    api: HelicsApi,
    federate: Handle,
    { name, publications, inputs }: NativeFederateOptions,
  ) {
    this.#api = api;
    this.name = name;
    this.#federate = federate;
    this.#endpoint = api.call<Handle>('federateRegisterGlobalEndpoint', federate, ENDPOINT_PREFIX + name, '');
    this.#publications = new Map(
      Object.entries(publications).map(([key, unit]) => [
        key,
        api.call<Handle>('federateRegisterGlobalTypePublication', federate, key, 'double', unit),
      ]),
    );
    this.#inputs = new Map(
      inputs.map((key) => [key, api.call<Handle>('federateRegisterSubscription', federate, key, '')]),
    );
  }

  /** Resolves when every federate of the federation is there: time is zero. */
  enter(): Promise<void> {
    return this.#api.callAsync('federateEnterExecutingMode', this.#federate);
  }

  /** @returns the time granted, ns, at most `t_ns`; undefined when all federates have come to the end of time. */
  async requestTime(t_ns: number): Promise<number | undefined> {
    const granted_s = await this.#api.callAsync<number>(
      'federateRequestTime',
      this.#federate,
      t_ns / NS_PER_S,
    );
    return granted_s >= END_S ? undefined : Math.round(granted_s * NS_PER_S);
  }

  /**
   * Whether the core of another federate answers: it does so by itself, also while the federate is at work or waits. May be
   * asked at any time.
   */
  async answers(federate: string): Promise<boolean> {
    if (this.#left) return true; // nobody can be asked
    const query = this.#api.plain<Handle>('createQuery', federate, 'current_time');
    try {
      const core = this.#api.call<Handle>('federateGetCore', this.#federate);
      return isAnswer(await this.#api.callAsync<string>('queryCoreExecute', query, core));
    } catch {
      return false;
    } finally {
      this.#api.plain<void>('queryFree', query);
    }
  }

  get endpoint(): string {
    return ENDPOINT_PREFIX + this.name;
  }

  /** Not while a time is asked for. */
  send(endpoint: string, bytes: Uint8Array): void {
    this.#api.call('endpointSendBytesTo', this.#endpoint, bytes, bytes.length, endpoint);
  }

  /** Not while a time is asked for. */
  publish(key: string, value: number): void {
    const publication = this.#publications.get(key);
    if (publication === undefined) throw new RangeError(`${this.name} has no publication ${key}`);
    this.#api.call('publicationPublishDouble', publication, value);
  }

  /** Messages that came with the last grant. */
  *messages(): Generator<NativeMessage> {
    while (this.#api.plain<number>('endpointHasMessage', this.#endpoint) !== 0) {
      const message = this.#api.plain<Handle>('endpointGetMessage', this.#endpoint);
      const source = this.#api.plain('messageGetOriginalSource', message);
      const bytes = this.#api.bytesOf(message);
      this.#api.plain<void>('messageFree', message);
      yield { source, bytes };
    }
  }

  /** Values that came with the last grant. */
  *updates(): Generator<readonly [key: string, value: number]> {
    for (const [key, input] of this.#inputs) {
      if (this.#api.plain<number>('inputIsUpdated', input) === 0) continue;
      yield [key, this.#api.call<number>('inputGetDouble', input)];
    }
  }

  /** Leaves the federation. Not while a time is asked for. */
  async leave(): Promise<void> {
    this.#left = true;
    await this.#api.callAsync('federateDisconnect', this.#federate);
    this.#api.plain<void>('federateFree', this.#federate);
  }

  /** Ends the federation for everybody, a call that waits in this process included. Never throws. */
  breakOff(error: FieldbidError): void {
    if (this.#left) return;
    try {
      this.#api.call('federateGlobalError', this.#federate, 1, error.message);
    } catch {
      // It is lost already.
    }
  }
}

/** HELICS answers what it cannot find out with an error as JSON, or `#timeout` and the like. */
function isAnswer(text: string): boolean {
  return !text.startsWith('#') && !text.includes('"error"');
}
