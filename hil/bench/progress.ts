/** One line on the screen while a run lasts; plain lines now and then where the screen is a file. */

export interface Progress {
  update(done: number, text: string): void;
  finish(): void;
}

/** Redraw at most so often, real ms. */
const REDRAW_MS = 100;
const BAR_WIDTH = 24;

export function progressLine(total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const started = performance.now();
  let drawn = Number.NEGATIVE_INFINITY;
  let tenth = 0;
  return {
    update: (done, text) => {
      const now = performance.now();
      const share = total === 0 ? 1 : done / total;
      if (stream.isTTY === true) {
        if (now - drawn < REDRAW_MS && done < total) return;
        drawn = now;
        const filled = Math.round(share * BAR_WIDTH);
        const left_s = share > 0.02 ? ((now - started) / 1000) * (1 / share - 1) : Number.NaN;
        const left = Number.isFinite(left_s) ? ` ${Math.ceil(left_s)} s left` : '';
        const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
        stream.write(
          `\r\u001b[2K${bar} ${Math.floor(100 * share)} % ${text}${left}`.slice(0, stream.columns + 5),
        );
      } else if (Math.floor(share * 10) > tenth) {
        tenth = Math.floor(share * 10);
        stream.write(`${tenth * 10} % ${text}\n`);
      }
    },
    finish: () => {
      if (stream.isTTY === true) stream.write('\r\u001b[2K');
    },
  };
}
