"""Drives a SunSpec device with pysunspec2, as an installer's tool would: a peer for the tests.

drive_device.py HOST PORT UNIT STEPS  ->  one JSON list for each `read` step

STEPS is JSON: ["write", model, {point: value, ...}] writes points in units, ["read", model, [point, ...]] reads them.
"""
import json
import sys

import sunspec2.modbus.client as client

host, port, unit, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
device = client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr=host, ipport=port, timeout=10)
device.scan()
for kind, model_id, what in steps:
    model = device.models[model_id][0]
    model.read()
    if kind == "write":
        for name, value in what.items():
            model.points[name].cvalue = value
        model.write()
    else:
        print(json.dumps([model.points[name].cvalue for name in what]))
device.close()
