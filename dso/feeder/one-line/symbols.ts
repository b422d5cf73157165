/** Symbols of equipment on a link, as one-line diagrams draw them. */

/** @param kind class of the link in the model; lines have no symbol. @param x, y middle of the symbol. */
export function symbol(kind: string, x: number, y: number): string {
  switch (kind) {
    case 'regulator':
      return `<circle class="gear" cx="${x}" cy="${y}" r="8"/><path class="gear" d="M${x - 9} ${y + 9}L${x + 9} ${y - 9}m-5 -0.5l5 0.5l-0.5 5"/>`;
    case 'transformer':
      return `<circle class="gear" cx="${x - 5}" cy="${y}" r="7.5"/><circle class="gear" cx="${x + 5}" cy="${y}" r="7.5"/><circle class="ring" cx="${x - 5}" cy="${y}" r="7.5"/>`;
    case 'switch':
    case 'fuse':
    case 'recloser':
    case 'sectionalizer':
      return `<rect class="closed" x="${x - 5}" y="${y - 5}" width="10" height="10"/>`;
    default:
      return '';
  }
}

export function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
