"""Reads a SunSpec device with pysunspec2 and prints its models and values as JSON (a peer for the tests)."""
import json
import sys

import sunspec2.modbus.client as client

host, port, unit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
device = client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr=host, ipport=port, timeout=5)
device.scan()
models = []
for models_of_id in {id(m): m for group in device.models.values() for m in group}.values():
    points = {name: point.cvalue for name, point in models_of_id.points.items()}
    models.append({"id": models_of_id.model_id, "address": models_of_id.model_addr, "points": points})
device.close()
models.sort(key=lambda m: m["address"])
json.dump({"base": device.base_addr, "models": models}, sys.stdout, default=str)
