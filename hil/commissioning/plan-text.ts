/** The plan of what is written to hardware, for people: on a screen, and as `writes.md`. */
import { deadManText } from '@fieldbid/edge-agent/device/dead-man';
import type { AnnouncedWrite, Announcement, DeadMan } from '@fieldbid/edge-agent/device/der-device';
import { columns, labelled } from './columns.ts';
import { whoIs } from './found-device.ts';
import type { HardwarePlan } from './hardware-plan.ts';

const OCCASIONS: Record<AnnouncedWrite['occasion'], string> = {
  limit: 'each limit',
  release: 'to lift it',
  heartbeat: 'sign of life',
  preparation: 'ONCE, by you',
};

export function planText(plans: readonly HardwarePlan[]): string {
  if (plans.length === 0) return 'Nothing is written to hardware: no device of this scenario is physical.';
  return plans.map(onePlan).join('\n\n');
}

function onePlan(plan: HardwarePlan): string {
  const { derId, device, identity, announced } = plan;
  const who = identity === null ? 'does not answer' : whoIs(identity);
  const head = `${derId}  ${device}\n   ${who}`;
  if (announced.outcome === 'unreachable') {
    return `${head}\n${labelled('UNKNOWN', `what would be written: ${announced.reason}`)}`;
  }
  if (announced.outcome === 'refused') {
    return `${head}\n${labelled('nothing', `is written: ${announced.code}, ${announced.reason}`)}`;
  }
  const rows = announced.writes.map((write) => rowOf(write));
  const registers = announced.writes.some(({ register }) => register !== undefined);
  const title = [
    ...(registers ? ['register'] : []),
    'point',
    ...(registers ? ['function'] : []),
    'raw',
    'value',
    'when',
  ];
  const body = rows.map(([register = '', point = '', functions = '', ...rest]) => [
    ...(registers ? [register] : []),
    point,
    ...(registers ? [functions] : []),
    ...rest,
  ]);
  return [head, columns([title, ...body], '   '), ...notes(plan, announced)].join('\n');
}

function rowOf({ occasion, point, register, functions, raw, least, most, unit }: AnnouncedWrite): string[] {
  const range = (low: string, high: string): string => (low === high ? low : `${low} … ${high}`);
  const value = range(number(least), number(most));
  const wire = (words: readonly number[]): string =>
    words.length === 1 ? number(words[0] ?? 0) : hex(words);
  return [
    register === undefined ? '' : String(register),
    point,
    functions?.join(' or ') ?? '',
    range(wire(raw.least), wire(raw.most)),
    unit === '' ? value : `${value} ${unit}`,
    OCCASIONS[occasion],
  ];
}

function notes(plan: HardwarePlan, { base_W, least_pct, writes, control }: Announcement): string[] {
  const { perInterval, perDay, allowedPerDay, interval_min, identity, profile, device } = plan;
  const { revert_s, heartbeat_s } = plan;
  const allowed = allowedPerDay === null ? '' : `; its profile allows ${allowedPerDay}`;
  const beats = writes.some(({ occasion }) => occasion === 'heartbeat');
  const prepares = writes.some(({ occasion }) => occasion === 'preparation');
  const over =
    allowedPerDay !== null && perDay > allowedPerDay
      ? ' TOO OFTEN for a whole day: a longer time-out, or longer intervals.'
      : '';
  return [
    labelled(
      'limit',
      `${control}; 100 % is ${Math.round(base_W)} W, never told less than ${number(least_pct)} %`,
    ),
    labelled(
      'how often',
      `each register ${times(perInterval)} an interval of ${interval_min} min, ${perDay} times a whole day${allowed}.${over}` +
        ' Once more where the device loses it, at most 3 times an interval.',
    ),
    labelled('no award', `the least is written, ${number(least_pct)} %, until the interval ends`),
    ...(identity === null ? [] : [labelled('silence', silenceText(identity.deadMan, revert_s))]),
    labelled('at the end', 'the limit is lifted: the device runs by its own default'),
    ...(beats
      ? [
          labelled(
            'life',
            `the counter goes up every ${heartbeat_s} s: without it the device takes its controller for dead`,
          ),
        ]
      : []),
    ...(prepares
      ? [
          labelled(
            'prepare',
            `settings in flash, which no run writes. Once: npx fieldbid edge prepare --profile ${profile} '${device}' --yes`,
          ),
        ]
      : []),
  ];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${number(count)} times`;
}

function number(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function hex(words: readonly number[]): string {
  return `0x${words.map((word) => word.toString(16).padStart(4, '0')).join('')}`;
}

/** A revert timer ends a limit after the time that the limit carries. */
function silenceText(deadMan: DeadMan, revert_s: number): string {
  const armed = deadMan.kind === 'revert-timer' ? { timeout_s: revert_s } : {};
  return deadManText({ ...deadMan, ...armed });
}

/** `writes.md` beside a scenario. */
export function planMarkdown(name: string, plans: readonly HardwarePlan[]): string {
  return `# What a run of ${name} writes to hardware

Found by reading the devices; written by \`fieldbid bench init\`, which wrote nothing to them. \`fieldbid run\` shows this
anew from the devices as they are then, and asks before it writes. Registers count from 0, as they go over the wire;
raw values are under the scale factors of now. What is not listed here is not written.

\`\`\`
${planText(plans)}
\`\`\`
`;
}
