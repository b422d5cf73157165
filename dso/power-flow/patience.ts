/** How long engines are waited for, and how often they may fail, whichever program it is. */
export const LOAD_DEADLINE_MS = 60_000;
export const SOLVE_DEADLINE_MS = 5_000;
/** Times a case may take the process with it before it counts as one without a solution. */
export const CRASHES_PER_CASE = 2;
/** Starts in a row that may fail before the engine is reported as unavailable. */
export const START_ATTEMPTS = 2;
