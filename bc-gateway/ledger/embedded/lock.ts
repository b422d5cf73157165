/**
 * Many executions at once or one commit: an execution sees one committed state from its first read to its
 * last, as on a Fabric peer. First come, first served, so that neither side starves.
 */
interface Waiting {
  readonly exclusive: boolean;
  readonly go: () => void;
}

export class ReadWriteLock {
  #readers = 0;
  #writing = false;
  readonly #queue: Waiting[] = [];

  shared<T>(work: () => Promise<T>): Promise<T> {
    return this.#with(false, work);
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#with(true, work);
  }

  async #with<T>(exclusive: boolean, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#queue.push({ exclusive, go });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      if (exclusive) this.#writing = false;
      else this.#readers--;
      this.#admit();
    }
  }

  #admit(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.#writing || (first.exclusive && this.#readers > 0)) return;
      this.#queue.shift();
      if (first.exclusive) this.#writing = true;
      else this.#readers++;
      first.go();
    }
  }
}
