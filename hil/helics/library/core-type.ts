/** The kind of connection between cores and broker: both ends name it. */

/**
 * One TCP connection from each core to the broker, and none the other way: values, messages and grants come in one order,
 * and a firewall or tunnel has one port to let through.
 */
export const CORE_TYPE = 'zmq_ss';
