/** What the bench and the DERs' own processes say to each other, beside the market's topics. */

const ROOT = 'fieldbid/v1/lab/members';

export const memberTopics = {
  /** DER → bench, retained, its id: agent and inverter have been started. */
  ready: (derId: string) => `${ROOT}/${derId}/ready`,
  /** Bench → DER, request with the code that makes its key known. */
  enrol: (derId: string) => `${ROOT}/${derId}/enrol`,
  /** DER → bench, its id: its agent has come to the end of the calendar. */
  done: (derId: string) => `${ROOT}/${derId}/done`,
  /** Bench → DER, request: ends its agent. */
  stop: (derId: string) => `${ROOT}/${derId}/stop`,
  /** Bench → DER, request, answer {DeviceWrites} or null. */
  writes: (derId: string) => `${ROOT}/${derId}/writes`,
  /** DER → bench, now and then: instants of HELICS time that its process has had (federation/renewal.ts). */
  instants: (derId: string) => `${ROOT}/${derId}/instants`,
  /** Bench → all: the run has been recorded. */
  end: `${ROOT}/end`,
} as const;
