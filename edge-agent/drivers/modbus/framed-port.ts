/**
 * Steps 1 and 11 · The port that modbus-serial writes its requests to and takes answers from. It stands in place
 * of modbus-serial's own, which count transactions modulo 256, never forget one, and look for an answer anywhere
 * in what came. One request is in flight at a time; what does not answer it reaches nobody.
 */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import {
  afterTcpFrames,
  answerInRtu,
  answerInTcp,
  type Found,
  type Request,
  rtuFrame,
  tcpFrame,
} from './framing.ts';

export type Framing = 'tcp' | 'rtu';

/** Nothing sent by a device before it is asked may grow without bound. */
const MOST_PENDING_BYTES = 4096;
const IDS = 0x1_0000;
/** Gateways that answer under wrong ids use small ones, or none: ours lie elsewhere, so that they are told apart. */
const FIRST_ID = 0x4000;

export class FramedPort extends EventEmitter {
  readonly stream: Duplex;
  readonly #framing: Framing;
  readonly #onMisfit: (why: string) => void;
  #pending: Buffer = EMPTY;
  #request: Request | undefined;
  #transactions = 0;
  #open = true;
  /** Gateways that answer under wrong ids: take what fits otherwise. Ids of earlier requests stay theirs. */
  anyTransactionId = false;
  /** Answers to the last request that were passed over because of their transaction id, for messages. */
  otherIds = 0;
  /** When bytes last came or went, `performance.now()`. */
  lastByte_ms = Number.NEGATIVE_INFINITY;

  /** @param onMisfit told when what came is no answer to the request in flight. */
  constructor(stream: Duplex, framing: Framing, onMisfit: (why: string) => void) {
    super();
    this.stream = stream;
    this.#framing = framing;
    this.#onMisfit = onMisfit;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', () => {}); // 'close' follows
    stream.on('close', () => {
      this.#open = false;
      this.emit('close');
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Called by modbus-serial; the stream is open already. */
  open(done: (error?: Error) => void): void {
    done();
  }

  /** Takes an RTU frame from modbus-serial and sends it in this medium's framing. */
  write(frame: Buffer): void {
    const body = frame.subarray(0, -2);
    const transactionId = (FIRST_ID + this.#transactions++) % IDS;
    this.#request = { unit: body[0] ?? 0, pdu: body.subarray(1), transactionId };
    if (this.#framing === 'rtu') this.#pending = EMPTY;
    this.otherIds = 0;
    this.lastByte_ms = performance.now();
    this.stream.write(this.#framing === 'tcp' ? tcpFrame(body, transactionId) : frame);
  }

  /** Forgets the request in flight; what still comes for it reaches nobody. */
  abandon(): void {
    this.#request = undefined;
  }

  #take(chunk: Buffer): void {
    this.lastByte_ms = performance.now();
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const { answer, wrong, rest, otherIds = 0 } = this.#look(bytes);
    this.#pending = rest;
    this.otherIds += otherIds;
    if (answer !== undefined) {
      this.#request = undefined;
      this.emit('data', rtuFrame(answer));
    } else if (wrong !== undefined) {
      this.#request = undefined;
      this.#onMisfit(wrong);
    } else if (rest.length > MOST_PENDING_BYTES) {
      this.#pending = EMPTY;
      this.#onMisfit(`more than ${MOST_PENDING_BYTES} bytes came that are no answer`);
    }
  }

  #look(bytes: Buffer): Found {
    const request = this.#request;
    if (this.#framing === 'rtu') return request === undefined ? { rest: EMPTY } : answerInRtu(bytes, request);
    // Duplicates and late answers are passed over frame by frame, so that the next one is found behind them.
    if (request === undefined) return afterTcpFrames(bytes);
    return answerInTcp(bytes, request, (id) => this.anyTransactionId && !this.#isEarlier(id));
  }

  /** Whether an id was given to a request before the one in flight: its answer is late, or a duplicate. */
  #isEarlier(id: number): boolean {
    const back = (((FIRST_ID + this.#transactions - 1 - id) % IDS) + IDS) % IDS;
    return back >= 1 && back < this.#transactions;
  }
}

const EMPTY = Buffer.alloc(0);
