"""An RTU device by pymodbus, on a serial port or over TCP (a peer for the tests): unit 7, holding register N holds
N, input register N holds 1000 + N, both from 0 to 199."""
import asyncio
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer

# A block of pymodbus counts from 1 where the protocol counts from 0.
device = ModbusDeviceContext(
    hr=ModbusSequentialDataBlock(1, list(range(200))),
    ir=ModbusSequentialDataBlock(1, [1000 + n for n in range(200)]),
)
context = ModbusServerContext(devices={7: device}, single=False)


async def main(kind, where):
    quiet = {"ignore_missing_devices": True}  # other units are not on the line
    if kind == "serial":
        server = ModbusSerialServer(context, framer=FramerType.RTU, port=where, baudrate=19200, bytesize=8, **quiet)
    else:
        server = ModbusTcpServer(context, framer=FramerType.RTU, address=("127.0.0.1", int(where)), **quiet)
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main(sys.argv[1], sys.argv[2]))
