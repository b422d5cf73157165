/** The DerDevice suite: the OPC UA driver against the simulated inverter, over real encrypted connections. */
import { derDeviceConformance } from '@fieldbid/edge-agent/device/conformance';
import test from 'ava';
import { OpcUaFolder, openOpcUaBench } from './opcua-bench.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

// One after the other: each trusts the server anew, and a trust list that is being written knows nobody for a moment.
derDeviceConformance(test.serial as typeof test, 'OPC UA, 250 kW', () =>
  openOpcUaBench(folder, { phases: 'ABC', rating_W: 250_000 }),
);
