/** How often the living units of one bus are polled while others on it are dead, beside the same without the dead. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';

export interface PollRate {
  /** Answers of living units in each second since the start, all units together. */
  readonly perSecond: readonly number[];
  /** Requests that dead units were sent. */
  readonly probes: number;
}

const UNITS = 32;
const PERIOD_MS = 1000;
const DEADLINE_MS = 1000;
/** What a device or the gateway before it takes for an answer: 24 of them fill half of the bus's time. */
const ANSWER_MS = 20;

/** Polls each unit once a second for `duration_s` s, real time. @param dead how many of the 32 do not answer. */
export async function pollRate(options: {
  dead: number;
  absent: number;
  duration_s: number;
}): Promise<PollRate> {
  const { dead, absent, duration_s } = options;
  const sockets = new Set<Socket>();
  const gateway = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    relay(socket, dead);
  });
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  const address = gateway.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const links = new ModbusLinks();
  const units = Array.from({ length: UNITS }, (_, i) => i + 1).filter((unit) => unit > absent);
  const began_ms = performance.now();
  const perSecond = Array.from({ length: duration_s }, () => 0);
  const opened = units.map((unit) =>
    links.open({ scheme: 'tcp', host: '127.0.0.1', port, unit }, { deadline_ms: DEADLINE_MS }),
  );
  await Promise.all(
    opened.map(async (link, i) => {
      const unit = units[i] ?? 0;
      // A poll that takes longer than the period costs the polls that it overlaps.
      for (let due_ms = (PERIOD_MS * i) / UNITS; due_ms < duration_s * 1000; ) {
        await new Promise((resolve) => setTimeout(resolve, began_ms + due_ms - performance.now()));
        try {
          await link.read(0, 10);
          const second = Math.floor((performance.now() - began_ms) / 1000);
          if (unit > dead && second < duration_s) perSecond[second] = (perSecond[second] ?? 0) + 1;
        } catch {
          // dead, or held back
        }
        const passed_ms = performance.now() - began_ms;
        due_ms += PERIOD_MS * Math.max(1, Math.ceil((passed_ms - due_ms) / PERIOD_MS));
      }
    }),
  );
  const probes = opened.reduce(
    (sum, link, i) => sum + ((units[i] ?? 0) <= dead ? link.stats.requests : 0),
    0,
  );
  await Promise.all(opened.map((link) => link.close()));
  for (const socket of sockets) socket.destroy();
  gateway.close();
  return { perSecond, probes };
}

/** A gateway with units behind it: the first `dead` ones never answer, the others after `ANSWER_MS`. */
function relay(socket: Socket, dead: number): void {
  socket.on('data', (request: Buffer) => {
    if (request.readUInt8(6) <= dead) return;
    const answer = Buffer.alloc(29);
    request.copy(answer, 0, 0, 8);
    answer.writeUInt16BE(23, 4);
    answer.writeUInt8(20, 8);
    setTimeout(() => void socket.write(answer), ANSWER_MS);
  });
}
