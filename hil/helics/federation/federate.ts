/** One federate of this process: its time, its end of the bus and its values, whichever broker it is with. */
import type { Bus } from '@fieldbid/core/bus/bus';
import type { FieldbidError } from '@fieldbid/core/errors';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { BusNode, type FaultListener } from '../bus/bus-node.ts';
import { HelicsBus } from '../bus/helics-bus.ts';
import { Peers } from '../bus/peers.ts';
import { ENDPOINT_PREFIX, type NativeFederate } from '../library/native-federate.ts';
import { FederateTime } from '../time/federate-time.ts';
import { Instants } from '../time/instants.ts';

export interface FederateSpec {
  readonly name: string;
  /** Doubles that it publishes: key → unit. */
  readonly publications?: Readonly<Record<string, string>>;
  /** Keys of doubles that it takes. */
  readonly inputs?: readonly string[];
}

export interface Federate {
  readonly name: string;
  now(): number;
  join(name: string): TimeSource;
  connect(onFault?: FaultListener): Bus;
  /** Publishes values at this instant: key → value. */
  publish(values: Readonly<Record<string, number>>): Promise<void>;
  /** The value that came last, with the market time of its coming; undefined before the first. */
  input(key: string): { readonly value: number; readonly at_ms: number } | undefined;
  /** Resolves at the next micro-step of this instant. */
  step(): Promise<void>;
  /**
   * Resolves when all these values have come at this instant. A grant alone does not say so: it may overtake values that
   * another process published before.
   */
  gather(keys: readonly string[]): Promise<void>;
}

export interface Member {
  /** Another one after each renewal. */
  native: NativeFederate;
  readonly time: FederateTime;
  readonly bus: BusNode;
  readonly federate: Federate;
}

export interface MemberOptions {
  /** Market time at the beginning, epoch ms. */
  readonly start_ms: number;
  /** Called with who is at work when market time has not moved for `hangGuard_ms` real ms. */
  readonly onHang?: (names: string[]) => void;
  readonly hangGuard_ms?: number;
}

/** What a member tells its federation. */
export interface MemberCalls {
  readonly onLost: (error: FieldbidError) => void;
  readonly onGrant: (granted_ns: number) => void;
  readonly onRenewal: (time: FederateTime, at_ms: number, port: number) => void;
}

/** @param names of all federates of ours. */
export function memberOf(
  native: NativeFederate,
  names: readonly string[],
  options: MemberOptions,
  { onLost, onGrant, onRenewal }: MemberCalls,
): Member {
  const values = new Map<string, { value: number; at_ms: number }>();
  const time: FederateTime = new FederateTime({
    federate: native,
    instants: new Instants(options.start_ms),
    ...(options.onHang === undefined ? {} : { onHang: options.onHang }),
    ...(options.hangGuard_ms === undefined ? {} : { hangGuard_ms: options.hangGuard_ms }),
    onMessage: ({ source, bytes }) => bus.receive(source, bytes),
    onValue: (key, value) => values.set(key, { value, at_ms: time.now() }),
    onGrant,
    onLost,
  });
  const bus = new BusNode(
    {
      endpoint: native.endpoint,
      send: (endpoint, bytes) => time.send(() => member.native.send(endpoint, bytes)),
      expect: () => time.expect(),
      work: (name) => time.work(name),
      renew: (at_ms, port) => onRenewal(time, at_ms, port),
    },
    new Peers(names.filter((name) => name !== native.name).map((name) => ENDPOINT_PREFIX + name)),
  );
  const federate: Federate = {
    name: native.name,
    now: () => time.now(),
    join: (name) => time.join(name),
    connect: (onFault) => new HelicsBus(bus, onFault),
    publish: (published) =>
      time.send(() => {
        for (const [key, value] of Object.entries(published)) member.native.publish(key, value);
      }),
    input: (key) => values.get(key),
    step: () => time.step(),
    gather: async (keys) => {
      const isMissing = (key: string): boolean => values.get(key)?.at_ms !== time.now();
      while (keys.some(isMissing)) await time.step();
    },
  };
  const member: Member = { native, time, bus, federate };
  return member;
}
