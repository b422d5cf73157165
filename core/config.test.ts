import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import Type from 'typebox';
import { readConfig } from './config.ts';
import { InputError } from './errors.ts';

const Example = Type.Object(
  {
    name: Type.String(),
    retries: Type.Integer({ minimum: 0, default: 3 }),
    phases: Type.Array(Type.Enum(['A', 'B', 'C'])),
    kind: Type.Optional(Type.Union([Type.Literal('x'), Type.Literal('y')])),
  },
  { additionalProperties: false },
);

function faultOf(text: string): InputError['fault'] {
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'example.yaml');
  writeFileSync(file, text);
  try {
    readConfig(Example, file);
  } catch (error) {
    if (error instanceof InputError)
      return { ...error.fault, source: error.fault.source.replace(/^.*\//, '') };
    throw error;
  }
  throw new RangeError('the file was accepted');
}

test('a good file is read with its defaults', (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'good.yaml');
  writeFileSync(file, 'name: a\nphases: [A, C]\n');
  t.deepEqual(readConfig(Example, file), { name: 'a', retries: 3, phases: ['A', 'C'] });
});

test('each fault names file, line, path, found and expected', (t) => {
  t.deepEqual(faultOf('name: a\nphases:\n  - A\n  - D\n'), {
    source: 'example.yaml:4:5',
    path: '/phases/1',
    found: '"D"',
    expected: 'one of "A", "B", "C"',
  });
  t.like(faultOf('name: a\nphases: []\nretrys: 4\n'), {
    source: 'example.yaml:3:9',
    path: '/retrys',
    found: 'the unknown key "retrys"',
  });
  t.like(faultOf('phases: []\n'), { path: '/name', found: 'nothing', expected: 'the key "name"' });
  t.like(faultOf('name: a\nphases: []\nretries: -1\n'), {
    path: '/retries',
    found: '-1',
    expected: 'a number >= 0',
  });
  t.like(faultOf('name: a\nphases: []\nkind: z\n'), { path: '/kind', expected: 'one of "x", "y"' });
  t.like(faultOf('name: [a\n'), { path: '', expected: 'YAML' });
  t.like(faultOf('name: a\nname: b\nphases: []\n'), { path: '', expected: 'YAML' });
});

test('a missing file is named', (t) => {
  const error = t.throws(() => readConfig(Example, join(tmpdir(), 'no-such-file.yaml')), {
    instanceOf: InputError,
  });
  t.regex(error?.message ?? '', /no-such-file\.yaml.*ENOENT/);
});
