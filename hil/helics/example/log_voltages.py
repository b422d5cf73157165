"""A federate of a third party: joins a run's HELICS federation and logs voltages as CSV.

    python log_voltages.py --broker 127.0.0.1:23404 --out voltages.csv n675.A n680.B

It knows nothing of fieldbid but the keys of the values: grid/<node.phase>/voltage_pu and grid/market_time_s. The run has
to be started with --observers 1, so that it waits for one federate more.
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

info = h.helicsCreateFederateInfo()
h.helicsFederateInfoSetCoreTypeFromString(info, "zmq_ss")
h.helicsFederateInfoSetCoreInitString(info, f"--federates=1 --broker_address={args.broker}")
h.helicsFederateInfoSetFlagOption(info, h.HELICS_FLAG_OBSERVER, True)  # it takes, and sends nothing
federate = h.helicsCreateValueFederate("voltage-logger", info)
clock = h.helicsFederateRegisterSubscription(federate, "grid/market_time_s", "s")
voltages = [h.helicsFederateRegisterSubscription(federate, f"grid/{node}/voltage_pu", "") for node in args.nodes]
h.helicsFederateEnterExecutingMode(federate)

with open(args.out, "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["time", *args.nodes])
    # Woken by every new value, and granted the end of time when the others have left.
    while h.helicsFederateRequestTime(federate, h.HELICS_TIME_MAXTIME) < h.HELICS_TIME_MAXTIME:
        if not h.helicsInputIsUpdated(clock):
            continue
        at = datetime.fromtimestamp(h.helicsInputGetDouble(clock), timezone.utc)
        table.writerow([at.strftime("%Y-%m-%dT%H:%M:%SZ"), *(repr(h.helicsInputGetDouble(v)) for v in voltages)])

h.helicsFederateDisconnect(federate)
h.helicsFederateFree(federate)
h.helicsCloseLibrary()
