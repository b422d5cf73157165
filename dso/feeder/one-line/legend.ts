/** Style, legend and notes of a one-line diagram. */
import type { LinkDescription } from '../../power-flow/power-flow.ts';
import type { FeederLimits } from '../feeder.ts';
import type { Shown } from './svg.ts';
import { escaped, symbol } from './symbols.ts';

export const LEGEND_HEIGHT = 66;
const LINE = 17;
/** Average width of a character of the notes, px. */
const CHARACTER = 6.1;

interface Palette {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly wire: string;
  readonly der: string;
  /** Of the voltage, from `v0` at the low limit to `v4` at the high one. */
  readonly steps: readonly string[];
  readonly under: string;
  readonly above: string;
}

/** Blue is low, red is high, and the middle is quiet; beyond a limit the mark is strong and ringed. */
const LIGHT: Palette = {
  ...{ paper: '#ffffff', ink: '#1c2430', soft: '#5d6775', wire: '#465060', der: '#1f8f4d' },
  ...{ steps: ['#3f7fc4', '#8db8e0', '#c9ced6', '#f0b48a', '#dc7a4a'], under: '#173f8f', above: '#a8102a' },
};
const DARK: Palette = {
  ...{ paper: '#141a22', ink: '#e9edf2', soft: '#9aa5b3', wire: '#8693a4', der: '#46c07a' },
  ...{ steps: ['#5b9be0', '#86aed6', '#7d8794', '#d79a6d', '#f08a55'], under: '#3d6cff', above: '#ff4560' },
};

const SHAPES = `
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
.title{font-size:20px;font-weight:600}.sub{font-size:12px}.note{font-size:11.5px}
.name,.value{font-size:10.5px;paint-order:stroke;stroke-width:3px;stroke-linejoin:round}.value{font-weight:600}
.link path{fill:none;stroke-linejoin:round}.p3 path{stroke-width:2.6}.p2 path{stroke-width:1.8}.p1 path{stroke-width:1}
.link .gear,.link .ring{stroke-width:1.6}.v{stroke-width:1.2}
.under,.above{stroke-width:5;stroke-opacity:.35}.source{stroke-width:1.6}`;

/** Written out for each palette, not with CSS variables: many programs that show SVG do not know them. */
const colours = ({ paper, ink, soft, wire, der, steps, under, above }: Palette): string => `
.paper{fill:${paper}}text{fill:${ink}}.sub,.note{fill:${soft}}.name,.value{stroke:${paper}}
.link path{stroke:${wire}}.link.over>path{stroke:${above}}.link .gear{fill:${paper};stroke:${wire}}.link path.gear,.link .ring{fill:none;stroke:${wire}}
.link .closed{fill:${wire}}.v{stroke:${paper};fill:${steps[2]}}${steps.map((colour, i) => `.v${i}{fill:${colour}}`).join('')}
.under{fill:${under};stroke:${under}}.above{fill:${above};stroke:${above}}.source{stroke:${ink}}.der path{fill:${der};stroke:${paper}}`;

export const STYLE = `${SHAPES}${colours(LIGHT)}\n@media (prefers-color-scheme:dark){${colours(DARK)}}\n`;

export function legend(x: number, y: number, { low_pu, high_pu }: FeederLimits): string {
  const step = (high_pu - low_pu) / 5;
  const classes = ['v under', 'v v0', 'v v1', 'v v2', 'v v3', 'v v4', 'v above'];
  const texts = [
    `< ${low_pu}`,
    ...[0, 1, 2, 3, 4].map(
      (i) => `${(low_pu + i * step).toFixed(2)}–${(low_pu + (i + 1) * step).toFixed(2)}`,
    ),
    `> ${high_pu} pu`,
  ];
  const voltages = classes.map((name, i) => {
    const at = x + 6 + i * 84;
    return `<circle class="${name}" cx="${at}" cy="${y + 10}" r="5.5"/><text class="note" x="${at + 11}" y="${y + 14}">${escaped(texts[i] ?? '')}</text>`;
  });
  const equipment: [draw: (x: number) => string, text: string, width: number][] = [
    [(at) => `<rect class="v source" x="${at - 7}" y="${y + 31}" width="14" height="14"/>`, 'substation', 94],
    [(at) => `<circle class="v" cx="${at}" cy="${y + 38}" r="6.5"/>`, 'load', 62],
    [(at) => `<g class="der"><path d="M${at - 6} ${y + 44}l6-11l6 11z"/></g>`, 'DER', 66],
    [(at) => symbol('regulator', at, y + 38), 'regulator', 96],
    [(at) => symbol('transformer', at, y + 38), 'transformer', 112],
    [(at) => symbol('switch', at, y + 38), 'closed switch', 118],
  ];
  let at = x + 6;
  const drawn = equipment.map(([draw, text, width]) => {
    const svg = `<g class="link">${draw(at)}</g><text class="note" x="${at + 15}" y="${y + 42}">${text}</text>`;
    at += width;
    return svg;
  });
  const wires = [3, 2, 1].map((phases, i) => {
    const from = at + i * 88;
    const text = phases === 1 ? '1 phase' : `${phases} phases`;
    return `<g class="link p${phases}"><path d="M${from - 6} ${y + 38}h22"/></g><text class="note" x="${from + 22}" y="${y + 42}">${text}</text>`;
  });
  return `<g>${[...voltages, ...drawn, ...wires].join('')}</g>`;
}

/** What the drawing leaves out, in words: open switches, loops, and buses without voltage. */
export function footer(
  { description }: Shown,
  ties: readonly LinkDescription[],
  width: number,
): { height: number; svg: (x: number, y: number) => string } {
  const named = (links: readonly LinkDescription[]) =>
    links.map(({ name, from, to }) => `${name} (${from} to ${to})`).join(', ');
  const open = ties.filter(({ closed }) => !closed);
  const live = new Set(description.nodes.map(({ name }) => name));
  const loops = ties.filter(({ closed, from, to }) => closed && live.has(from) && live.has(to));
  const lines = [
    ...(open.length === 0 ? [] : wrapped(`Open: ${named(open)}.`, width)),
    ...(loops.length === 0 ? [] : wrapped(`Closed, and not drawn: ${named(loops)}.`, width)),
    ...description.remarks.flatMap((remark) => wrapped(`${remark}.`, width)),
  ];
  return {
    height: lines.length * LINE,
    svg: (x, y) =>
      lines
        .map((line, i) => `<text class="note" x="${x}" y="${y + 10 + i * LINE}">${escaped(line)}</text>`)
        .join('\n'),
  };
}

function wrapped(text: string, width: number): string[] {
  const out: string[] = [''];
  for (const word of text.split(' ')) {
    const last = out.at(-1) ?? '';
    if ((last.length + word.length + 1) * CHARACTER > width) out.push(word);
    else out[out.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return out;
}
