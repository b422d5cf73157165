// The report's page: draws the figures from the data that stands in it. Runs in the browser, without network.
/* global uPlot, document, window, getComputedStyle */
const run = JSON.parse(document.getElementById('run-data').textContent);
const css = (name) => {
  // light-dark() is resolved by the browser only for real properties.
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
};
const fixed = (digits) => (_, v) => (v == null ? '–' : v.toFixed(digits));
const seconds = run.minutes.at_s;
const [low, high] = run.header.limits_pu;
const charts = [];
const hhmm = (s) => new Date(s * 1e3).toISOString().slice(11, 16);
/** The first series of every chart. */
const time = { label: 'UTC', value: (_, s) => (s == null ? '–' : hhmm(s)) };

function chart(id, height, options, data) {
  const host = document.getElementById(id);
  const clock = (_, ticks) => ticks.map(hhmm);
  const axis = {
    stroke: () => css('--quiet'),
    grid: { stroke: () => css('--rule'), width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      width: host.clientWidth - 16,
      height,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), 'Etc/UTC'),
      cursor: { sync: { key: 'day' }, focus: { prox: 24 } },
      focus: { alpha: 0.25 },
      ...options,
      axes: [{ ...axis, values: clock }, ...options.axes.map((a) => ({ ...axis, ...a }))],
    },
    data,
    host,
  );
  charts.push({ host, plot, height });
  return plot;
}

const phaseColor = { A: '--phase-a', B: '--phase-b', C: '--phase-c' };

/** Dashed lines at the voltage limits. */
function limitLines(u) {
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = css('--bad');
  ctx.setLineDash([6, 5]);
  for (const limit of [low, high]) {
    const y = Math.round(u.valToPos(limit, 'y', true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(u.bbox.left, y);
    ctx.lineTo(u.bbox.left + u.bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Behind everything: when faults on demand were in force. */
function faultShades(u) {
  const { ctx } = u;
  ctx.save();
  ctx.fillStyle = css('--warn');
  for (const { from_s, until_s } of run.faults) {
    const left = u.valToPos(from_s, 'x', true);
    const width = Math.max(2, u.valToPos(until_s, 'x', true) - left);
    ctx.globalAlpha = 0.16;
    ctx.fillRect(left, u.bbox.top, width, u.bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, u.bbox.top, 2, 6);
  }
  ctx.restore();
}

/** The curtailment chart is about the upper limit. */
const upperRange = (_, min, max) => [Math.min(min, high) - 0.006, Math.max(max, high) + 0.006];
const puRange = (_, min, max) => [Math.min(min, low) - 0.004, Math.max(max, high) + 0.004];

chart(
  'voltages',
  330,
  {
    scales: { y: { range: puRange } },
    axes: [{ label: 'voltage, pu', size: 64, values: (_, ticks) => ticks.map((v) => v.toFixed(3)) }],
    series: [
      time,
      ...run.nodes.map((node) => ({
        label: node,
        stroke: () => css(phaseColor[node.slice(-1)] ?? '--quiet'),
        width: 1,
        value: fixed(4),
      })),
    ],
    hooks: { drawClear: [faultShades], draw: [limitLines] },
  },
  [seconds, ...run.minutes.voltages_pu],
);

const hue = (i, n, alpha) => `hsl(${Math.round((360 * i) / n)} 60% 52% / ${alpha})`;
// Stacked: each DER's area lies on those before it, drawn from the top of the stack down.
const stack = [];
run.minutes.power_kW.forEach((series, i) => {
  stack.push(series.map((kW, m) => kW + (stack[i - 1]?.[m] ?? 0)));
});
const layers = run.derIds.map((id, i) => ({ id, i })).reverse();
chart(
  'dispatch',
  320,
  {
    axes: [{ label: 'power, kW', size: 64 }],
    series: [
      time,
      {
        label: 'available, all',
        stroke: () => css('--quiet'),
        dash: [4, 4],
        points: { show: false },
        value: fixed(1),
      },
      ...layers.map(({ id, i }) => ({
        label: id,
        stroke: hue(i, run.derIds.length, 1),
        fill: hue(i, run.derIds.length, 0.75),
        width: 0.5,
        points: { show: false },
        value: (_, __, ___, m) => (m == null ? '–' : run.minutes.power_kW[i][m].toFixed(1)),
      })),
    ],
    hooks: { drawClear: [faultShades] },
  },
  [seconds, run.minutes.available_kW, ...layers.map(({ i }) => stack[i])],
);

const bars = uPlot.paths.bars({ size: [0.8, 40] });
chart(
  'curtailment',
  310,
  {
    scales: { y: { range: upperRange }, kW: { range: (_, __, max) => [0, Math.max(1, max) * 1.6] } },
    axes: [
      { label: 'highest voltage, pu', size: 64, values: (_, ticks) => ticks.map((v) => v.toFixed(3)) },
      { label: 'curtailed, kW', side: 1, scale: 'kW', size: 60, grid: { show: false } },
    ],
    series: [
      time,
      {
        label: 'curtailed kW',
        scale: 'kW',
        fill: 'hsl(38 80% 50% / 0.45)',
        paths: bars,
        points: { show: false },
        value: fixed(1),
      },
      { label: 'original bids, pu', stroke: () => css('--bad'), width: 2, value: fixed(4) },
      { label: 'as approved, pu', stroke: () => css('--good'), width: 2, value: fixed(4) },
    ],
    hooks: { drawClear: [faultShades], draw: [limitLines] },
  },
  [
    run.intervals.at_s,
    run.intervals.curtailed_kW,
    run.intervals.originalMax_pu,
    run.intervals.approvedMax_pu,
  ],
);

// With settlement, both markets' prices stand in its section.
if (document.getElementById('prices') !== null)
  chart(
    'prices',
    200,
    {
      axes: [{ label: '$/MWh', size: 64 }],
      series: [
        time,
        {
          label: 'clearing price',
          stroke: () => css('--supply'),
          width: 2,
          paths: uPlot.paths.stepped({ align: 1 }),
          value: fixed(2),
        },
      ],
    },
    [run.intervals.at_s, run.intervals.price_USD_per_MWh],
  );

if (run.pacing) {
  chart(
    'pacing',
    220,
    {
      axes: [{ label: 'real time, ms', size: 64 }],
      series: [
        time,
        { label: 'begun late', stroke: () => css('--phase-b'), width: 1.5, value: fixed(1) },
        { label: 'took', stroke: () => css('--phase-a'), width: 1.5, value: fixed(1) },
      ],
    },
    [run.pacing.at_s, run.pacing.late_ms, run.pacing.work_ms],
  );
}

// Fig. 6, bottom: one interval's curves.
const slider = document.getElementById('interval');
const label = document.getElementById('interval-label');
slider.max = String(run.intervals.ids.length - 1);
slider.value = String(run.intervals.example);

function steps(side, x, y) {
  let total = 0;
  let path = '';
  for (const [, price, quantity] of side) {
    path += `${path === '' ? 'M' : 'L'}${x(total)} ${y(price)}`;
    total += quantity;
    path += `L${x(total)} ${y(price)}`;
  }
  return path;
}

function drawClearing() {
  const i = Number(slider.value);
  const clearing = run.intervals.clearings[i];
  label.textContent = run.intervals.ids[i];
  const host = document.getElementById('clearing');
  if (clearing === null) {
    host.innerHTML = '<p class="quiet">This interval was not cleared.</p>';
    return;
  }
  const width = Math.max(320, host.clientWidth - 16);
  const height = 340;
  const frame = { left: 62, right: 16, top: 12, bottom: 40 };
  const quantity = (side) => side.reduce((sum, step) => sum + step[2], 0);
  const mostQ = Math.max(quantity(clearing.supply), quantity(clearing.demand), 0.001) * 1.02;
  // The cap of inelastic demand is far above every offer: the axis shows the offers.
  const asked = [...clearing.supply.map((s) => s[1]), clearing.price];
  const mostP = Math.max(...asked, 1) * 1.15;
  const leastP = Math.min(...asked, 0);
  const x = (q) => (frame.left + (q / mostQ) * (width - frame.left - frame.right)).toFixed(1);
  const y = (p) =>
    (
      frame.top +
      (1 - (Math.min(p, mostP) - leastP) / (mostP - leastP)) * (height - frame.top - frame.bottom)
    ).toFixed(1);
  let total = 0;
  let dera = '';
  for (const [party, price, q] of clearing.supply) {
    if (run.header.deraIds.includes(party)) dera += `M${x(total)} ${y(price)}L${x(total + q)} ${y(price)}`;
    total += q;
  }
  const ticks = (least, most, n) => Array.from({ length: n + 1 }, (_, k) => least + ((most - least) * k) / n);
  const xTicks = ticks(0, mostQ, 6)
    .map((q) => `<text x="${x(q)}" y="${height - 20}" text-anchor="middle">${q.toFixed(1)}</text>`)
    .join('');
  const yTicks = ticks(leastP, mostP, 5)
    .map(
      (p) =>
        `<line class="axis" x1="${frame.left}" x2="${width - frame.right}" y1="${y(p)}" y2="${y(p)}"/><text x="${frame.left - 8}" y="${y(p)}" text-anchor="end" dominant-baseline="middle">${p.toFixed(0)}</text>`,
    )
    .join('');
  host.innerHTML = `<svg viewBox="0 0 ${width} ${height}" width="100%" role="img" aria-label="Supply and demand of ${run.intervals.ids[i]}">
    ${yTicks}${xTicks}
    <text x="${width / 2}" y="${height - 4}" text-anchor="middle">quantity, MW</text>
    <text transform="translate(14 ${height / 2}) rotate(-90)" text-anchor="middle">$/MWh</text>
    <path class="demand" d="${steps(clearing.demand, x, y)}"/>
    <path class="supply" d="${steps(clearing.supply, x, y)}"/>
    <path class="dera" d="${dera}"/>
    <line class="price" x1="${frame.left}" x2="${width - frame.right}" y1="${y(clearing.price)}" y2="${y(clearing.price)}"/>
  </svg>`;
  document.getElementById('clearing-facts').textContent =
    `${clearing.outcome}: ${clearing.price.toFixed(2)} $/MWh, ${clearing.cleared_MW.toFixed(3)} MW cleared; ` +
    `aggregator: bid ${run.intervals.bid_kW[i].toFixed(1)} kW, approved ${run.intervals.approved_kW[i].toFixed(1)} kW, ` +
    `allocated ${run.intervals.allocation_kW[i].toFixed(1)} kW` +
    (run.intervals.envelopes[i] === null ? '' : `; envelope: ${run.intervals.envelopes[i]}`);
  document.getElementById('bids').innerHTML = run.intervals.bids[i]
    .map(
      (b) =>
        `<tr class="${b[3] < b[2] ? 'curtailed' : ''}"><td>${b[0]}</td><td>${b[1].toFixed(2)}</td><td>${b[2]}</td><td>${b[3]}</td><td>${b[4]}</td><td>${b[5]}</td><td class="text"><code>${b[6]}</code></td></tr>`,
    )
    .join('');
}
slider.addEventListener('input', drawClearing);
for (const [id, by] of [
  ['earlier', -1],
  ['later', 1],
]) {
  document.getElementById(id).addEventListener('click', () => {
    slider.value = String(Number(slider.value) + by);
    drawClearing();
  });
}
drawClearing();

let resizing;
window.addEventListener('resize', () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    for (const { host, plot, height } of charts) plot.setSize({ width: host.clientWidth - 16, height });
    drawClearing();
  }, 100);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const { plot } of charts) plot.redraw();
});
