import test from 'ava';
import fc from 'fast-check';
import { answerInRtu, answerInTcp, crc16, type Request, rtuFrame, tcpFrame } from './framing.ts';

test('CRC as the serial line specification works it out (V1.02, 6.2.2: 02 07 gives 1241 hex)', (t) => {
  t.is(crc16(Buffer.from([0x02, 0x07])), 0x1241);
});

test('frames as the standard’s example has them: read 3 registers from 107 of unit 17', (t) => {
  // 11 03 006B 0003 7687: the read example that Modbus manuals have had since the Modicon protocol guide.
  const body = Buffer.from('1103006b0003', 'hex');
  t.is(rtuFrame(body).toString('hex'), '1103006b00037687');
  t.is(tcpFrame(body, 1).toString('hex'), '00010000000611' + '03006b0003');
});

const never = () => false;
const word = fc.integer({ min: 0, max: 0xffff });
const exchange = fc
  .record({
    unit: fc.integer({ min: 1, max: 255 }),
    code: fc.constantFrom(3, 4, 6, 16),
    address: word,
    words: fc.array(word, { minLength: 1, maxLength: 120 }),
    exception: fc.option(fc.integer({ min: 1, max: 11 })),
    transactionId: word,
  })
  .map(({ unit, code, address, words, exception, transactionId }) => {
    const numbers = (...list: number[]) => {
      const bytes = Buffer.alloc(2 * list.length);
      list.forEach((value, i) => void bytes.writeUInt16BE(value, 2 * i));
      return bytes;
    };
    const first = words[0] ?? 0;
    const pdu = Buffer.concat([
      Buffer.from([code]),
      code === 6 ? numbers(address, first) : numbers(address, words.length),
      ...(code === 16 ? [Buffer.from([2 * words.length]), numbers(...words)] : []),
    ]);
    const good =
      code === 3 || code === 4
        ? Buffer.concat([Buffer.from([unit, code, 2 * words.length]), numbers(...words)])
        : Buffer.concat([Buffer.from([unit]), pdu.subarray(0, 5)]);
    const answer = exception === null ? good : Buffer.from([unit, code | 0x80, exception]);
    const request: Request = { unit, pdu, transactionId };
    return { request, answer };
  });

test('an answer is found whole, however it is cut, behind whatever is somebody else’s', (t) => {
  fc.assert(
    fc.property(exchange, exchange, fc.nat(300), ({ request, answer }, other, at) => {
      fc.pre(other.request.unit !== request.unit && other.request.transactionId !== request.transactionId);
      for (const framing of ['tcp', 'rtu'] as const) {
        const frame = (body: Buffer, { transactionId }: Request) =>
          framing === 'tcp' ? tcpFrame(body, transactionId) : rtuFrame(body);
        const look = (bytes: Buffer) =>
          framing === 'tcp' ? answerInTcp(bytes, request, never) : answerInRtu(bytes, request);
        const stream = Buffer.concat([frame(other.answer, other.request), frame(answer, request)]);
        const cut = at % stream.length;
        const early = look(stream.subarray(0, cut));
        t.is(early.answer, undefined);
        t.is(early.wrong, undefined);
        const found = look(Buffer.concat([early.rest, stream.subarray(cut)]));
        t.deepEqual(found.answer, answer);
        t.is(found.rest.length, 0);
      }
    }),
  );
});

test('one bit turned over is never taken for the answer on RTU frames', (t) => {
  fc.assert(
    fc.property(exchange, fc.nat(), ({ request, answer }, at) => {
      const frame = rtuFrame(answer);
      const bit = at % (8 * frame.length);
      const byte = bit >> 3;
      frame[byte] = (frame[byte] ?? 0) ^ (1 << (bit & 7));
      t.is(answerInRtu(frame, request).answer, undefined);
    }),
  );
});

test('noise before an RTU answer is passed over', (t) => {
  const request = { unit: 17, pdu: Buffer.from('03006b0003', 'hex'), transactionId: 0 };
  const answer = Buffer.from('110306022b00000064', 'hex');
  for (const noise of ['00', 'ff', 'ff00', '1181']) {
    const found = answerInRtu(Buffer.concat([Buffer.from(noise, 'hex'), rtuFrame(answer)]), request);
    t.deepEqual(found.answer, answer, noise);
  }
  // Noise that looks like the start of an answer is judged as one.
  const misled = answerInRtu(Buffer.concat([Buffer.from('1183', 'hex'), rtuFrame(answer)]), request);
  t.is(misled.wrong, 'its CRC is wrong');
});

test('what is wrong with an answer is said', (t) => {
  const request = { unit: 17, pdu: Buffer.from('03006b0003', 'hex'), transactionId: 5 };
  const wrong = (hex: string) => {
    const body = Buffer.from(hex, 'hex');
    return [answerInTcp(tcpFrame(body, 5), request, never).wrong, answerInRtu(rtuFrame(body), request).wrong];
  };
  t.deepEqual(wrong('120306022b00000064'), ['unit 18 answered for unit 17', undefined]); // late on a line
  t.regex(wrong('110406022b00000064').join(), /^function 4 answered function 3,function 4 answered/);
  t.regex(wrong('11030400000064').join(), /4 bytes .* instead of 6.*4 bytes .* instead of 6/);
  t.regex(answerInTcp(tcpFrame(Buffer.from('11038302', 'hex'), 5), request, never).wrong ?? '', /bytes/);
  t.is(answerInRtu(Buffer.from('110306022b000000640000', 'hex'), request).wrong, 'its CRC is wrong');
});
