/**
 * Seeded pseudo-random numbers for scenarios and simulations: the same seed and name give the same sequence
 * on every machine. Never for keys or salts of a real deployment (those come from node:crypto).
 */
import { createHash } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/** A stream of its own per (seed, name); streams do not disturb each other. Generator: sfc32. */
export function seededRandom(seed: number | string, name: string): Random {
  const hash = createHash('sha256').update(`${seed}\n${name}`).digest();
  let a = hash.readInt32LE(0);
  let b = hash.readInt32LE(4);
  let c = hash.readInt32LE(8);
  let d = hash.readInt32LE(12);
  const uniform = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 15; i++) uniform();
  return {
    uniform,
    // Box-Muller; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
