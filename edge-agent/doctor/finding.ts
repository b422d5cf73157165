/** What `fieldbid edge doctor` finds: one line for each thing it looked at. */
export interface Finding {
  /** `machine`, `files`, `broker`, or the DER. */
  readonly area: string;
  readonly what: string;
  /** `FAIL`: the agent will not work, or not safely. `warning`: a person should know. */
  readonly outcome: 'ok' | 'warning' | 'FAIL';
  readonly found: string;
  readonly todo?: string;
}

/** Findings of one area. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #area: string;

  constructor(area: string) {
    this.#area = area;
  }

  ok(what: string, found: string): void {
    this.list.push({ area: this.#area, what, outcome: 'ok', found });
  }

  warning(what: string, found: string, todo: string): void {
    this.list.push({ area: this.#area, what, outcome: 'warning', found, todo });
  }

  fail(what: string, found: string, todo: string): void {
    this.list.push({ area: this.#area, what, outcome: 'FAIL', found, todo });
  }
}

/** For people: what was found, and below it what to do. */
export function findingsText(findings: readonly Finding[]): string {
  const width = (key: 'area' | 'what'): number => Math.max(...findings.map((finding) => finding[key].length));
  const [area, what] = [width('area'), width('what')];
  const lines = findings.flatMap((finding) => {
    const head = `${finding.outcome.padEnd(7)}  ${finding.area.padEnd(area)}  ${finding.what.padEnd(what)}  `;
    const todo = finding.todo === undefined ? [] : [`${' '.repeat(head.length)}→ ${finding.todo}`];
    return [`${head}${finding.found}`, ...todo];
  });
  const count = (outcome: Finding['outcome']): number =>
    findings.filter((finding) => finding.outcome === outcome).length;
  lines.push('', `${count('ok')} ok, ${count('warning')} warnings, ${count('FAIL')} FAIL`);
  return lines.join('\n');
}
