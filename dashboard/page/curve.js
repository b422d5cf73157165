// Supply and demand as steps, the price where they met: Fig. 6 (bottom) of any interval.
import { svg } from './dom.js';

const [WIDTH, HEIGHT] = [640, 250];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 12, 10, 34];

/** `clearing` as the ISO published it; `deraIds`: whose steps are ours. */
export function curveSvg({ supply, demand, price_uUSD_per_MWh, cleared_W }, deraIds) {
  const total = (side) => side.reduce((sum, { quantity_W }) => sum + quantity_W, 0);
  const most_W = Math.max(
    1,
    Math.min(Math.max(total(supply), total(demand)), Math.max(4 * cleared_W, 1)),
    cleared_W * 1.3,
  );
  const prices = [...supply, ...demand].map((step) => step.price_uUSD_per_MWh / 1e6);
  const price = price_uUSD_per_MWh / 1e6;
  const spread = Math.max(20, Math.abs(price));
  const inReach = prices.filter((value) => Math.abs(value - price) <= 3 * spread);
  const [low, high] = [Math.min(price, ...inReach), Math.max(price, ...inReach)];
  const pad = Math.max(2, 0.08 * (high - low));
  const x = (watts) => LEFT + (Math.min(watts, most_W) / most_W) * (WIDTH - LEFT - RIGHT);
  const y = (usd) => {
    const share = (usd - (low - pad)) / (high - low + 2 * pad);
    return HEIGHT - BOTTOM - Math.max(0, Math.min(1, share)) * (HEIGHT - TOP - BOTTOM);
  };
  const path = (side) => {
    let at = 0;
    let d = '';
    for (const { price_uUSD_per_MWh: p, quantity_W } of side) {
      const level = y(p / 1e6).toFixed(1);
      d += `${d === '' ? `M${x(0)} ${level}` : `V${level}`}H${x(at + quantity_W).toFixed(1)}`;
      at += quantity_W;
    }
    return d;
  };
  const ours = [];
  let at = 0;
  for (const { party, price_uUSD_per_MWh: p, quantity_W } of supply) {
    if (deraIds.includes(party))
      ours.push(`M${x(at).toFixed(1)} ${y(p / 1e6).toFixed(1)}H${x(at + quantity_W).toFixed(1)}`);
    at += quantity_W;
  }
  const ticks = (from, to) => {
    const step = 10 ** Math.floor(Math.log10((to - from) / 4 || 1));
    const wide = [1, 2, 5, 10].map((f) => f * step).find((s) => (to - from) / s <= 6) ?? step;
    const found = [];
    for (let v = Math.ceil(from / wide) * wide; v <= to; v += wide) found.push(v);
    return found;
  };
  const label = (text, attributes) => svg('text', attributes, text);
  const lines = [
    ...ticks(low - pad, high + pad).flatMap((v) => [
      svg('line', { class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v) }),
      label(String(Number(v.toFixed(2))), { x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end' }),
    ]),
    ...ticks(0, most_W / 1e6).map((v) =>
      label(String(Number(v.toFixed(3))), {
        x: x(v * 1e6),
        y: HEIGHT - BOTTOM + 15,
        'text-anchor': 'middle',
      }),
    ),
    label('MW', { x: WIDTH - RIGHT, y: HEIGHT - 4, 'text-anchor': 'end' }),
    label('$/MWh', { x: 4, y: HEIGHT - 4 }),
  ];
  return svg(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `Supply and demand; price ${price.toFixed(2)} $/MWh`,
    },
    ...lines,
    svg('path', { class: 'supply', d: path(supply) }),
    svg('path', { class: 'demand', d: path(demand) }),
    svg('path', { class: 'dera', d: ours.join('') }),
    svg('path', { class: 'price', d: `M${LEFT} ${y(price)}H${x(cleared_W)}V${HEIGHT - BOTTOM}` }),
  );
}
