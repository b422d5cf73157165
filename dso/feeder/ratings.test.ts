import test from 'ava';
import { objectsIn } from '../power-flow/gridlabd/glm.ts';
import { linkRatings } from './ratings.ts';

const GLM = `
object overhead_line_conductor { name thick; rating.summer.continuous 530.0; }
object overhead_line_conductor { name thin; rating.summer.continuous 230 A; rating.winter.continuous 300; }
object line_configuration { name lc; conductor_A thick; conductor_B thin; conductor_N thin; }
object overhead_line { name both; configuration lc; }
object overhead_line { name own; configuration lc; continuous_rating_A 400; continuous_rating_B 380; }
object line_configuration { name by-matrix; z11 1+0j; }
object underground_line { name unknown; configuration by-matrix; }
object switch { name sw; continuous_rating_C 600; }
object transformer_configuration { name tc; power_rating 150 kVA; }
object transformer { name t; configuration tc; }
object load { name l; }
`;

test('a model’s own ratings: of the link, else of the weakest conductor; kVA of a transformer', (t) => {
  const objects = new Map(objectsIn(GLM).map((object) => [object.name, object]));
  t.deepEqual(Object.fromEntries(linkRatings('feeder.yaml', {}, objects)), {
    both: { kind: 'current', rating: 230, nameplate: true },
    own: { kind: 'current', rating: 380, nameplate: true },
    sw: { kind: 'current', rating: 600, nameplate: true },
    t: { kind: 'power', rating: 150_000, nameplate: true },
  });
  const given = { both: 'none', t: { rating_kVA: 100 }, unknown: { rating_A: 50 } } as const;
  t.deepEqual(Object.fromEntries(linkRatings('feeder.yaml', given, objects)), {
    own: { kind: 'current', rating: 380, nameplate: true },
    sw: { kind: 'current', rating: 600, nameplate: true },
    t: { kind: 'power', rating: 100_000 },
    unknown: { kind: 'current', rating: 50 },
  });
});
