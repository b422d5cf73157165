/** What the bridge tells of a loaded model, as the port describes it. */
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import type { FeederDescription, FeederModel, LinkDescription, NodeDescription } from '../power-flow.ts';
import { unreachable } from '../reachability.ts';
import { monitoredVoltages } from '../voltages.ts';
import type { GlmObject } from './glm.ts';
import type { Answer } from './process.ts';

/**
 * A node beyond an open switch has no voltage: its phases are left out. One that carries a load or a DER is a
 * mistake in the model, which GridLAB-D would "solve" with nonsense.
 */
export function describe(
  answer: Answer,
  objects: ReadonlyMap<string, GlmObject>,
  model: FeederModel,
): FeederDescription {
  const nodes = answer.nodes as NodeDescription[];
  const links = answer.links as LinkDescription[];
  const [swing, ...more] = answer.swing as string[];
  if (swing === undefined || more.length > 0) {
    const count = more.length + (swing === undefined ? 0 : 1);
    throw new FieldbidError('FEEDER_REJECTED', `${model.file}: ${count} swing buses, one is needed`);
  }
  const parents = new Map<string, string>();
  for (const { name, properties } of objects.values()) {
    const parent = properties.get('parent');
    if (parent !== undefined) parents.set(name, parent);
  }
  const islands = new Set(unreachable(nodes, links, swing, parents));
  const carries = new Set([...parents.values(), ...model.ders.map(({ bus }) => bus)]);
  const loaded = [...islands].filter((nodePhase) => {
    const name = nodePhase.slice(0, nodePhase.lastIndexOf('.'));
    return carries.has(name) || objects.get(name)?.kind === 'load';
  });
  if (loaded.length > 0) {
    const named = loaded.slice(0, 10).join(', ');
    throw new FieldbidError(
      'ISLANDED_NODE',
      `${model.file}: no closed link connects ${named} to the swing bus ${swing}`,
    );
  }
  const live = nodes
    .map((node) => ({
      ...node,
      phases: node.phases.filter((phase) => !islands.has(`${node.name}.${phase}`)),
    }))
    .filter(({ phases }) => phases.length > 0);
  for (const link of model.ratings?.keys() ?? []) {
    if (links.some(({ name }) => name === link)) continue;
    const expected = 'a line, switch or transformer of the model';
    throw new InputError({ source: model.file, path: `/ratings/${link}`, found: 'no such link', expected });
  }
  const remarks = [...(answer.remarks as string[])];
  if (islands.size > 0)
    remarks.push(`without voltage, beyond open switches: ${[...islands].sort().join(', ')}`);
  return {
    engine: String(answer.engine),
    nodes: live,
    nodePhases: live.flatMap(({ name, phases }) =>
      monitoredVoltages(phases, model.voltages ?? 'line-to-neutral').map((voltage) => `${name}.${voltage}`),
    ),
    links,
    ratedLinks: [...(model.ratings?.keys() ?? [])],
    swing,
    remarks,
  };
}
