/** Devices that refuse large reads, and those that have holes: what is read, and what is learnt. */
import test from 'ava';
import { type Block, BlockReader } from './block-reader.ts';
import { ModbusError } from './errors.ts';

interface Manners {
  /** The most registers of one answer. */
  most?: number;
  /** Registers that do not exist. */
  holes?: number[];
  /** A read may not begin before it and end behind it. */
  border?: number;
  /** How a read that is too large ends. */
  tooLarge?: 2 | 3 | 'silence';
  /** Answers that get lost, by the number of the request. */
  lost?: number[];
}

/** A device whose registers hold their own addresses. */
function device({ most = 125, holes = [], border, tooLarge = 3, lost = [] }: Manners) {
  const asked: string[] = [];
  const silence = () => new ModbusError('MODBUS_TIMEOUT', 'no answer');
  const refused = (exception: number) => new ModbusError('MODBUS_EXCEPTION', 'refused', { exception });
  const link = {
    maxRead: 125,
    read: async (address: number, count: number): Promise<number[]> => {
      asked.push(`${address}+${count}`);
      if (lost.includes(asked.length)) throw silence();
      if (count > most) throw tooLarge === 'silence' ? silence() : refused(tooLarge);
      if (holes.some((hole) => hole >= address && hole < address + count)) throw refused(2);
      if (border !== undefined && address < border && address + count > border) throw refused(2);
      return Array.from({ length: count }, (_, i) => address + i);
    },
  };
  const reader = new BlockReader(link);
  const read = async (blocks: Block[], spans: Block[]): Promise<string[]> => {
    asked.length = 0;
    for (const { address, words } of await reader.read(blocks, spans)) {
      if (words.some((word, i) => word !== address + i)) throw new RangeError('wrong words');
    }
    return [...asked];
  };
  return { link, read };
}

/** 100 registers, in ten spans of ten. */
const WHOLE = [{ address: 0, count: 100 }];
const TENS = Array.from({ length: 10 }, (_, i) => ({ address: 10 * i, count: 10 }));

test('a block that is answered is one request', async (t) => {
  const { link, read } = device({});
  t.deepEqual(await read(WHOLE, TENS), ['0+100']);
  t.is(link.maxRead, 125);
});

for (const tooLarge of [2, 3] as const) {
  test(`too large, exception ${tooLarge}: read in parts, and the limit is learnt`, async (t) => {
    const { link, read } = device({ most: 30, tooLarge });
    t.deepEqual(await read(WHOLE, TENS), ['0+100', '0+50', '0+20', '20+30', '50+20', '70+30']);
    t.is(link.maxRead, 30);
    t.deepEqual(await read(WHOLE, TENS), ['0+20', '20+30', '50+20', '70+30']);
  });
}

test('no answer to a large block: its size is to blame when it happens twice', async (t) => {
  const { link, read } = device({ most: 60, tooLarge: 'silence' });
  t.deepEqual(await read(WHOLE, TENS), ['0+100', '0+50', '50+50']);
  t.is(link.maxRead, 125);
  t.deepEqual(await read(WHOLE, TENS), ['0+100', '0+50', '50+50']);
  t.is(link.maxRead, 50);
  t.deepEqual(await read(WHOLE, TENS), ['0+50', '50+50']);
});

test('a lost answer teaches nothing', async (t) => {
  const { link, read } = device({ lost: [1] });
  t.deepEqual(await read(WHOLE, TENS), ['0+100', '0+50', '50+50']);
  t.is(link.maxRead, 125);
});

test('a border that no read may cross is remembered, and is not a limit of size', async (t) => {
  const { link, read } = device({ border: 130 });
  const blocks = [
    { address: 0, count: 100 },
    { address: 100, count: 60 },
  ];
  const spans = [...TENS, { address: 100, count: 30 }, { address: 130, count: 30 }];
  t.deepEqual(await read(blocks, spans), ['0+100', '100+60', '100+30', '130+30']);
  t.is(link.maxRead, 125);
  t.deepEqual(await read(blocks, spans), ['0+100', '100+30', '130+30']);
});

test('a hole between the spans is read around, and is not a limit of size', async (t) => {
  const { link, read } = device({ holes: [12] });
  const spans = [
    { address: 0, count: 10 },
    { address: 20, count: 10 },
  ];
  const blocks = [{ address: 0, count: 30 }];
  t.deepEqual(await read(blocks, spans), ['0+30', '0+10', '20+10']);
  t.is(link.maxRead, 125);
  t.deepEqual(await read(blocks, spans), ['0+10', '20+10']);
});

test('a hole in a span is the caller’s error, and nothing is learnt', async (t) => {
  const { link, read } = device({ holes: [44] });
  t.like(await t.throwsAsync(read(WHOLE, TENS)), { code: 'MODBUS_EXCEPTION', exception: 2 });
  t.is(link.maxRead, 125);
});

test('spans that overlap are not cut', async (t) => {
  const { read } = device({ most: 15 });
  const spans = [
    { address: 0, count: 10 },
    { address: 5, count: 10 },
    { address: 15, count: 10 },
  ];
  t.deepEqual(await read([{ address: 0, count: 25 }], spans), ['0+25', '0+15', '15+10']);
});
