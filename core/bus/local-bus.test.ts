import test from 'ava';
import { filterMatches } from './bus.ts';
import { busConformance } from './conformance.ts';
import { LocalExchange } from './local-bus.ts';

busConformance(test, 'local bus', async () => {
  const exchange = new LocalExchange();
  const [a, b] = [exchange.connect(), exchange.connect()];
  return { a, b, close: async () => void (await Promise.all([a.close(), b.close()])) };
});

test('topic filters as in the examples of MQTT 5.0, section 4.7.1', (t) => {
  t.true(filterMatches('sport/tennis/player1/#', 'sport/tennis/player1'));
  t.true(filterMatches('sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'));
  t.true(filterMatches('#', 'sport'));
  t.true(filterMatches('sport/tennis/+', 'sport/tennis/player1'));
  t.false(filterMatches('sport/tennis/+', 'sport/tennis/player1/ranking'));
  t.false(filterMatches('sport/+', 'sport'));
  t.true(filterMatches('sport/+', 'sport/'));
});
