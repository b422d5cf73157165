/**
 * The process that OpenDSS runs in. It holds one circuit and answers one request after the other. The library
 * can neither take the service down from here, nor keep it waiting: the engine ends this process when it is late.
 */
import { messageOf } from '@fieldbid/core/errors';
import { CaseSolver } from './case-solver.ts';
import { DssError, DssLibrary } from './dss-library.ts';
import type { Reply, Request } from './exchange.ts';

let solver: CaseSolver | undefined;

function handle(request: Request): Reply {
  if (request.op === 'load') {
    const dss = new DssLibrary(request.library);
    solver = new CaseSolver(dss, request);
    return { ok: true, op: 'load', version: dss.version };
  }
  if (solver === undefined) throw new RangeError('no circuit is loaded');
  return { ok: true, op: 'solve', records: solver.solve(request.cases, request.count, request.full) };
}

process.on('message', (request: Request) => {
  let reply: Reply;
  try {
    reply = handle(request);
  } catch (error) {
    reply = { ok: false, by: error instanceof DssError ? 'circuit' : 'worker', reason: messageOf(error) };
  }
  process.send?.(reply);
});

// Whoever asked is gone: nobody else would end this process.
process.on('disconnect', () => process.exit(0));
