/** What the contract gets to see of Fabric, with Fabric's stub as its interface describes it. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { claim, INTERVAL, NORTH, registration } from '../testing/fixtures.ts';
import { execute, TRANSACTIONS } from '../transactions/execute.ts';
import { FabricContext, type FabricIdentity, type FabricStub } from './fabric-context.ts';

function identity(mspId: string, attributes: Record<string, string>): FabricIdentity {
  return { getMSPID: () => mspId, getAttributeValue: (name) => attributes[name] ?? null };
}

const NORTHS = identity('DeraMSP', { role: 'dera', deraId: 'north' });

/** Holds committed state; what a transaction writes is kept apart, as on Fabric. */
function stub(state: Record<string, string> = {}) {
  const writes: [string, string][] = [];
  const events: [string, string][] = [];
  let closed = 0;
  const it: FabricStub = {
    getTxID: () => 'a1b2',
    getTxTimestamp: () => ({ seconds: { toString: () => '1782043200' }, nanos: 999_999_999 }),
    getState: async (key) => Buffer.from(state[key] ?? ''),
    putState: async (key, value) => void writes.push([key, Buffer.from(value).toString()]),
    async *getStateByRange(from, to) {
      try {
        for (const key of Object.keys(state).sort()) {
          if (key >= from && key < to) yield { key, value: Buffer.from(state[key] ?? '') };
        }
      } finally {
        closed++;
      }
    },
    setEvent: (name, payload) => void events.push([name, Buffer.from(payload).toString()]),
  };
  return { it, writes, events, closed: () => closed };
}

test('the caller is what the certificate says; an attribute that is not there is no role', (t) => {
  t.deepEqual(new FabricContext(stub().it, NORTHS).caller, NORTH);
  t.deepEqual(new FabricContext(stub().it, identity('DsoMSP', {})).caller, {
    mspId: 'DsoMSP',
    role: '',
    deraId: undefined,
  });
});

test('the time of the transaction is in whole milliseconds', (t) => {
  t.is(new FabricContext(stub().it, NORTHS).at_ms, 1_782_043_200_999);
});

test('an empty value is no value; text comes back as it was written', async (t) => {
  const ctx = new FabricContext(stub({ key: 'Zürich' }).it, NORTHS);
  t.is(await ctx.get('key'), 'Zürich');
  t.is(await ctx.get('other'), undefined);
});

test('a range that is left early is closed', async (t) => {
  const { it, closed } = stub({ a: '1', b: '2', c: '3' });
  const seen: string[] = [];
  for await (const { key, value } of new FabricContext(it, NORTHS).range('a', 'c')) {
    seen.push(key + value);
    break;
  }
  t.deepEqual(seen, ['a1']);
  t.is(closed(), 1);
});

test('the contract writes and announces through it', async (t) => {
  const { it, writes, events } = stub();
  const outcome = await execute(
    new FabricContext(it, NORTHS),
    'registerDer',
    JSON.stringify(registration('pv1')),
  );
  t.true(outcome.ok);
  t.deepEqual(
    writes.map(([key]) => key),
    ['dera~north', 'der~pv1'],
  );
  t.deepEqual(events, [['DerRegistered', '{"derId":"pv1","deraId":"north"}']]);
});

test('the contract refuses through it what the state forbids', async (t) => {
  const { it, writes } = stub({
    'dera~north': '{"mspId":"DeraMSP"}',
    [`decision~${INTERVAL}`]: '{}',
  });
  const argument = { intervalId: INTERVAL, deraId: 'north', bids: [claim('pv1')], silentDerIds: [] };
  const outcome = await execute(new FabricContext(it, NORTHS), 'submitBids', JSON.stringify(argument));
  t.is(outcome.ok ? '' : outcome.refusal.code, 'ALREADY_DECIDED');
  t.deepEqual(writes, []);
});

test("Fabric's class has one method for each transaction, which runs the one of its name", (t) => {
  // Read as text: to load it takes Fabric's packages.
  const source = readFileSync(new URL('./contract.ts', import.meta.url), 'utf8');
  const methods = [
    ...source.matchAll(/^ {2}(\w+)\(ctx: Context, argument: string\)[^{]*\{\s*return run\(ctx, '(\w+)'/gm),
  ];
  const names = Object.keys(TRANSACTIONS).sort();
  t.deepEqual(methods.map(([, method]) => method).sort(), names);
  for (const [, method, transaction] of methods) t.is(transaction, method);
});
