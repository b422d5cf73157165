/** HTML of the report: text and tables. */

export function text(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** @param textColumns aligned as text. */
export function table(header: string[], rows: (string | number)[][], textColumns: number[]): string {
  const cell = (tag: string) => (value: string | number, i: number) =>
    `<${tag}${textColumns.includes(i) ? ' class="text"' : ''}>${text(String(value))}</${tag}>`;
  return `<div class="scroll"><table><thead><tr>${header.map(cell('th')).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
}
