/** Puts a simulated device where an endpoint says: Modbus TCP, RTU frames over TCP, or a serial line. */
import { type Endpoint, endpointText } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import type { RegisterDevice } from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';
import { serveSerial } from './serial-server.ts';

export interface Served {
  /** As a client writes it; with the port that was picked where the endpoint's is 0. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** @throws FieldbidError `SIM_PORT` when it cannot listen there, or not open the serial port. */
export async function serve(device: RegisterDevice, endpoint: Endpoint): Promise<Served> {
  if (endpoint.scheme === 'rtu') {
    const line = await serveSerial(device, endpoint);
    return { endpoint: endpointText(endpoint), close: () => line.close() };
  }
  const server = new ModbusServer(device, endpoint.scheme === 'tcp' ? 'tcp' : 'rtu');
  const { port } = await server.listen(endpoint.host, endpoint.port);
  return { endpoint: endpointText({ ...endpoint, port }), close: () => server.close() };
}
