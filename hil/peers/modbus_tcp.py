"""Serving a pymodbus device on a free port of this machine."""
import asyncio

from pymodbus.datastore import ModbusServerContext
from pymodbus.server import ModbusTcpServer


async def serve(device) -> None:
    """Prints the port, and serves until the program ends."""
    server = ModbusTcpServer(ModbusServerContext(devices=device, single=True), address=("127.0.0.1", 0))
    task = asyncio.create_task(server.serve_forever())
    while server.transport is None:
        await asyncio.sleep(0.01)
    print("port", server.transport.sockets[0].getsockname()[1], flush=True)
    await task
