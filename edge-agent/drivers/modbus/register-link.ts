/**
 * Registers of one device, whatever carries them. Devices behind one host and port share one connection:
 * many inverters and gateways take a single TCP client.
 */
import { type Endpoint, endpointText } from './endpoint.ts';
import { type ConnectionOptions, TcpConnection } from './tcp-connection.ts';

export interface RegisterLink {
  /** How people call it in messages: the endpoint. */
  readonly name: string;
  /** Largest read that the device takes, registers. */
  maxRead: number;
  /** Holding registers (function 3), at most 125. @throws ModbusError. */
  read(address: number, count: number, table?: 'holding' | 'input'): Promise<number[]>;
  /** One register (function 6). @throws ModbusError. */
  writeOne(address: number, word: number): Promise<void>;
  /** Several at once (function 16). @throws ModbusError. */
  writeMany(address: number, words: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export type LinkTiming = Pick<ConnectionOptions, 'deadline_ms' | 'gap_ms' | 'now' | 'backOff'>;

/** Hands out links, one connection per host and port; the first link's timing holds for all that share. */
export class ModbusLinks {
  readonly #shared = new Map<string, { connection: TcpConnection; users: number }>();

  open(endpoint: Endpoint, timing: LinkTiming = {}): RegisterLink {
    const key = `${endpoint.host}|${endpoint.port}`;
    const entry = this.#shared.get(key) ?? {
      connection: new TcpConnection({ host: endpoint.host, port: endpoint.port, ...timing }),
      users: 0,
    };
    this.#shared.set(key, entry);
    entry.users++;
    const { connection } = entry;
    let open = true;
    return {
      name: endpointText(endpoint),
      maxRead: 125,
      read: (address, count) => connection.read(endpoint.unit, address, count),
      writeOne: (address, word) => connection.writeOne(endpoint.unit, address, word),
      writeMany: (address, words) => connection.writeMany(endpoint.unit, address, words),
      close: async () => {
        if (!open) return;
        open = false;
        entry.users--;
        if (entry.users > 0) return;
        if (this.#shared.get(key) === entry) this.#shared.delete(key);
        await connection.close();
      },
    };
  }
}
