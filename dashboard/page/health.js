// Health of what the market stands on: agents, broker, BC-GW with its ledger and store, the feeder's power flow, the DSO.
import { $, h } from './dom.js';
import { clockSeconds, interval } from './format.js';
import { model } from './store.js';

export const about = ['health', 'agents', 'grid', 'intervals', 'ders'];

const MOST_NAMES = 6;
const MARKS = { good: '✓', bad: '✕', warn: '?', quiet: '◌' };

export function draw() {
  const { health, agents, grid, intervals } = model;
  if (health === null) return;
  const away = [...agents.values()].filter(({ alive }) => !alive).map(({ agentId }) => agentId);
  const up = (state) =>
    state === 'up' || state === 'connected' ? 'good' : state === 'unknown' ? 'quiet' : 'bad';
  const decided = [...intervals.values()].findLast(({ decision }) => decision !== null);
  const engine =
    decided?.decision.outcome === 'ENGINE_UNAVAILABLE' ? 'bad' : decided === undefined ? 'quiet' : 'good';
  const lines = [
    [
      agents.size === 0 ? 'quiet' : away.length === 0 ? 'good' : 'bad',
      agents.size === 0
        ? 'Agents: none has shown itself yet'
        : `Agents: ${agents.size - away.length} of ${agents.size} there${away.length === 0 ? '' : `; away: ${away.slice(0, MOST_NAMES).join(', ')}${away.length > MOST_NAMES ? ' …' : ''}`}`,
    ],
    [up(health.broker), `Broker: ${health.broker}`],
    [
      up(health.gateway),
      `BC-GW: ${health.gateway}${health.gatewayFault === '' ? '' : `, ${health.gatewayFault}`}`,
    ],
    [up(health.ledger), `Ledger: ${health.ledger}`],
    [up(health.store), `Off-chain store: ${health.store}`],
    [
      grid === null ? 'quiet' : grid.voltages_upu.length === 0 ? 'bad' : 'good',
      grid === null
        ? 'Feeder: no power flow yet'
        : `Feeder: ${grid.voltages_upu.length === 0 ? 'not solved' : 'solved'} for ${clockSeconds(grid.at_ms)}`,
    ],
    [
      engine,
      decided === undefined
        ? 'DSO: no decision yet'
        : `DSO: ${decided.decision.outcome} for ${interval(decided.intervalId)}`,
    ],
  ];
  if (health.wrongMessages > 0)
    lines.push(['warn', `${health.wrongMessages} messages on the bus were not what their topic says`]);
  const said = lines.map(([tone, text]) => `${tone}${text}`).join('\n');
  const host = $('health-list');
  if (host.dataset.said === said) return;
  host.dataset.said = said;
  host.replaceChildren(
    ...lines.map(([tone, text]) => h('li', {}, h('span', { class: `mark ${tone}` }, MARKS[tone]), text)),
  );
}
