import { request } from 'node:http';
import { InputError } from '@fieldbid/core/errors';
import type { FaultControl } from '@fieldbid/core/lab/faults';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { MarketState } from '../state/market-state.ts';
import type { Changes } from '../state/view.ts';
import { gridAt, START_MS, smallLab } from '../testing/small-lab.ts';
import { requireSafeAccess } from './access.ts';
import { servePage } from './server.ts';

const TOKEN = 'a-token-of-a-test-run';
const nothing: FaultControl = {
  offers: () => [],
  marks: () => [],
  inject: async () => Promise.reject(new TypeError('secret')),
  end: async () => undefined,
};

async function served(body: (url: string, state: MarketState) => Promise<void>): Promise<void> {
  const state = new MarketState({ now: () => START_MS, speed: 1 });
  const access = { host: '127.0.0.1', port: 0, token: TOKEN };
  const server = await servePage({ access, source: 'test', state, faults: nothing, log: silentLogger() });
  await body(server.url, state).finally(() => server.close());
}

const order = (url: string, authorization: string | undefined, text = '{"fault":"broker-killed"}') =>
  fetch(`${url}api/faults`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: text,
  });

test('the page comes with everything from here and nothing inline, and what is not there is a Problem', (t) =>
  served(async (url) => {
    const page = await fetch(url);
    t.is(page.status, 200);
    t.regex(page.headers.get('content-security-policy') ?? '', /default-src 'self'/);
    const html = await page.text();
    t.false(/https?:|<style|onclick|<script>/.test(html));
    for (const [, path] of html.matchAll(/(?:href|src)="([^"#]+)"/g)) {
      t.is((await fetch(new URL(path ?? '', url))).status, 200, path);
    }
    for (const path of ['nothing', 'page.test.ts', '..%2fconfig.ts', '%00']) {
      const { status } = await fetch(url + path);
      t.true(status === 404 || status === 400, `${path}: ${status}`);
    }
    t.deepEqual(await (await fetch(`${url}api/bids/${'0'.repeat(32)}`)).json(), {
      code: 'NO_LEDGER',
      message: 'This page was started without a BC-GW.',
    });
    t.is((await fetch(`${url}api/clearings/yesterday`)).status, 400);
  }));

test('acting needs the token, and what is wrong is told before anything is done', (t) =>
  served(async (url) => {
    t.is((await order(url, undefined)).status, 401);
    t.is((await order(url, `Bearer ${TOKEN}x`)).status, 401);
    t.is((await fetch(`${url}api/faults/f1`, { method: 'DELETE' })).status, 401);
    const bearer = `Bearer ${TOKEN}`;
    t.is((await order(url, bearer, '{"fault":"meteor"}')).status, 400);
    t.is((await order(url, bearer, `{"fault":"${'x'.repeat(5000)}"}`)).status, 413);
    const bug = await order(url, bearer);
    t.is(bug.status, 500);
    t.false((await bug.text()).includes('secret'));
    t.is(
      (await fetch(`${url}api/faults/f9`, { method: 'DELETE', headers: { authorization: bearer } })).status,
      404,
    );
  }));

test('a site of somebody else whose name points here is refused', (t) =>
  served(async (url) => {
    const status = await new Promise((resolve) => {
      request(url, { headers: { host: 'attacker.example' } }, ({ statusCode }) => resolve(statusCode)).end();
    });
    t.is(status, 421);
  }));

test('too many questions from one address are refused', (t) =>
  served(async (url) => {
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(`${url}api/access`)));
      statuses.push(...answers.map(({ status }) => status));
    }
    t.is(statuses[0], 200);
    t.true(statuses.includes(429));
  }));

test('the stream begins with everything, then tells what changed', (t) =>
  served(async (url, state) => {
    const lab = smallLab(3);
    state.takeLab(lab);
    const ending = new AbortController();
    const { body } = await fetch(`${url}events`, { signal: ending.signal });
    const messages: Changes[] = [];
    let text = '';
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    const next = async (): Promise<Changes> => {
      while (messages.length === 0) {
        text += (await reader.read()).value ?? '';
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts)
          messages.push(JSON.parse(part.slice(part.indexOf('data: ') + 6)) as Changes);
      }
      return messages.shift()!;
    };
    const first = await next();
    t.like(first, { whole: true, lab: { scenario: 'small-lab' }, schedule: { phase: 'delivery' } });
    t.is(first.ders?.length, 3);
    state.takeGrid(gridAt(lab, 1, 1));
    const second = await next();
    t.false(second.whole);
    t.is(second.grid?.voltages_upu.length, 9);
    t.deepEqual([second.lab, second.ders], [undefined, undefined]);
    ending.abort();
  }));

test('an access that would be open to others is refused by name', (t) => {
  const check = (access: Parameters<typeof requireSafeAccess>[0]) =>
    t.throws(() => requireSafeAccess(access, 'page.yaml'), { instanceOf: InputError });
  t.regex(check({ host: '0.0.0.0', port: 1 })?.message ?? '', /tokenFile.*bearer token/);
  t.regex(check({ host: '0.0.0.0', port: 1, token: TOKEN })?.message ?? '', /tls.*certFile/);
  t.regex(check({ host: '127.0.0.1', port: 1, token: 'short' })?.message ?? '', /16 to 200/);
  t.notThrows(() => requireSafeAccess({ host: '127.0.0.1', port: 1 }, 'page.yaml'));
});
