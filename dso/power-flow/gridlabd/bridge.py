"""GridLAB-D behind JSON lines: one request a line on standard input, one answer a line on standard output.

One process holds one model. Requests:
  {"op": "load", "file": PATH, "hidden": [NAME, ...]} -> description of the model; voltages of hidden
                                                       objects (the DERs: they have their bus's) are left out
  {"op": "channels", "channels": [[object, property], ...], "reported": [[node, [phase, ...]], ...]}
                                                    -> the model's own value of each channel
  {"op": "solve", "values": [re, im, ...]}          -> all voltages
  {"op": "solveMany", "cases": [[re, im, ...], ...]} -> extremes of each case, up to the first failure
An answer is {"ok": true, ...} or {"ok": false, "code": ..., "reason": ...}.

The caller sends a value for every channel in every case, so no answer depends on the one before; the
simulated time only moves on because GridLAB-D does nothing when asked for a time that it has reached.
"""
import datetime
import json
import math
import os
import sys
import tempfile

# The core prints to file descriptor 1 and 2 on its own account: answers go to a copy of 1, what it prints to
# nowhere, and its parse errors (on 2) into a file that is read when something fails.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
complaints = tempfile.TemporaryFile()
os.dup2(complaints.fileno(), 2)

from importlib.metadata import version  # noqa: E402

from gridlabd import DirectGridLabD  # noqa: E402

NODE_CLASSES = ("node", "load", "meter", "substation", "triplex_node", "triplex_meter", "triplex_load")
LINK_CLASSES = (
    "overhead_line",
    "underground_line",
    "triplex_line",
    "transformer",
    "regulator",
    "switch",
    "fuse",
    "series_reactor",
)
PHASES = "ABC"
START = datetime.datetime(2000, 1, 1)
# Below this a phase is dead, outside the band the solver "succeeded" on nonsense.
SANE_PU = (0.05, 3.0)


class Refused(Exception):
    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


def succeeded(status):
    return int(getattr(status, "value", status)) == 0


def complex_of(text):
    number = text.split()[0]
    return complex(number[:-1] + "j" if number[-1] in "ij" else number)


def recent_complaints():
    sys.stderr.flush()
    complaints.seek(recent_complaints.read)
    data = complaints.read()
    recent_complaints.read += len(data)
    lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
    told = [line for line in lines if line and not line.startswith(("WARNING", "Processing"))]
    return " | ".join(told[:6]) or "no reason given"


recent_complaints.read = 0


class Model:
    def __init__(self, file, hidden):
        self.grid = DirectGridLabD()
        self.grid.enable_message_capture(True)
        self.seconds = 0
        self.channels = []
        self.reported = []
        if not os.path.isfile(file):
            raise Refused("FEEDER_REJECTED", f"no such file: {file}")
        if not succeeded(self.grid.load_glm([file, "--quiet"])):
            raise Refused("FEEDER_REJECTED", recent_complaints())
        # Without these a gross overload keeps the solver busy for minutes.
        self.grid.set_global("iteration_limit", "10")
        self.grid.set_global("powerflow::NR_iteration_limit", "30")
        self.remarks = self.hold_regulators()
        if not succeeded(self.grid.setup_after_load()):
            raise Refused("FEEDER_REJECTED", recent_complaints())
        self.grid.set_global("double_format", "%+.12lg")
        self.grid.set_global("complex_format", "%+.12lg%+.12lg%c")
        self.grid.set_global("complex_output_format", "RECT")
        self.node_classes = [c for c in NODE_CLASSES if self.grid.get_objects_by_class(c)]
        self.nodes = {}
        for cls in self.node_classes:
            for name in self.grid.get_objects_by_class(cls):
                if name in hidden:
                    continue
                nominal = complex_of(self.text(name, "nominal_voltage")).real
                phases = [p for p in PHASES if p in self.text(name, "phases")]
                self.nodes[name] = (nominal, phases)

    def text(self, name, prop):
        return self.grid.get_property(name, prop)[1].strip().strip('"')

    def hold_regulators(self):
        """A regulator in automatic control would move between two what-ifs."""
        remarks = []
        for name in self.grid.get_objects_by_class("regulator_configuration"):
            if self.text(name, "Control") != "MANUAL":
                self.grid.set_property(name, "Control", "MANUAL")
                remarks.append(f"regulator configuration {name} set to MANUAL at its present taps")
        return remarks

    def describe(self):
        links = []
        for cls in LINK_CLASSES:
            for name in self.grid.get_objects_by_class(cls):
                status = self.text(name, "status") if cls in ("switch", "fuse") else "CLOSED"
                links.append(
                    {
                        "name": name,
                        "from": self.text(name, "from"),
                        "to": self.text(name, "to"),
                        "phases": [p for p in PHASES if p in self.text(name, "phases")],
                        "closed": status in ("CLOSED", "GOOD"),
                    }
                )
        return {
            "engine": f"gridlabd {version('gridlabd')}",
            "nodes": [{"name": n, "nominal_V": v, "phases": p} for n, (v, p) in self.nodes.items()],
            "swing": [n for n in self.nodes if "SWING" in self.text(n, "bustype")],
            "links": links,
            "remarks": self.remarks,
        }

    def properties(self, channels):
        """What the model itself says for each channel, re and im."""
        self.channels = channels
        values = []
        for name, prop in channels:
            status, text = self.grid.get_property(name, prop)[:2]
            if not succeeded(status):
                raise Refused("FEEDER_REJECTED", f"{name} has no property {prop}")
            number = complex_of(text)
            values += [number.real, number.imag]
        return values

    def solve(self, values):
        """(magnitude in pu, node.phase, complex voltage in pu) of every reported phase, in their order."""
        if len(values) != 2 * len(self.channels):
            raise Refused("BAD_REQUEST", f"{len(values)} numbers for {len(self.channels)} channels")
        # NaN is accepted by the core and then sticks.
        if not all(map(math.isfinite, values)):
            raise Refused("BAD_REQUEST", "a value is not finite")
        for i, (name, prop) in enumerate(self.channels):
            text = f"{values[2 * i]!r}{values[2 * i + 1]:+.17g}j"
            if not succeeded(self.grid.set_property(name, prop, text)):
                raise Refused("BAD_REQUEST", f"{name}.{prop} cannot be set to {text}")
        self.seconds += 1
        want = (START + datetime.timedelta(seconds=self.seconds)).strftime("%Y-%m-%d %H:%M:%S")
        status, reached = self.grid.step_to(want)
        if not succeeded(status):
            raise Refused("DIVERGED", recent_complaints())
        if not reached.startswith(want):
            raise Refused("DIVERGED", f"the engine stopped at {reached} instead of {want}")
        by_phase = {
            phase: {
                name: text
                for cls in self.node_classes
                for name, text in self.grid.get_properties_by_class(cls, "voltage_" + phase).items()
            }
            for phase in PHASES
        }
        voltages = []
        for name, nominal, phases in self.reported:
            for phase in phases:
                value = complex_of(by_phase[phase][name]) / nominal
                size = abs(value)
                if not SANE_PU[0] < size < SANE_PU[1]:
                    raise Refused("BAD_VOLTAGE", f"{name}.{phase} is at {size:.4g} pu")
                voltages.append((size, f"{name}.{phase}", value))
        return voltages


def by_size(voltage):
    return voltage[:2]


def answer(model, request):
    op = request["op"]
    if op == "channels":
        # Only phases that are connected to the swing bus have a voltage.
        model.reported = [(name, model.nodes[name][0], phases) for name, phases in request["reported"]]
        return {"values": model.properties(request["channels"])}
    if op == "solve":
        return {"voltages_pu": [[v.real, v.imag] for _, _, v in model.solve(request["values"])]}
    if op == "solveMany":
        results = []
        for values in request["cases"]:
            try:
                voltages = model.solve(values)
            except Refused as refused:
                # After a failed solve the next one may hang: the caller starts a new process for the rest.
                return {"results": results, "failed": {"code": refused.code, "reason": str(refused)}}
            high, low = max(voltages, key=by_size), min(voltages, key=by_size)
            results.append([high[0], high[1], low[0], low[1]])
        return {"results": results}
    raise Refused("BAD_REQUEST", f"unknown request {op}")


def main():
    model = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["op"] == "load":
                if model is not None:
                    raise Refused("BAD_REQUEST", "this process has a model already")
                model = Model(request["file"], set(request["hidden"]))
                reply = model.describe()
            elif model is None:
                raise Refused("BAD_REQUEST", "no model is loaded")
            else:
                reply = answer(model, request)
            reply = {"ok": True, **reply}
        except Refused as refused:
            reply = {"ok": False, "code": refused.code, "reason": str(refused)}
        except Exception as error:  # a fault of this program: said, not died of
            reply = {"ok": False, "code": "ENGINE_FAULT", "reason": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")


main()
answers.flush()
# The core's own clean-up at exit may crash; nothing of ours is left to do.
os._exit(0)
