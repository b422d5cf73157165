/** A table as comma-separated text: no cell holds a comma or a line break. */
export function csv(
  header: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): string {
  const line = (cells: readonly (string | number | boolean | null)[]): string =>
    cells
      .map((cell) => (cell === null ? '' : String(cell).replaceAll(',', ';').replaceAll('\n', ' ')))
      .join(',');
  return `${[header, ...rows].map(line).join('\n')}\n`;
}
