"""Writes reference.json: ieee37.dss solved by OpenDSS, as published and with every DER of feeder.yaml at nameplate.

    pip install opendssdirect.py==0.9.4 pyyaml && python make-reference.py

Nothing of it is GridLAB-D's or this project's own solver, which the file is there to check.
"""
import cmath
import json
import pathlib

import opendssdirect as dss
import yaml

HERE = pathlib.Path(__file__).parent
PAIRS = {"AB": (1, 2), "BC": (2, 3), "CA": (3, 1)}
# Of the source's A-B to its A, from which OpenDSS counts.
A_TO_AB_DEG = 30


def load_model():
    for line in (HERE / "ieee37.dss").read_text().splitlines():
        dss.Text.Command(line)


def inject(der_id, bus, phases, power_kW):
    """A generator as a delta load of negative power."""
    line_kV = 0.48 if bus == "775" else 4.8
    first, second = PAIRS["CA" if phases == "AC" else phases[:2]]
    nodes, count = ("1.2.3", 3) if phases == "ABC" else (f"{first}.{second}", 1)
    dss.Text.Command(
        f"New Load.{der_id} bus1={bus}.{nodes} phases={count} conn=delta model=1 kv={line_kV}"
        f" kw={-power_kW} kvar=0 vminpu=0.5 vmaxpu=1.5"
    )


def solve():
    """Power from the source, kW, and bus -> pair -> [pu, degrees]."""
    dss.Solution.Solve()
    assert dss.Solution.Converged()
    found = {}
    for bus in dss.Circuit.AllBusNames():
        dss.Circuit.SetActiveBus(bus)
        parts = dss.Bus.Voltages()
        to_ground = {n: complex(*parts[2 * i : 2 * i + 2]) for i, n in enumerate(dss.Bus.Nodes())}
        nominal_V = dss.Bus.kVBase() * 3**0.5 * 1000
        between = {pair: to_ground[a] - to_ground[b] for pair, (a, b) in PAIRS.items()}
        found[bus] = {
            pair: [round(abs(v) / nominal_V, 5), round(cmath.phase(v) * 180 / cmath.pi - A_TO_AB_DEG, 3)]
            for pair, v in between.items()
        }
    return -dss.Circuit.TotalPower()[0], found


load_model()
published_kW, published = solve()
load_model()
for der in yaml.safe_load((HERE / "feeder.yaml").read_text())["ders"]:
    inject(der["derId"], der["bus"][1:], der["phases"], der["nameplate_W"] / 1000)
injected_kW, injected = solve()

text = json.dumps(
    {
        "source": "OpenDSS (dss_python_backend 0.14.5) on ieee37.dss, by make-reference.py",
        "unit": "[pu of 4.8 kV or 480 V between lines, degrees from the source's A-B]",
        "swing_kW": {"asPublished": round(published_kW, 1), "everyDerAtNameplate": round(injected_kW, 1)},
        "cases": {"asPublished": published, "everyDerAtNameplate": injected},
    },
    indent=1,
)
(HERE / "reference.json").write_text(text.replace("[\n     ", "[").replace(",\n     ", ", ").replace("\n    ]", "]") + "\n")
