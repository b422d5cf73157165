/** Complex numbers and small matrices of them, as line impedances need. */

export interface Complex {
  readonly re: number;
  readonly im: number;
}

export type ComplexMatrix = readonly (readonly Complex[])[];

export const ZERO: Complex = { re: 0, im: 0 };

export function complex(re: number, im = 0): Complex {
  return { re, im };
}

export function polar(magnitude: number, angle_deg: number): Complex {
  const angle = (angle_deg * Math.PI) / 180;
  return { re: magnitude * Math.cos(angle), im: magnitude * Math.sin(angle) };
}

export function magnitude(a: Complex): number {
  return Math.hypot(a.re, a.im);
}

export function isZero(a: Complex): boolean {
  return a.re === 0 && a.im === 0;
}

export function conjugate(a: Complex): Complex {
  return { re: a.re, im: -a.im };
}

export function add(a: Complex, b: Complex): Complex {
  return { re: a.re + b.re, im: a.im + b.im };
}

export function subtract(a: Complex, b: Complex): Complex {
  return { re: a.re - b.re, im: a.im - b.im };
}

export function scale(a: Complex, factor: number): Complex {
  return { re: a.re * factor, im: a.im * factor };
}

export function multiply(a: Complex, b: Complex): Complex {
  return { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re };
}

export function divide(a: Complex, b: Complex): Complex {
  const square = b.re * b.re + b.im * b.im;
  return scale(multiply(a, conjugate(b)), 1 / square);
}

/** Inverse by Gauss-Jordan elimination. @throws RangeError for a singular matrix. */
export function inverse(matrix: ComplexMatrix): Complex[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => complex(i === j ? 1 : 0))]);
  for (let column = 0; column < n; column++) {
    let best = column;
    for (let i = column + 1; i < n; i++) {
      if (magnitude(rows[i]![column]!) > magnitude(rows[best]![column]!)) best = i;
    }
    const pivotRow = rows[best]!;
    const pivot = pivotRow[column]!;
    if (!(magnitude(pivot) > 0)) throw new RangeError('singular matrix');
    rows[best] = rows[column]!;
    const unit = pivotRow.map((value) => divide(value, pivot));
    rows[column] = unit;
    for (let i = 0; i < n; i++) {
      if (i === column) continue;
      const factor = rows[i]![column]!;
      rows[i] = rows[i]!.map((value, j) => subtract(value, multiply(factor, unit[j]!)));
    }
  }
  return rows.map((row) => row.slice(n));
}

/**
 * Kron reduction: the first `kept` conductors, with the others grounded.
 * @param matrix of all conductors, as primitive impedances or potential coefficients.
 */
export function kron(matrix: ComplexMatrix, kept: number): Complex[][] {
  const grounded = inverse(matrix.slice(kept).map((row) => row.slice(kept)));
  return matrix.slice(0, kept).map((row, i) =>
    row.slice(0, kept).map((own, j) => {
      let through = ZERO;
      grounded.forEach((inverseRow, p) => {
        inverseRow.forEach((value, q) => {
          const path = multiply(matrix[i]![kept + p]!, value);
          through = add(through, multiply(path, matrix[kept + q]![j]!));
        });
      });
      return subtract(own, through);
    }),
  );
}
