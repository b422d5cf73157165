/**
 * A feeder as a one-line diagram, one SVG file without anything outside: buses coloured by their voltage, DERs
 * marked, equipment by symbol, values in tooltips, light or dark as the viewer is. Or the drawing alone, for a page that
 * colours it by what is measured: each bus is found by `data-bus`, each link by `data-link`.
 */
import type { FeederDescription, LinkDescription } from '../../power-flow/power-flow.ts';
import type { BaseCase } from '../base-case.ts';
import type { Feeder } from '../feeder.ts';
import { layOut, type Placed } from './layout.ts';
import { footer, LEGEND_HEIGHT, legend, STYLE } from './legend.ts';
import { escaped, symbol } from './symbols.ts';

const COLUMN = 68;
const ROW = 46;
const MARGIN = 34;
const HEADER = 88;
const LEAST_WIDTH = 900;

/** What the diagram shows beside the topology. */
export interface Shown {
  readonly feeder: Feeder;
  readonly description: FeederDescription;
  readonly base: BaseCase;
  /** Object → its class in the model: `regulator`, `transformer`, `load`, … */
  readonly kinds: ReadonlyMap<string, string>;
  /** Headroom per bus, kW; empty where it was not asked for. */
  readonly headroom_kW: ReadonlyMap<string, number>;
}

/** What the drawing itself needs: without a base case there are no values in it. */
type Drawn = Omit<Shown, 'base'> & { readonly base?: BaseCase };

/** The drawing alone: no title, no legend, no style and no voltages. */
export function bareOneLine(shown: Omit<Shown, 'base' | 'headroom_kW'>): string {
  const drawn: Drawn = { ...shown, headroom_kW: new Map() };
  const placed = [...layOut(shown.description).buses.values()];
  const rows = placed.map(({ row }) => row);
  const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
  const columns = Math.max(...placed.map(({ column }) => column)) + 1;
  const [width, height] = [columns * COLUMN + 2 * MARGIN, (bottom - top) * ROW + 72];
  const x = ({ column }: Placed) => MARGIN + 14 + column * COLUMN;
  const y = ({ row }: Placed) => 34 + (row - top) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    ...placed.map((bus) => link(bus, x, y, drawn)),
    ...placed.map((bus) => busMark(bus, x(bus), y(bus), drawn)),
    '</svg>',
  ].join('');
}

export function oneLine(shown: Shown): string {
  const { feeder, description, base } = shown;
  const layout = layOut(description);
  const placed = [...layout.buses.values()];
  const rows = placed.map(({ row }) => row);
  const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
  const columns = Math.max(...placed.map(({ column }) => column)) + 1;
  const width = Math.max(LEAST_WIDTH, columns * COLUMN + 2 * MARGIN);
  const diagram = (bottom - top) * ROW + 56;
  const notes = footer(shown, layout.ties, width - 2 * MARGIN);
  const height = HEADER + diagram + LEGEND_HEIGHT + notes.height + 12;
  const x = ({ column }: Placed) => MARGIN + 14 + column * COLUMN;
  const y = ({ row }: Placed) => HEADER + 30 + (row - top) * ROW;
  const { low_pu, high_pu } = feeder.data.limits;
  const clock = `${String(Math.floor(base.minuteOfDay / 60)).padStart(2, '0')}:${String(base.minuteOfDay % 60).padStart(2, '0')}`;
  const loads = feeder.data.loads.size === 0 ? 'the model’s own loads' : `the loads of ${clock} UTC`;
  const facts = [
    `Without DER, at ${loads}: ${base.min_pu.toFixed(4)} pu (${base.minAt}) to ${base.max_pu.toFixed(4)} pu (${base.maxAt}); ${(base.swing_W / 1000).toFixed(0)} kW from the substation`,
    `Limits ${low_pu} to ${high_pu} pu ${feeder.data.voltages}. A bus has the colour of its voltage nearest to a limit.`,
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    `<title id="title">One-line diagram of ${escaped(feeder.id)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="title" x="${MARGIN}" y="34">${escaped(feeder.id)}</text>`,
    ...facts.map((line, i) => `<text class="sub" x="${MARGIN}" y="${54 + i * 17}">${escaped(line)}</text>`),
    ...placed.map((bus) => link(bus, x, y, shown)),
    ...placed.map((bus) => busMark(bus, x(bus), y(bus), shown)),
    legend(MARGIN, HEADER + diagram + 10, feeder.data.limits),
    notes.svg(MARGIN, HEADER + diagram + LEGEND_HEIGHT),
    '</svg>',
    '',
  ].join('\n');
}

/** The link that feeds a bus: along the column of its parent, then along the row, with its symbol on it. */
function link(
  bus: Placed,
  x: (bus: Placed) => number,
  y: (bus: Placed) => number,
  { feeder, base, kinds }: Drawn,
): string {
  const { feed, parent } = bus;
  if (feed === undefined || parent === undefined) return '';
  const [x1, y1, x2, y2] = [x(parent), y(parent), x(bus), y(bus)];
  const kind = kinds.get(feed.name) ?? 'line';
  const loading = base?.loadings.find((one) => one.link === feed.name);
  const over = (loading?.loading_pu ?? 0) > 1 ? ' over' : '';
  const rated =
    loading === undefined ? '' : `\n${(loading.loading_pu * 100).toFixed(0)} % of ${loading.rating}`;
  const path = y1 === y2 ? `M${x1} ${y1}H${x2}` : `M${x1} ${y1}V${y2}H${x2}`;
  const title = `${feed.name} (${kind}, ${phasesText(feed, feeder)})\n${feed.from} to ${feed.to}${rated}`;
  return `<g class="link p${feed.phases.length}${over}" data-link="${escaped(feed.name)}"><title>${escaped(title)}</title><path d="${path}"/>${symbol(kind, (x1 + x2) / 2, y2)}</g>`;
}

function phasesText({ phases }: LinkDescription, feeder: Feeder): string {
  const three = feeder.data.voltages === 'line-to-line' ? 'three-wire' : 'phases ABC';
  return phases.length === 3 ? three : `phase${phases.length > 1 ? 's' : ''} ${phases.join('')}`;
}

function busMark(bus: Placed, x: number, y: number, shown: Drawn): string {
  const { feeder, base, kinds, headroom_kW } = shown;
  const { low_pu, high_pu } = feeder.data.limits;
  const own = Object.entries(base?.voltages_pu ?? {}).filter(
    ([at]) => at.slice(0, at.lastIndexOf('.')) === bus.name,
  );
  // The voltage that is nearest to a limit stands for the bus, or furthest beyond one.
  const room = (pu: number) => Math.min(high_pu - pu, pu - low_pu);
  const telling = own.map(([, pu]) => pu).sort((a, b) => room(a) - room(b))[0];
  const ders = feeder.ders.filter((der) => der.bus === bus.name);
  const der_kW = ders.reduce((sum, { nameplate_W }) => sum + nameplate_W, 0) / 1000;
  const headroom = headroom_kW.get(bus.name);
  const title = [
    bus.name,
    ...own.map(([at, pu]) => `${at.slice(at.lastIndexOf('.') + 1)} ${pu.toFixed(4)} pu`),
    ...ders.map(
      ({ derId, phases, nameplate_W }) => `${derId}: ${nameplate_W / 1000} kW on ${phases.join('')}`,
    ),
    ...(headroom === undefined ? [] : [`headroom ${headroom.toFixed(0)} kW`]),
  ].join('\n');
  const extreme = [base?.maxAt, base?.minAt].find((at) => at?.slice(0, at.lastIndexOf('.')) === bus.name);
  const value = extreme === undefined ? '' : (base?.voltages_pu[extreme] ?? Number.NaN).toFixed(4);
  const mark =
    bus.parent === undefined
      ? `<rect class="${voltageClass(telling, low_pu, high_pu)} source" x="${x - 8}" y="${y - 8}" width="16" height="16"/>`
      : `<circle class="${voltageClass(telling, low_pu, high_pu)}" cx="${x}" cy="${y}" r="${kinds.get(bus.name) === 'load' ? 6.5 : 4.5}"/>`;
  return [
    `<g class="bus" data-bus="${escaped(bus.name)}"><title>${escaped(title)}</title>${mark}`,
    `<text class="name" x="${x + 6}" y="${y - 9}">${escaped(shortName(bus.name))}</text>`,
    value === ''
      ? ''
      : `<text class="value" x="${bus.parent === undefined ? x - 8 : x + 8}" y="${y + (bus.parent === undefined ? 22 : 16)}">${value}</text>`,
    der_kW === 0 ? '' : `<g class="der"><path d="M${x - 14} ${y + 16}l5.5-10l5.5 10z"/></g>`,
    '</g>',
  ].join('');
}

/** `n632` and `l632` are the bus 632 of the published drawings. */
function shortName(name: string): string {
  return /^[nl]\d/.test(name) ? name.slice(1) : name;
}

/** Five equal steps inside the limits, and one beyond either. */
export function voltageClass(pu: number | undefined, low_pu: number, high_pu: number): string {
  if (pu === undefined) return 'v';
  if (pu < low_pu) return 'v under';
  if (pu > high_pu) return 'v above';
  return `v v${Math.min(4, Math.floor((5 * (pu - low_pu)) / (high_pu - low_pu)))}`;
}
