"""An inverter that is none of ours: registers laid out by pysunspec2's model definitions, served by pymodbus.

inverter.py RATING_W SHARE  ->  prints the port, then a line for each write: address value value ...

It can deliver SHARE of its rating all the time, follows a limit of model 123 with a time constant, in real time, and
lets it go when its revert time is over. Models 1, 103, 120, 122 and 123.
"""
import asyncio
import logging
import math
import sys
import time

import sunspec2.device
from modbus_tcp import serve
from pymodbus.datastore import ModbusDeviceContext, ModbusSparseDataBlock

logging.disable(logging.CRITICAL)

BASE = 40000
# Of the way from the power of now to the one that is due, e-fold, s of real time.
TIME_CONSTANT_S = 0.15
NOT_IMPLEMENTED = {"int16": 0x8000, "sunssf": 0x8000, "acc32": 0, "acc64": 0, "string": 0, "pad": 0x8000}


class Model:
    """One model's words; points by name, with their scale factors."""

    def __init__(self, ident, **values):
        self.points, words = {}, []
        for point in sunspec2.device.get_model_def(ident)["group"]["points"]:
            kind, size = point["type"], point["size"]
            self.points[point["name"]] = (len(words), size, point.get("sf"))
            words += [NOT_IMPLEMENTED.get(kind, 0xFFFF)] * size
        self.words = words
        self.scales = {}
        self.put("ID", ident)
        self.put("L", len(words) - 2)
        for name, value in sorted(values.items(), key=lambda item: not item[0].endswith("_SF")):
            self.put(name, value)

    def put(self, name, value):
        offset, size, scale = self.points[name]
        if isinstance(value, str):
            data = value.encode().ljust(2 * size, b"\0")
        else:
            if name.endswith("_SF"):
                self.scales[name] = value
            raw = round(value / 10 ** self.scales.get(scale, 0))
            data = (raw % (1 << (16 * size))).to_bytes(2 * size, "big")
        self.words[offset : offset + size] = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]

    def get(self, name):
        offset, _, scale = self.points[name]
        return self.words[offset] * 10 ** self.scales.get(scale, 0)


class Inverter:
    def __init__(self, rating_W, share):
        self.rating_W, self.sun_W = rating_W, rating_W * share
        self.power_W, self.energy_Wh, self.at = self.sun_W, 0.0, time.monotonic()
        self.revert_at = math.inf
        self.models = [
            Model(1, Mn="Elsewhere", Md="PX", SN="PX-0001", Vr="1.0"),
            Model(103, A_SF=-1, V_SF=-1, W_SF=2, Hz_SF=-2, WH_SF=3, Tmp_SF=0, A=0, AphA=0, AphB=0, AphC=0,
                  PhVphA=277.0, PhVphB=277.0, PhVphC=277.0, W=0, Hz=60, WH=0, TmpCab=40, St=4, Evt1=0),
            Model(120, DERTyp=4, WRtg_SF=2, WRtg=rating_W),
            Model(122, StActCtl=0, PVConn=7),
            Model(123, WMaxLimPct_SF=-1, WMaxLimPct=100, WMaxLimPct_WinTms=0, WMaxLimPct_RvrtTms=0,
                  WMaxLimPct_RmpTms=0, WMaxLim_Ena=0, Conn=1),
        ]
        self.measured, self.control = self.models[1], self.models[4]

    def words(self):
        found = [0x5375, 0x6E53]
        for model in self.models:
            found += model.words
        return found + [0xFFFF, 0]

    def pass_time(self):
        now = time.monotonic()
        passed, self.at = now - self.at, now
        if now >= self.revert_at:
            self.control.put("WMaxLim_Ena", 0)
            self.revert_at = math.inf
        limited = self.control.get("WMaxLim_Ena") == 1
        due_W = min(self.sun_W, self.rating_W * self.control.get("WMaxLimPct") / 100) if limited else self.sun_W
        self.power_W += (due_W - self.power_W) * (1 - math.exp(-passed / TIME_CONSTANT_S))
        self.energy_Wh += self.power_W * passed / 3600
        self.measured.put("W", self.power_W)
        self.measured.put("WH", self.energy_Wh)
        self.measured.put("St", 5 if limited and due_W < self.sun_W else 4)

    def written(self, offset, values):
        """Words that a client wrote, at an offset from the first register."""
        at = 2
        for model in self.models:
            for i, value in enumerate(values):
                if at <= offset + i < at + len(model.words):
                    model.words[offset + i - at] = value
            at += len(model.words)
        # A revert time counts from the write on; zero is none.
        revert_s = self.control.get("WMaxLimPct_RvrtTms")
        self.revert_at = time.monotonic() + revert_s if revert_s > 0 else math.inf


async def main(rating_W, share):
    inverter = Inverter(rating_W, share)

    class Served(ModbusDeviceContext):
        def getValues(self, func_code, address, count=1):
            inverter.pass_time()
            self.refresh()
            return super().getValues(func_code, address, count)

        def setValues(self, func_code, address, values):
            inverter.pass_time()
            print(address, *values, flush=True)
            inverter.written(address - BASE, values)
            self.refresh()

        def refresh(self):
            # The context counts addresses from 1 inside.
            for i, word in enumerate(inverter.words()):
                self.store["h"].values[BASE + 1 + i] = word

    block = ModbusSparseDataBlock({BASE + 1 + i: word for i, word in enumerate(inverter.words())})
    await serve(Served(hr=block))


asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
