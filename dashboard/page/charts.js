// Voltages and dispatch over the day, drawn by uPlot: at most two days of minutes, whatever the length of the run.
import { $ } from './dom.js';
import { isDayAhead, startOf } from './format.js';
import { model } from './store.js';
import uPlot from './uplot.js';

export const about = ['day', 'intervals', 'lab'];

const HEIGHT_PX = 240;
const charts = {};
const hhmm = (s) => new Date(s * 1e3).toISOString().slice(11, 16);
const fixed = (digits) => (_, v) => (v === null || v === undefined ? '–' : v.toFixed(digits));

/** light-dark() is resolved by the browser only for real properties. */
function colour(name) {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
let colours = {};
const readColours = () => {
  for (const name of ['quiet', 'rule', 'bad', 'warn', 'good', 'supply', 'demand', 'dera', 'ink'])
    colours[name] = colour(`--${name}`);
};
const stroke = (name) => () => colours[name];

export function start() {
  readColours();
  const again = () => {
    colours = {};
    readColours();
    for (const { plot } of Object.values(charts)) plot.redraw(false, true);
  };
  window.addEventListener('fieldbid-theme', again);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
}

export function draw() {
  const { day, lab } = model;
  if (day.at_s.length === 0) return;
  const hasVoltages = day.highest_upu.some((value) => value !== null);
  if (hasVoltages && lab !== null) set('voltages', voltagesOptions, voltages(day));
  set('dispatch', dispatchOptions, dispatch(day));
}

function set(id, options, data) {
  const known = charts[id];
  if (known !== undefined) {
    known.plot.setData(data);
    latest(known.plot);
    return;
  }
  const host = $(id);
  host.replaceChildren();
  const axis = {
    stroke: stroke('quiet'),
    grid: { stroke: stroke('rule'), width: 1 },
    ticks: { show: false },
  };
  const { axes, ...rest } = options();
  const plot = new uPlot(
    {
      width: Math.max(280, host.clientWidth),
      height: HEIGHT_PX,
      tzDate: (s) => uPlot.tzDate(new Date(s * 1e3), 'Etc/UTC'),
      cursor: { sync: { key: 'day' } },
      ...rest,
      series: rest.series.map((one) => ({ points: { show: false }, ...one })),
      axes: [{ ...axis, values: (_, ticks) => ticks.map(hhmm) }, ...axes.map((own) => ({ ...axis, ...own }))],
    },
    data,
    host,
  );
  charts[id] = { plot };
  latest(plot);
  plot.over.addEventListener('mouseleave', () => latest(plot));
  new ResizeObserver(() => {
    if (host.clientWidth > 0 && host.clientWidth !== plot.width)
      plot.setSize({ width: host.clientWidth, height: HEIGHT_PX });
  }).observe(host);
}

/** Where nobody points at a moment, the figures below are of the last one. */
function latest(plot) {
  // uPlot takes new data over at the end of this turn, and clears the figures with it.
  requestAnimationFrame(() => {
    if (plot.cursor.left < 0) plot.setLegend({ idx: plot.data[0].length - 1 });
  });
}

const time = { label: 'UTC', value: (_, s) => (s === null || s === undefined ? '–' : hhmm(s)) };
const inPu = (upu) => (upu === null ? null : upu / 1e6);
const inKW = (watts) => (watts === null ? null : watts / 1000);

const voltages = (day) => [day.at_s, day.highest_upu.map(inPu), day.lowest_upu.map(inPu)];

function voltagesOptions() {
  const limits = () => model.lab?.limits_pu ?? [0.95, 1.05];
  return {
    scales: {
      y: { range: (_, min, max) => [Math.min(min, limits()[0]) - 0.005, Math.max(max, limits()[1]) + 0.005] },
    },
    axes: [{ size: 58, values: (_, ticks) => ticks.map((v) => v.toFixed(3)) }],
    series: [
      time,
      { label: 'highest, pu', stroke: stroke('demand'), width: 1.5, value: fixed(4) },
      { label: 'lowest, pu', stroke: stroke('supply'), width: 1.5, value: fixed(4) },
    ],
    bands: [{ series: [1, 2], fill: () => `color-mix(in srgb, ${colours.quiet} 18%, transparent)` }],
    hooks: {
      draw: [
        (u) => {
          const { ctx } = u;
          ctx.save();
          ctx.strokeStyle = colours.bad;
          ctx.setLineDash([6, 5]);
          for (const limit of limits()) {
            const y = Math.round(u.valToPos(limit, 'y', true)) + 0.5;
            ctx.beginPath();
            ctx.moveTo(u.bbox.left, y);
            ctx.lineTo(u.bbox.left + u.bbox.width, y);
            ctx.stroke();
          }
          ctx.restore();
        },
      ],
    },
  };
}

/** Allocated power is a step per interval: what was awarded holds until its end. */
function dispatch(day) {
  const length_ms = (model.lab?.calendar.interval_min ?? 15) * 60_000;
  const awarded = new Map();
  for (const { intervalId, allocation_W } of model.intervals.values()) {
    if (!isDayAhead(intervalId)) awarded.set(startOf(intervalId), allocation_W);
  }
  const first_ms = model.lab === null ? 0 : startOf(model.lab.calendar.start);
  const allocated = day.at_s.map((s) => {
    const start_ms = first_ms + Math.floor((s * 1000 - first_ms) / length_ms) * length_ms;
    return inKW(awarded.get(start_ms) ?? null);
  });
  const curtailed = day.available_W.map((watts, i) =>
    watts === null || day.delivered_W[i] === null ? null : Math.max(0, watts - day.delivered_W[i]) / 1000,
  );
  return [day.at_s, day.available_W.map(inKW), allocated, day.delivered_W.map(inKW), curtailed];
}

function dispatchOptions() {
  return {
    scales: { y: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(1, (max ?? 1) * 1.05)] } },
    axes: [{ size: 58 }],
    series: [
      time,
      { label: 'available', stroke: stroke('quiet'), width: 1.5, dash: [6, 4], value: fixed(1) },
      {
        label: 'allocated',
        stroke: stroke('dera'),
        width: 2,
        value: fixed(1),
        paths: uPlot.paths.stepped({ align: 1 }),
      },
      {
        ...{ label: 'delivered', stroke: stroke('good'), width: 1.5, value: fixed(1) },
        fill: () => `color-mix(in srgb, ${colours.good} 18%, transparent)`,
      },
      { label: 'curtailed', stroke: stroke('warn'), width: 1.5, dash: [2, 3], value: fixed(1) },
    ],
  };
}
