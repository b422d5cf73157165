"""Reads every point of every SunSpec model with pysunspec2 and prints them as JSON: a peer for the tests.

read_all.py HOST PORT UNIT [--refresh]  ->  {base, models: [{id, address, length, points: {...}, groups: {...}}]}
"""
import json
import sys

import sunspec2.modbus.client as client


def group(found):
    points = {}
    for name, point in found.points.items():
        if point.pdef.get("type") == "pad":
            continue
        points[name] = {"raw": point.value, "value": point.cvalue}
    groups = {}
    for name, inner in found.groups.items():
        groups[name] = [group(one) for one in inner] if isinstance(inner, list) else group(inner)
    return {"points": points, "groups": groups}


host, port, unit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
device = client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr=host, ipport=port, timeout=5)
device.scan()
print("scanned", file=sys.stderr, flush=True)
if "--refresh" in sys.argv:
    for model in device.model_list:
        model.read()
models = [
    {"id": m.model_id, "address": m.model_addr, "length": m.model_len, **group(m)} for m in device.model_list
]
device.close()
models.sort(key=lambda m: m["address"])
json.dump({"base": device.base_addr, "models": models}, sys.stdout, default=str)
