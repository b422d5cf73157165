/**
 * The contract as an external service that a peer connects to (Fabric 2.5, chaincode as a service); its
 * settings are in service-options.ts. It keeps nothing between transactions: it may be stopped and started
 * at any time.
 */
import { messageOf } from '@fieldbid/core/errors';
import { JSONSerializer } from 'fabric-contract-api';
import { Shim } from 'fabric-shim';
import ChaincodeFromContract from 'fabric-shim/lib/contract-spi/chaincodefromcontract.js';
import { DerMarket } from './contract.ts';
import { serviceOptions } from './service-options.ts';

/** As a peer's own limit; gRPC's 4 MiB would refuse a large batch of bids. */
const LARGEST_MESSAGE_BYTES = 100 * 1024 * 1024;

try {
  const options = serviceOptions(process.env);
  const chaincode = new ChaincodeFromContract(
    [DerMarket],
    { transaction: 'jsonSerializer', serializers: { jsonSerializer: JSONSerializer } },
    {},
    'fieldbid',
    '',
  );
  await Shim.server(chaincode, {
    ...options,
    'grpc.max_receive_message_length': LARGEST_MESSAGE_BYTES,
    'grpc.max_send_message_length': LARGEST_MESSAGE_BYTES,
  }).start();
  process.stderr.write(`The contract listens on ${options.address} as ${options.ccid}.\n`);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
