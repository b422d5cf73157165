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

/** Ports of the bench are drawn by the system, in each run others. */
export function portless(said: string): string {
  return said.replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1');
}
