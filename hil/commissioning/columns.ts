/** Columns for people: each as wide as it needs to be, two blanks between. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}

/** Text broken at blanks, later lines indented. */
export function wrapped(text: string, indent: string, width = 98): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || indent.length + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join(`\n${indent}`);
}

/** A label and a text beside it, broken. */
export function labelled(label: string, text: string, indent = '   ', width = 11): string {
  return `${indent}${label.padEnd(width)}${wrapped(text, ' '.repeat(indent.length + width))}`;
}
