/**
 * Which DERs are spoken for: agents announce themselves on the bus (retained), and the broker announces their
 * death (MQTT will). A DER without a living agent is `silent`: nobody limits it, and the DSO must be told.
 */
import type { Received } from '@fieldbid/core/bus/bus';
import { AgentState } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';

export class AgentPresence {
  readonly #agents = new Map<string, AgentState>();

  /** @throws InputError for a malformed announcement (the bus reports it). */
  take({ topic, message }: Received): AgentState {
    const state = parse(AgentState, message, topic);
    this.#agents.set(state.agentId, state);
    return state;
  }

  isAlive(derId: string): boolean {
    for (const { alive, devices } of this.#agents.values()) {
      if (alive && devices.includes(derId)) return true;
    }
    return false;
  }
}
