"""A federate of a third party: joins a run's HELICS federation and logs voltages as CSV.

    python log_voltages.py --broker 127.0.0.1:23404 --out voltages.csv n675.A n680.B

It knows nothing of fieldbid but the keys of the values: grid/<node.phase>/voltage_pu, grid/market_time_s and
grid/next_broker_port. The run has to be started with --observers 1, so that it waits for one federate more.
"""
import argparse
import csv
from datetime import datetime, timezone

import helics as h

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--broker", required=True, help="HOST:PORT of the run's HELICS broker")
parser.add_argument("--out", required=True, help="CSV file to write")
parser.add_argument("nodes", nargs="+", help="node.phase, as in voltages.csv of a run")
args = parser.parse_args()


def follow(broker, table):
    """Logs until everybody has left this broker. Returns the port of the next one, or None when the run is over."""
    info = h.helicsCreateFederateInfo()
    h.helicsFederateInfoSetCoreTypeFromString(info, "zmq_ss")
    h.helicsFederateInfoSetCoreInitString(info, f"--federates=1 --broker_address={broker}")
    h.helicsFederateInfoSetFlagOption(info, h.HELICS_FLAG_OBSERVER, True)  # it takes, and sends nothing
    federate = h.helicsCreateValueFederate("voltage-logger", info)
    subscribe = lambda key: h.helicsFederateRegisterSubscription(federate, key, "")
    clock, next_broker = subscribe("grid/market_time_s"), subscribe("grid/next_broker_port")
    voltages = [subscribe(f"grid/{node}/voltage_pu") for node in args.nodes]
    h.helicsFederateEnterExecutingMode(federate)
    next_port = None
    # Woken by every new value, and granted the end of time when the others have left.
    while h.helicsFederateRequestTime(federate, h.HELICS_TIME_MAXTIME) < h.HELICS_TIME_MAXTIME:
        if h.helicsInputIsUpdated(next_broker):
            next_port = int(h.helicsInputGetDouble(next_broker)) or None  # 0: there will be none after all
        if h.helicsInputIsUpdated(clock):
            at = datetime.fromtimestamp(h.helicsInputGetDouble(clock), timezone.utc)
            values = (repr(h.helicsInputGetDouble(voltage)) for voltage in voltages)
            table.writerow([at.strftime("%Y-%m-%dT%H:%M:%SZ"), *values])
    h.helicsFederateDisconnect(federate)
    h.helicsFederateFree(federate)
    return next_port


host, port = args.broker.rsplit(":", 1)
with open(args.out, "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["time", *args.nodes])
    while port is not None:
        port = follow(f"{host}:{port}", rows)
h.helicsCloseLibrary()
