import { FieldbidError } from '@fieldbid/core/errors';
import type { DerKeys, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { silentLogger } from '@fieldbid/core/logging';
import { keyIdOf, type PublicKey } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import fc from 'fast-check';
import type { KeyEvent } from './journal.ts';
import { type KeyGateway, LedgerKeys } from './ledger-keys.ts';

const SIGNERS = Array.from({ length: 60 }, (_, i) => seededSigner(i, 'device'));
const SIGNATURE = { keyId: SIGNERS[0]!.keyId, value: 'A'.repeat(86) };

/** The ledger's rules for one DER, and a connection that can fail before or after a call. */
class Ledger implements KeyGateway {
  key: PublicKey | null = null;
  readonly revoked: string[] = [];
  readonly calls: string[] = [];
  fail: 'never' | 'before' | 'after' = 'never';

  async listDers(): Promise<RegistryEntry[]> {
    return [this.#entry()];
  }
  enrolKey: KeyGateway['enrolKey'] = ({ publicKey }) =>
    this.#call('enrol', this.key === null && !this.revoked.includes(keyIdOf(publicKey)), publicKey);
  rotateKey: KeyGateway['rotateKey'] = ({ request: { oldKeyId, publicKey } }) =>
    this.#call('rotate', this.key !== null && keyIdOf(this.key) === oldKeyId, publicKey);
  revokeKey: KeyGateway['revokeKey'] = () => this.#call('revoke', this.key !== null, null);

  async #call(name: string, allowed: boolean, next: PublicKey | null): Promise<RegistryEntry> {
    const { fail } = this;
    this.fail = 'never';
    if (fail === 'before') throw new FieldbidError('GATEWAY_UNAVAILABLE', 'gone', { retryable: true });
    if (!allowed) throw new FieldbidError('REFUSED', `${name} is not allowed now`);
    this.calls.push(name);
    if (next === null && this.key !== null) this.revoked.push(keyIdOf(this.key));
    this.key = next;
    if (fail === 'after') throw new FieldbidError('GATEWAY_UNAVAILABLE', 'lost', { retryable: true });
    return this.#entry();
  }

  #entry(): RegistryEntry {
    const keys: DerKeys | null =
      this.key === null && this.revoked.length === 0
        ? null
        : { current: this.key, previous: null, revoked: [...this.revoked] };
    return { derId: 'pv-1', keys } as RegistryEntry;
  }
}

/** The journal of one DER, which only ever enrols a DER without a key. */
class History {
  events: KeyEvent[] = [];
  key: PublicKey | null = null;
  #used = 0;

  add(what: number): void {
    // A device whose key was ended makes another.
    const { publicKey, keyId } = SIGNERS[this.#used % SIGNERS.length]!;
    const base = { derId: 'pv-1', at_ms: 1 };
    const claim = { derId: 'pv-1', deraId: 'north', publicKey };
    if (this.key === null) {
      this.#used++;
      const request = { ...claim, deviceIds: ['i'], proof: '0'.repeat(64), signature: SIGNATURE };
      this.events = [{ ...base, event: 'enrolled', publicKey, request }];
      this.key = publicKey;
    } else if (what % 3 === 0) {
      this.events = [{ ...base, event: 'revoked', reason: 'lost' }];
      this.key = null;
    } else if (keyIdOf(this.key) !== keyId) {
      const request = {
        ...claim,
        oldKeyId: keyIdOf(this.key),
        oldSignature: SIGNATURE,
        newSignature: SIGNATURE,
      };
      this.#used++;
      this.events.push({ ...base, event: 'rotated', publicKey, graceInterval: null, request });
      this.key = publicKey;
    }
  }
}

test('whatever happened to the key meanwhile, and whatever call was lost, the ledger ends with the same key', async (t) => {
  const steps = fc.array(
    fc.tuple(fc.array(fc.nat(11), { maxLength: 4 }), fc.constantFrom('never', 'before', 'after')),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (rounds) => {
      const history = new History();
      const ledger = new Ledger();
      const keyHistories = () => new Map([['pv-1', history.events]]);
      const keys = new LedgerKeys(ledger, { keyHistories }, await ledger.listDers(), silentLogger());
      for (const [events, fail] of rounds) {
        for (const event of events) history.add(event);
        ledger.fail = fail as Ledger['fail'];
        await keys.sync();
      }
      ledger.fail = 'never';
      // The first may end a doubt that the last round left.
      await keys.sync();
      await keys.sync();
      t.deepEqual(ledger.key, history.key);
      const calls = ledger.calls.length;
      await keys.sync();
      t.is(ledger.calls.length, calls);
    }),
    { numRuns: 300 },
  );
});

test('calls at the same time make each step once', async (t) => {
  const [history, ledger] = [new History(), new Ledger()];
  for (const event of [1, 2]) history.add(event);
  const keys = new LedgerKeys(
    ledger,
    { keyHistories: () => new Map([['pv-1', history.events]]) },
    await ledger.listDers(),
    silentLogger(),
  );
  await Promise.all([keys.sync(), keys.sync(), keys.sync()]);
  t.deepEqual(ledger.calls, ['enrol', 'rotate']);
});

test('a key that the DSO has ended is not brought back', async (t) => {
  const [history, ledger] = [new History(), new Ledger()];
  history.add(1);
  const keyHistories = () => new Map([['pv-1', history.events]]);
  const keys = new LedgerKeys(ledger, { keyHistories }, await ledger.listDers(), silentLogger());
  await keys.sync();
  await ledger.revokeKey('pv-1', { reason: 'by the DSO' });
  const restarted = new LedgerKeys(ledger, { keyHistories }, await ledger.listDers(), silentLogger());
  await restarted.sync();
  t.is(ledger.key, null);
  t.deepEqual(ledger.calls, ['enrol', 'revoke']);
});
