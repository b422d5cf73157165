/** Every topic on the bus, in the order of the flow. `{}` in a comment is the message's schema. */

const ROOT = 'fieldbid/v1';

export const topics = {
  /** Agent → DERA, request {EnrolmentRequest}, answer {EnrolmentAnswer}. */
  enrolments: (deraId: string) => `${ROOT}/dera/${deraId}/enrolments`,
  /** Agent → DERA, request {RotationRequest}, answer {EnrolmentAnswer}. */
  rotations: (deraId: string) => `${ROOT}/dera/${deraId}/rotations`,
  /** 3 · DER → DERA, request {Bid}, answer {BidReceipt}. */
  bids: (deraId: string) => `${ROOT}/dera/${deraId}/bids`,
  /** 8 · DERA → ISO, request {Offer}, answer {OfferReceipt}. */
  offers: `${ROOT}/iso/offers`,
  /** 9 · ISO → DERA, request {ClearedOffer}, answered when taken over. */
  clearedOffers: (deraId: string) => `${ROOT}/dera/${deraId}/cleared`,
  /** 9 · ISO → everybody, {Clearing}: price and curves. */
  clearings: `${ROOT}/iso/clearings`,
  /** 10 · DERA → DER, request {Award}, answered when taken over. */
  awards: (derId: string) => `${ROOT}/der/${derId}/awards`,
  /** 12 · DER → everybody, {CommandVerdict}. */
  verdicts: (derId: string) => `${ROOT}/der/${derId}/verdicts`,
  /** 1 · DER → everybody, {Measurement}. */
  measurements: (derId: string) => `${ROOT}/der/${derId}/measurements`,
  /** Agent → DERA, request {UplinkLoss}, answered when taken over: records that the agent's buffer gave up. */
  uplinkLosses: (deraId: string) => `${ROOT}/dera/${deraId}/losses`,
  /** DERA → everybody, {IntervalReport}: what the interval came to, step timings. */
  intervalReports: (deraId: string) => `${ROOT}/dera/${deraId}/intervals`,
  /** 13 · DERA → ISO, request {SettlementReport}, answer {SettlementAnswer}: the ISO reckons it again. */
  settlementChecks: `${ROOT}/iso/settlements`,
  /** 13 · DERA → everybody, {SettlementReport}: what an interval paid, and whom. */
  settlements: (deraId: string) => `${ROOT}/dera/${deraId}/settlements`,
  /** A DERA's own: what was published before is there when this is. */
  markers: (deraId: string) => `${ROOT}/dera/${deraId}/marker`,
  /** Birth and death of a program, retained, {AgentState}; death is its MQTT will. */
  agents: (agentId: string) => `${ROOT}/agents/${agentId}/state`,
  /** Bench → everybody, retained, {SharedClock}: market time where it is not real time. */
  clock: `${ROOT}/clock`,
  /** Bench → everybody, retained, {LabDescription}: what is on the bench. */
  lab: `${ROOT}/lab/description`,
  /** Bench → everybody, {GridState}: the feeder as it was solved last. */
  gridStates: `${ROOT}/lab/grid`,
  /** Bench → everybody, {FaultMark}: a fault began, or ended. */
  faultMarks: `${ROOT}/lab/faults`,
  /** Where answers to a client's requests arrive. */
  replies: (clientId: string) => `${ROOT}/replies/${clientId}`,
} as const;
