/** A simulated grid emulator that is a real OPC UA server. mappings/twin-opcua.yaml says what its nodes are. */
import { DataType, StatusCodes } from 'node-opcua-client';
import { addVariables, answerOf, type Shown, type StatusCode } from '../../devices/opcua/shown.ts';
import { type AddressSpace, SimulatedServer } from '../../devices/opcua/simulated-server.ts';
import {
  CHANNELS,
  type EmulatorFaults,
  EmulatorPhysics,
  type EmulatorPhysicsOptions,
} from './emulator-physics.ts';
import { type EmulatorTwin, TWIN_SERIAL } from './emulator-twin.ts';

export const EMULATOR_NAMESPACE = 'urn:fieldbid:simulated-grid-emulator';

export interface OpcUaTwinOptions extends EmulatorPhysicsOptions {
  /** Where its certificate and key lie, and those of clients; made on first use. */
  readonly pkiFolder: string;
  /** Who may enter; anybody when absent. */
  readonly user?: { readonly name: string; readonly password: string };
}

export class OpcUaTwin implements EmulatorTwin {
  readonly physics: EmulatorPhysics;
  readonly faults: EmulatorFaults;
  readonly taken: (readonly [number, number])[] = [];
  readonly #now: () => number;
  readonly #server: SimulatedServer;
  #watchdog = 0;
  #frozen: { readonly at_ms: number; readonly values: ReadonlyMap<string, unknown> } | undefined;

  constructor(options: OpcUaTwinOptions) {
    const { pkiFolder, user, now } = options;
    this.#now = now;
    this.physics = new EmulatorPhysics(options);
    this.#server = new SimulatedServer({
      resourcePath: '/emulator',
      name: 'fieldbid simulated grid emulator',
      pkiFolder,
      ...(user === undefined ? {} : { user }),
      addNodes: (addressSpace) => this.#addNodes(addressSpace),
      onTaken: () => {},
    });
    this.faults = this.#switches();
  }

  listen(host: string, port: number): Promise<{ port: number; endpoint: string }> {
    return this.#server.listen(host, port);
  }

  /** PEM: what a client's owner trusts. */
  get certificateFile(): string {
    return this.#server.certificateFile;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #switches(): EmulatorFaults {
    const twin = this;
    return {
      refusesWrites: false,
      get offline() {
        return twin.#server.offline;
      },
      set offline(offline) {
        twin.#server.offline = offline;
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
        const values = new Map(twin.#shown().map(({ name, get }) => [name, get()]));
        twin.#frozen = frozen ? { at_ms: twin.#now(), values } : undefined;
      },
    };
  }

  #addNodes(addressSpace: AddressSpace): void {
    const namespace = addressSpace.registerNamespace(EMULATOR_NAMESPACE);
    const emulator = namespace.addObject({
      nodeId: 's=Emulator',
      browseName: 'Emulator',
      organizedBy: addressSpace.rootFolder.objects,
    });
    addVariables(namespace, emulator, this.#shown(), {
      answer: ({ name, dataType, get }) =>
        answerOf(dataType, this.#frozen === undefined ? get() : this.#frozen.values.get(name), {
          at_ms: this.#frozen?.at_ms ?? this.#now(),
        }),
      take: (shown, value) => this.#take(shown, value),
    });
  }

  #take({ set }: Shown, value: unknown): StatusCode {
    const { physics, faults } = this;
    if (faults.refusesWrites) return StatusCodes.BadDeviceFailure;
    if (faults.frozen) return StatusCodes.Good;
    if (physics.local || physics.alarm !== 0) return StatusCodes.BadInvalidState;
    return set!(value);
  }

  #shown(): Shown[] {
    const { physics } = this;
    const { Double, Int32, UInt16 } = DataType;
    const channels = Array.from({ length: CHANNELS }, (_, i): Shown[] => [
      {
        name: `SetpointL${i + 1}`,
        dataType: Double,
        get: () => physics.setpoint_V(i),
        set: (volts) => {
          if (typeof volts !== 'number' || !physics.set(i, volts)) return StatusCodes.BadOutOfRange;
          this.taken.push([i, volts]);
          return StatusCodes.Good;
        },
      },
      {
        name: `VoltageL${i + 1}`,
        dataType: Double,
        get: () => Number(physics.measured_V(i).toFixed(2)),
      },
    ]).flat();
    return [
      { name: 'Manufacturer', dataType: DataType.String, get: () => 'fieldbid' },
      { name: 'Model', dataType: DataType.String, get: () => 'AC source twin' },
      { name: 'SerialNumber', dataType: DataType.String, get: () => TWIN_SERIAL },
      { name: 'NominalVoltage', dataType: Double, get: () => physics.nominal_V },
      { name: 'HighestVoltage', dataType: Double, get: () => physics.highest_V },
      { name: 'Rating', dataType: Double, get: () => physics.rating_VA / 1000 },
      { name: 'Remote', dataType: DataType.Boolean, get: () => !physics.local },
      { name: 'Alarm', dataType: Int32, get: () => physics.alarm },
      {
        name: 'Output',
        dataType: DataType.Boolean,
        get: () => physics.on,
        set: (on) => {
          physics.switchOutput(on === true);
          return StatusCodes.Good;
        },
      },
      {
        name: 'Watchdog',
        dataType: UInt16,
        get: () => this.#watchdog,
        set: (count) => {
          this.#watchdog = Number(count);
          physics.heard();
          return StatusCodes.Good;
        },
      },
      {
        name: 'Apply',
        dataType: UInt16,
        get: () => 0,
        set: () => {
          physics.apply();
          return StatusCodes.Good;
        },
      },
      ...channels,
    ];
  }
}
