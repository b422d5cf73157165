/** The kind of connection between cores and broker: both ends name it. */

/**
 * ZeroMQ, one TCP connection from each core to the broker, and none the other way: values, messages and grants come in one
 * order, and a firewall or tunnel has one port to let through. HELICS's own TCP (`tcp_ss`) has a buffer of 4096 bytes, and waits for
 * ever for the rest of a message that does not fit (3.6.1).
 */
export const CORE_TYPE = 'zmq_ss';
