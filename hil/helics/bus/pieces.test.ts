import { isDeepStrictEqual } from 'node:util';
import { LARGEST_MESSAGE_BYTES } from '@fieldbid/core/bus/envelope';
import test from 'ava';
import fc from 'fast-check';
import { openTestFederation } from '../testing.ts';
import { cut, MOST_BYTES, Pieces } from './pieces.ts';

test('what was cut is whole again, whatever the order of its pieces and whoever else sends', (t) => {
  const messages = fc.array(
    fc.record({
      source: fc.constantFrom('a', 'b'),
      length: fc.integer({ min: 1, max: 6 * MOST_BYTES }),
      fill: fc.integer({ min: 2, max: 255 }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(messages, fc.infiniteStream(fc.nat()), (sent, order) => {
      const pieces = sent.flatMap(({ source, length, fill }, serial) =>
        cut(Buffer.alloc(length, fill), serial).map((piece) => ({ source, piece: Buffer.from(piece) })),
      );
      for (const { piece } of pieces) t.true(piece.length <= MOST_BYTES);
      const shuffled = pieces.map((one) => ({ one, at: order.next().value })).sort((x, y) => x.at - y.at);
      const together = new Pieces();
      const whole = shuffled.flatMap(({ one }) => together.take(one.source, one.piece) ?? []);
      const key = (bytes: Uint8Array): string => `${bytes.length} × ${bytes[0]}`;
      t.deepEqual(whole.map(key).sort(), sent.map(({ length, fill }) => `${length} × ${fill}`).sort());
    }),
    { numRuns: 100 },
  );
});

test('what is no piece, or of more pieces than a message may have, is not kept', (t) => {
  const pieces = new Pieces();
  const header = (index: number, count: number): Buffer => {
    const bytes = Buffer.alloc(20, 7);
    bytes.writeUInt8(1, 0);
    bytes.writeUInt32BE(0, 1);
    bytes.writeUInt32BE(index, 5);
    bytes.writeUInt32BE(count, 9);
    return bytes;
  };
  t.is(pieces.take('x', Buffer.from([1])), undefined);
  t.is(pieces.take('x', header(0, 4_000_000_000)), undefined);
  t.is(pieces.take('x', header(2, 2)), undefined);
});

test.serial('a message of a megabyte arrives whole over HELICS, between two cores', async (t) => {
  const { federation, far, close } = await openTestFederation([{ name: 'near' }], { far: [{ name: 'far' }] });
  try {
    const [a, b] = [federation.federate('near').connect(), far!.federate('far').connect()];
    const long = { text: 'ü€😀"'.repeat(90_000) };
    const arrived: unknown[] = [];
    await b.subscribe('lab/+', ({ topic, message }) => {
      arrived.push([topic, isDeepStrictEqual(message, long)]);
    });
    await a.publish('lab/kept', long, { retain: true });
    await a.publish('lab/long', long);
    const answered = await b.respond('echo', async ({ message }) => message);
    t.true(isDeepStrictEqual(await a.request('echo', long, 30_000), long));
    t.deepEqual(arrived, [
      ['lab/kept', true],
      ['lab/long', true],
    ]);
    await answered.close();
    const tooLong = await t.throwsAsync(
      a.publish('lab/long', 'x'.repeat(LARGEST_MESSAGE_BYTES), { retain: true }),
    );
    t.like(tooLong, { code: 'BUS_MESSAGE_TOO_LARGE' });
  } finally {
    await close();
  }
});
