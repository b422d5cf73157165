/** A simulated grid emulator that is a real Modbus TCP server. mappings/twin-modbus.yaml says what its registers are. */
import { encodeRaw } from '@fieldbid/edge-agent/drivers/sunspec/codec';
import {
  DEVICE_FAILURE,
  ILLEGAL_ADDRESS,
  ILLEGAL_VALUE,
  ModbusRefusal,
  NO_SUCH_UNIT,
  type RegisterDevice,
} from '../../devices/modbus-answers.ts';
import { ModbusServer } from '../../devices/modbus-server.ts';
import {
  CHANNELS,
  type EmulatorFaults,
  EmulatorPhysics,
  type EmulatorPhysicsOptions,
} from './emulator-physics.ts';
import { type EmulatorTwin, TWIN_SERIAL } from './emulator-twin.ts';

/** "GE": tells this kind of emulator from others. */
const MARK = 0x4745;
const TEXT_WORDS = 8;
const UNIT = 1;
/** Registers count hundredths of a volt. */
const PER_VOLT = 100;

/** First registers. */
const AT = {
  mark: 0,
  model: 1,
  serial: 9,
  nominal: 17,
  highest: 18,
  rating: 19,
  local: 21,
  alarm: 22,
} as const;
const RW = { output: 30, watchdog: 31, apply: 32, setpoints: 40 } as const;
const END = 43;

export class ModbusTwin implements EmulatorTwin {
  readonly physics: EmulatorPhysics;
  readonly faults: EmulatorFaults;
  readonly taken: (readonly [number, number])[] = [];
  /** What clients read and write, for servers on other media. */
  readonly registers: RegisterDevice;
  readonly #server: ModbusServer;
  #offline = false;
  #watchdog = 0;
  #frozen: { holding: number[]; input: number[] } | undefined;

  constructor(options: EmulatorPhysicsOptions) {
    this.physics = new EmulatorPhysics(options);
    this.registers = {
      isOnline: () => !this.#offline,
      readRegisters: (unit, address, count, code) => this.#read(unit, address, count, code),
      writeRegisters: (unit, address, words) => this.#write(unit, address, words),
    };
    this.#server = new ModbusServer(this.registers);
    this.faults = this.#switches();
  }

  async listen(host: string, port: number): Promise<{ port: number; endpoint: string }> {
    const bound = await this.#server.listen(host, port);
    return { port: bound.port, endpoint: `tcp://${host}:${bound.port}?unit=${UNIT}` };
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #switches(): EmulatorFaults {
    const twin = this;
    return {
      refusesWrites: false,
      get offline() {
        return twin.#offline;
      },
      set offline(offline) {
        twin.#offline = offline;
        if (offline) twin.#server.dropClients();
      },
      get ignoresSetpoints() {
        return !twin.physics.obeys;
      },
      set ignoresSetpoints(ignores) {
        twin.physics.obeys = !ignores;
      },
      get frozen() {
        return twin.#frozen !== undefined;
      },
      set frozen(frozen) {
        twin.#frozen = frozen ? { holding: twin.#holding(), input: twin.#input() } : undefined;
      },
    };
  }

  #read(unit: number, address: number, count: number, code: 3 | 4): number[] {
    if (unit !== UNIT) throw new ModbusRefusal(NO_SUCH_UNIT, `unit ${unit}`);
    const all =
      code === 3 ? (this.#frozen?.holding ?? this.#holding()) : (this.#frozen?.input ?? this.#input());
    if (address + count > all.length) throw new ModbusRefusal(ILLEGAL_ADDRESS, `registers from ${address}`);
    return all.slice(address, address + count);
  }

  #holding(): number[] {
    const { physics } = this;
    const words = Array.from({ length: END }, () => 0);
    const put = (address: number, more: readonly number[]): void =>
      void words.splice(address, more.length, ...more);
    const text = (value: string): number[] =>
      encodeRaw({ name: 'text', type: 'string', size: TEXT_WORDS }, value);
    put(AT.mark, [MARK]);
    put(AT.model, text('AC source twin'));
    put(AT.serial, text(TWIN_SERIAL));
    put(AT.nominal, [hundredths(physics.nominal_V)]);
    put(AT.highest, [hundredths(physics.highest_V)]);
    put(AT.rating, encodeRaw({ name: 'rating', type: 'uint32', size: 2 }, Math.round(physics.rating_VA)));
    put(AT.local, [Number(physics.local)]);
    put(AT.alarm, [physics.alarm]);
    put(RW.output, [Number(physics.on)]);
    put(RW.watchdog, [this.#watchdog]);
    for (let i = 0; i < CHANNELS; i++) words[RW.setpoints + i] = hundredths(physics.setpoint_V(i));
    return words;
  }

  #input(): number[] {
    return Array.from({ length: CHANNELS }, (_, i) => hundredths(this.physics.measured_V(i)));
  }

  #write(unit: number, address: number, words: readonly number[]): void {
    if (unit !== UNIT) throw new ModbusRefusal(NO_SUCH_UNIT, `unit ${unit}`);
    const { physics, faults } = this;
    if (faults.refusesWrites) throw new ModbusRefusal(DEVICE_FAILURE, 'refuses writes');
    const entries = words.map((word, i) => [address + i, word] as const);
    const isSetpoint = (at: number): boolean => at >= RW.setpoints && at < RW.setpoints + CHANNELS;
    for (const [at] of entries) {
      const known = at === RW.output || at === RW.watchdog || at === RW.apply || isSetpoint(at);
      if (!known) throw new ModbusRefusal(ILLEGAL_ADDRESS, `register ${at} cannot be written`);
    }
    if (faults.frozen) return;
    if (physics.local || physics.alarm !== 0)
      throw new ModbusRefusal(DEVICE_FAILURE, 'not under remote control');
    for (const [at, word] of entries) {
      if (at === RW.output) physics.switchOutput(word === 1);
      else if (at === RW.apply) physics.apply();
      else if (at === RW.watchdog) {
        this.#watchdog = word;
        physics.heard();
      } else {
        const channel = at - RW.setpoints;
        if (!physics.set(channel, word / PER_VOLT))
          throw new ModbusRefusal(ILLEGAL_VALUE, `${word} in ${at}`);
        this.taken.push([channel, word / PER_VOLT]);
      }
    }
  }
}

function hundredths(volts: number): number {
  return Math.round(volts * PER_VOLT);
}
