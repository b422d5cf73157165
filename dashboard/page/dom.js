// Small helpers: elements are made and texts set only where they differ, never from markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes (`class`, `title`, `data-…`; `onclick` as a listener) and children (nodes or texts). */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Sets a text where it differs: an unchanged one costs the browser nothing, and is not read out again. */
export function say(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== className) element.className = className;
}

/** Replaces the rows of a table. `columns`: [title, is it text?]; a row is a list of texts or nodes. */
export function fillTable(table, columns, rows, empty, rowClass = () => '') {
  const head = h(
    'thead',
    {},
    h(
      'tr',
      {},
      ...columns.map(([title, text]) => h('th', { class: text ? 'text' : null, scope: 'col' }, title)),
    ),
  );
  const body = h('tbody');
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      h('td', { class: columns[i]?.[1] === 'note' ? 'text note' : columns[i]?.[1] ? 'text' : null }, cell),
    );
    body.append(h('tr', { class: rowClass(row) || null }, ...cells));
  }
  if (rows.length === 0)
    body.append(h('tr', {}, h('td', { class: 'empty', colspan: columns.length }, empty)));
  table.replaceChildren(head, body);
}
