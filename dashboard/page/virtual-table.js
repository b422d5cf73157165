// A table of any length of which only what can be seen is in the document. Sortable by its heads, walked by the arrow keys.
import { h, say } from './dom.js';

const ROW_PX = 28;
/** Rows drawn beyond either edge. */
const SPARE = 4;

/**
 * `columns`: { title, name, width, text?, sort(row) → number or text, cell(row) → [text, class, title] }.
 * @returns { set(rows), selected() }
 */
export function virtualTable(host, { label, columns, keyOf, onSelect }) {
  let rows = [];
  let shown = [];
  let sorted = { name: columns[0].name, up: true };
  let chosen = null;
  const heads = columns.map((column) => {
    const button = h('button', { type: 'button', onclick: () => sortBy(column.name) }, column.title);
    return h('th', { scope: 'col', class: column.text ? 'text' : null, title: column.hint ?? null }, button);
  });
  const pool = [];
  const [above, below] = [h('td', { colspan: columns.length }), h('td', { colspan: columns.length })];
  const last = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, below);
  const body = h('tbody', {}, h('tr', { class: 'spacer', 'aria-hidden': 'true' }, above), last);
  const cols = h('colgroup', {}, ...columns.map(({ width }) => h('col', { class: `w${width}` })));
  const table = h(
    'table',
    { class: 'ders', 'aria-label': label },
    cols,
    h('thead', {}, h('tr', {}, ...heads)),
    body,
  );
  host.replaceChildren(table);
  host.tabIndex = 0;
  host.setAttribute('role', 'region');
  host.setAttribute('aria-label', `${label}; arrow keys choose a row`);
  host.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => draw()).observe(host);
  host.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined || event.target !== host || shown.length === 0) return;
    event.preventDefault();
    const at = shown.findIndex((row) => keyOf(row) === chosen);
    const next = Math.max(0, Math.min(shown.length - 1, at + step));
    const top = next * ROW_PX;
    const room = host.clientHeight - 2 * ROW_PX;
    if (top < host.scrollTop) host.scrollTop = top;
    else if (top > host.scrollTop + room) host.scrollTop = top - room;
    choose(shown[next]);
  });

  function choose(row) {
    chosen = keyOf(row);
    onSelect(row);
    draw();
  }

  function sortBy(name) {
    sorted = { name, up: sorted.name === name ? !sorted.up : true };
    order();
    draw();
  }

  function order() {
    const column = columns.find(({ name }) => name === sorted.name) ?? columns[0];
    const keyed = rows.map((row) => [column.sort(row), row]);
    const sign = sorted.up ? 1 : -1;
    // What is not known comes last, whichever way.
    keyed.sort(
      ([a], [b]) => (a === null ? 1 : 0) - (b === null ? 1 : 0) || sign * (a < b ? -1 : a > b ? 1 : 0),
    );
    shown = keyed.map(([, row]) => row);
    heads.forEach((head, i) => {
      const own = columns[i].name === sorted.name;
      if (own) head.setAttribute('aria-sort', sorted.up ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
      say(head.firstChild, `${columns[i].title}${own ? (sorted.up ? ' ↑' : ' ↓') : ''}`);
    });
  }

  function rowAt(i) {
    let row = pool[i];
    if (row === undefined) {
      row = h('tr', {}, ...columns.map(({ text }) => h('td', { class: text ? 'text' : null })));
      row.addEventListener('click', () => {
        if (row.shows !== undefined) choose(row.shows);
      });
      pool[i] = row;
      body.insertBefore(row, last);
    }
    return row;
  }

  function draw() {
    const from = Math.max(0, Math.floor(host.scrollTop / ROW_PX) - SPARE);
    const count = Math.min(shown.length - from, Math.ceil(host.clientHeight / ROW_PX) + 2 * SPARE);
    above.style.height = `${from * ROW_PX}px`;
    below.style.height = `${Math.max(0, shown.length - from - count) * ROW_PX}px`;
    table.setAttribute('aria-rowcount', String(shown.length + 1));
    for (let i = 0; i < Math.max(pool.length, count); i++) {
      const row = rowAt(i);
      const of = i < count ? shown[from + i] : undefined;
      row.hidden = of === undefined;
      row.shows = of;
      if (of === undefined) continue;
      row.setAttribute('aria-rowindex', String(from + i + 2));
      row.setAttribute('aria-selected', String(keyOf(of) === chosen));
      columns.forEach((column, c) => {
        const cell = row.children[c];
        const [text, tone = '', title = ''] = column.cell(of);
        say(cell, text, `${column.text ? 'text ' : ''}${tone}`);
        if (cell.title !== title) cell.title = title;
      });
    }
  }

  return {
    set(next) {
      rows = next;
      order();
      draw();
    },
    selected: () => chosen,
  };
}
