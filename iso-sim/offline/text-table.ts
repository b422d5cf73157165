/** Tables for terminals: words to the left, numbers to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = head.map((name, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), name.length),
  );
  const isNumber = head.map((_, i) =>
    rows.some((row) => typeof row[i] === 'number' || /^-?\d[\d.]*$/.test(String(row[i]))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [head, ...cells].map(line).join('\n');
}
