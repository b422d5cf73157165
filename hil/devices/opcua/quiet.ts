/** The OPC UA library writes to the console while it loads; this module is imported before it, so that it does not. */
import { setDebugLogger, setErrorLogger, setWarningLogger } from 'node-opcua-debug';

setWarningLogger(() => {});
setErrorLogger(() => {});
setDebugLogger(() => {});
