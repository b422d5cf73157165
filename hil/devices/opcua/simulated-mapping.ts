/** The mapping file of a simulated OPC UA inverter: what `fieldbid sim opcua` prints, and an example for others. */

export const NAMESPACE_URI = 'urn:fieldbid:simulated-inverter';

/** @param phases `A`, `B`, `C` or `ABC`. @param more lines for the end of the file. */
export function simulatedMapping(phases: string, more = ''): string {
  const voltages = Array.from(phases, (_, i) => `    - { node: ns=inv;s=Inverter.VoltageL${i + 1} }`).join(
    '\n',
  );
  return `# Binds the nodes of a simulated inverter to the points that fieldbid works with.
name: simulated-opcua
namespaces:
  inv: ${NAMESPACE_URI}
points:
  manufacturer: { node: ns=inv;s=Inverter.Manufacturer }
  model: { node: /Objects/inv:Inverter/inv:Model }
  serial: { node: ns=inv;s=Inverter.SerialNumber }
  version: { node: ns=inv;s=Inverter.SoftwareRevision }
  power: { node: /Objects/inv:Inverter/inv:ActivePower, unit: W }
  available: { node: ns=inv;s=Inverter.AvailablePower, unit: W }
  rating: { node: ns=inv;s=Inverter.RatedPower, unit: W }
  energy: { node: ns=inv;s=Inverter.EnergyTotal, unit: Wh }
  voltages:
${voltages}
  state:
    node: ns=inv;s=Inverter.State
    values: { 1: 'off', 2: sleeping, 4: mppt, 5: throttled, 8: standby }
  connected: { node: ns=inv;s=Inverter.Connected }
  limit:
    node: ns=inv;s=Inverter.LimitPercent
    unit: pct
    step: 0.01
    enable: { node: ns=inv;s=Inverter.LimitEnable }
    revert: { node: ns=inv;s=Inverter.LimitRevertTime, unit: s }
watch:
  - { name: alarm, node: ns=inv;s=Inverter.Alarm }
rules:
  settle_s: 10
  tolerance_pct: 1
  revertTimer: required
${more}`;
}
