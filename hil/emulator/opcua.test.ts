/** The suite of grid emulators: the OPC UA driver against the OPC UA twin, over encrypted connections. */
import test from 'ava';
import { OpcUaFolder } from '../devices/opcua/opcua-bench.ts';
import { gridEmulatorConformance } from './conformance.ts';
import { openEmulatorBench } from './testing.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

// One after the other: each trusts the server anew, and a trust list that is being written knows nobody for a moment.
gridEmulatorConformance(test.serial as typeof test, 'OPC UA', (physics, mapping) =>
  openEmulatorBench(folder, physics, mapping),
);
