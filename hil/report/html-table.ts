/** HTML of the report: text and tables. */

export function text(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Characters beyond which a cell is not squeezed into a column. */
const LONG_TEXT = 40;

/** @param textColumns aligned as text. */
export function table(header: string[], rows: (string | number)[][], textColumns: number[]): string {
  const classOf = (value: string): string => (value.length > LONG_TEXT ? 'text long' : 'text');
  const cell = (tag: string) => (value: string | number, i: number) =>
    `<${tag}${textColumns.includes(i) ? ` class="${classOf(String(value))}"` : ''}>${text(String(value))}</${tag}>`;
  return `<div class="scroll"><table><thead><tr>${header.map(cell('th')).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
}
