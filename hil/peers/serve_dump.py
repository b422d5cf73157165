"""Serves a register dump over Modbus TCP with pymodbus: an independent server for the tests.

serve_dump.py DUMP.json  ->  prints the port, then a line for each request: function address count
"""
import asyncio
import json
import logging
import sys

from modbus_tcp import serve
from pymodbus.datastore import ModbusDeviceContext, ModbusSparseDataBlock

logging.disable(logging.CRITICAL)


async def main(file: str) -> None:
    with open(file, encoding="utf-8") as handle:
        registers = {int(address): word for address, word in json.load(handle)["registers"].items()}

    class Watched(ModbusDeviceContext):
        def getValues(self, func_code, address, count=1):
            print(func_code, address, count, flush=True)
            return super().getValues(func_code, address, count)

    # The context counts addresses from 1 inside.
    block = ModbusSparseDataBlock({address + 1: word for address, word in registers.items()})
    await serve(Watched(hr=block))


asyncio.run(main(sys.argv[1]))
