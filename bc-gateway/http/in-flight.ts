/** Requests being answered: closing waits for them, and for nothing else that keeps a socket open. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

export class InFlight {
  #count = 0;
  #idle: (() => void) | undefined;

  constructor(app: FastifyInstance) {
    app.server.on('request', (_request: unknown, response: ServerResponse) => {
      this.#count++;
      response.once('close', () => {
        if (--this.#count === 0) this.#idle?.();
      });
    });
  }

  /** Resolves when every request that has begun is answered or given up. */
  async done(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }
}
