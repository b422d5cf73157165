"""GridLAB-D behind JSON lines: requests on standard input, answers on standard output. Step 7's engine.

One process holds one model. Requests and their answers:
  {"op": "load", "file": PATH, "hidden": [NAME, ...]}        one line: what the model holds, less the hidden
                                                             objects (children: they have their bus's voltage)
  {"op": "channels", "channels": [[object, property], ...],  one line: the model's own value of each channel
   "reported": [[node, ["A" | "AB", ...]], ...],            (phase, or pair of lines)
   "rated": [[link, "current" | "power", rating], ...]}
  {"op": "solve", "cases": [[re, im, re, im, ...], ...],     one line per case, until one fails
   "voltages": bool}
Every line is {"ok": true, ...} or {"ok": false, "code": CODE, "reason": TEXT}.

A case carries a value for every channel, so that no answer depends on the case before it. Simulated time
only moves on because GridLAB-D does nothing when asked for a time that it has reached already.
"""
import datetime
import json
import math
import os
import signal
import sys
import tempfile

# The core prints progress to file descriptor 1 on its own account, and its parse errors to 2, where they
# appear nowhere else. So answers go to a copy of 1, and 2 goes to a file that is read when something fails.
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
complaints = tempfile.TemporaryFile()
os.dup2(complaints.fileno(), 2)


def send(answer):
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


try:
    from importlib.metadata import version

    from gridlabd import DirectGridLabD
except ImportError as error:
    send({"ok": False, "code": "ENGINE_MISSING", "reason": str(error)})
    os._exit(1)

PHASES = "ABC"
# Class queries match the exact class, not what is derived from it.
NODE_CLASSES = ("node", "load", "meter", "substation")
TRIPLEX_CLASSES = ("triplex_node", "triplex_meter", "triplex_load")
LINK_CLASSES = (
    "overhead_line",
    "underground_line",
    "triplex_line",
    "line",
    "transformer",
    "regulator",
    "switch",
    "fuse",
    "recloser",
    "sectionalizer",
    "series_reactor",
)
SWITCHES = ("switch", "fuse", "recloser", "sectionalizer")
# Without these a gross overload keeps the solver busy for minutes.
GLOBAL_ITERATIONS = "10"
NEWTON_ITERATIONS = "30"
# Outside this band the solver has "succeeded" on nonsense.
SANE_PU = (0.05, 3.0)
# If the caller dies while the core is busy nobody else would end this process.
WATCHDOG_S = 120


class Refused(Exception):
    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


class Complaints:
    """What the core has written to standard error since it was asked last."""

    def __init__(self, file):
        self.file = file
        self.position = 0

    def recent(self):
        self.file.seek(self.position)
        data = self.file.read()
        self.position += len(data)
        lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
        told = [line for line in lines if line and not line.startswith(("WARNING", "Processing"))]
        return " | ".join(told[:6]) or "the core gave no reason"


said = Complaints(complaints)


def succeeded(status):
    return int(getattr(status, "value", status)) == 0


def complex_of(text):
    """'+1.5-2j VA' or '+1.5-2i V' or '2401.8 V' as a complex number."""
    number = text.split()[0]
    return complex(number[:-1] + "j" if number[-1] in "ij" else number)


class Model:
    def __init__(self, file, hidden):
        if not os.path.isfile(file):  # the core would load nothing and step "successfully"
            raise Refused("FEEDER_REJECTED", f"no such file: {file}")
        self.grid = DirectGridLabD()
        self.grid.enable_message_capture(True)
        if not succeeded(self.grid.load_glm([file, "--quiet"])):
            raise Refused("FEEDER_REJECTED", said.recent())
        self.grid.set_global("iteration_limit", GLOBAL_ITERATIONS)
        self.grid.set_global("powerflow::NR_iteration_limit", NEWTON_ITERATIONS)
        self.grid.set_global("complex_format", "%+.12lg%+.12lg%c")
        self.grid.set_global("double_format", "%+.12lg")
        self.grid.set_global("complex_output_format", "RECT")
        self.remarks = self.hold_controls()
        # Setting up does not fail for a model that failed to load: both are asked.
        if not succeeded(self.grid.setup_after_load()):
            raise Refused("FEEDER_REJECTED", said.recent())
        self.time = self.start_time()
        self.channels = []
        self.current = []
        self.reported = []
        self.rated = []
        self.feeding = []
        self.nodes = {}
        self.node_classes = [c for c in NODE_CLASSES if self.grid.get_objects_by_class(c)]
        for cls in self.node_classes:
            for name in self.grid.get_objects_by_class(cls):
                if name in hidden:
                    continue
                nominal = complex_of(self.text(name, "nominal_voltage")).real
                if not (math.isfinite(nominal) and nominal > 0):
                    raise Refused("FEEDER_REJECTED", f"{name} has the nominal voltage {nominal} V")
                self.nodes[name] = (nominal, self.phases(name))
        for cls in TRIPLEX_CLASSES:
            if self.grid.get_objects_by_class(cls):
                self.remarks.append(f"objects of class {cls} are solved, but not monitored")

    def text(self, name, prop):
        status, value = self.grid.get_property(name, prop)[:2]
        if not succeeded(status):
            raise Refused("FEEDER_REJECTED", f"{name} has no property {prop}")
        return value.strip().strip('"')

    def phases(self, name):
        text = self.text(name, "phases")
        return [phase for phase in PHASES if phase in text]

    def hold_controls(self):
        """Regulators and capacitors in automatic control would move between two cases."""
        remarks = []
        for cls, prop, free in (
            ("regulator_configuration", "Control", ("MANUAL",)),
            ("capacitor", "control", ("MANUAL", "NONE")),
        ):
            for name in self.grid.get_objects_by_class(cls):
                was = self.text(name, prop)
                if was not in free:
                    self.grid.set_property(name, prop, "MANUAL")
                    remarks.append(f"{cls} {name} is held as the model sets it (was {was}, now MANUAL)")
        return remarks

    def start_time(self):
        text = self.grid.get_global("clock")
        text = text[1] if isinstance(text, tuple) else text
        return datetime.datetime.strptime(text.strip().strip("'")[:19], "%Y-%m-%d %H:%M:%S")

    def describe(self):
        links = []
        for cls in LINK_CLASSES:
            for name in self.grid.get_objects_by_class(cls):
                closed = cls not in SWITCHES or self.text(name, "status") in ("CLOSED", "GOOD")
                link = {"name": name, "from": self.text(name, "from"), "to": self.text(name, "to")}
                links.append({**link, "phases": self.phases(name), "closed": closed})
        return {
            "engine": f"gridlabd {version('gridlabd')}",
            "nodes": [{"name": n, "nominal_V": v, "phases": p} for n, (v, p) in self.nodes.items()],
            "swing": [name for name in self.nodes if self.text(name, "bustype") == "SWING"],
            "links": links,
            "remarks": self.remarks,
        }

    def open_channels(self, channels, reported, rated):
        """What cases set, and what they report, in this order. Returns the model's own values: re, im, ..."""
        self.rated = [
            (name, rating, self.flow_properties(name, kind)) for name, kind, rating in rated
        ]
        self.feeding = self.feeding_links()
        values = []
        for name, prop in channels:
            number = complex_of(self.text(name, prop))
            values += [number.real, number.imag]
        self.channels = channels
        self.current = [None] * len(channels)
        self.reported = [
            (name, voltage, f"{name}.{voltage}", self.nodes[name][0] * (math.sqrt(3) if len(voltage) == 2 else 1))
            for name, voltages in reported
            for voltage in voltages
        ]
        return values

    def flow_properties(self, name, kind):
        if kind == "power":
            return ("power_in", "power_out")
        return [f"current_{end}_{phase}" for phase in self.phases(name) for end in ("in", "out")]

    def feeding_links(self):
        """Link, property and sign of each flow from the swing bus into the feeder."""
        swings = {name for name in self.nodes if self.text(name, "bustype") == "SWING"}
        links = []
        for cls in LINK_CLASSES:
            for name in self.grid.get_objects_by_class(cls):
                if self.text(name, "from") in swings:
                    links.append((name, "power_in", 1))
                elif self.text(name, "to") in swings:
                    links.append((name, "power_out", -1))
        return links

    def number(self, name, prop):
        return complex_of(self.grid.get_property(name, prop)[1])

    def loadings(self):
        found = [
            max(abs(self.number(name, prop)) for prop in props) / rating for name, rating, props in self.rated
        ]
        if not all(map(math.isfinite, found)):
            raise Refused("BAD_VOLTAGE", "a link carries no finite current")
        return found

    def swing_power(self):
        return sum(sign * self.number(name, prop).real for name, prop, sign in self.feeding)

    def solve(self, values):
        """Complex voltages in pu of nominal, in the order of what is reported."""
        if len(values) != 2 * len(self.channels):
            raise Refused("BAD_REQUEST", f"{len(values)} numbers for {len(self.channels)} channels")
        if not all(map(math.isfinite, values)):  # the core takes NaN, and keeps it
            raise Refused("BAD_REQUEST", "a value is not finite")
        for i, (name, prop) in enumerate(self.channels):
            text = f"{values[2 * i]!r}{values[2 * i + 1]:+.17g}j"
            if text == self.current[i]:
                continue
            if not succeeded(self.grid.set_property(name, prop, text)):
                raise Refused("BAD_REQUEST", f"{name}.{prop} cannot be set to {text}")
            self.current[i] = text
        self.time += datetime.timedelta(seconds=1)
        want = self.time.strftime("%Y-%m-%d %H:%M:%S")
        status, reached = self.grid.step_to(want)
        if not succeeded(status):
            raise Refused("DIVERGED", said.recent())
        if not reached.startswith(want):
            raise Refused("DIVERGED", f"the core stopped at {reached} instead of {want}")
        return self.read_voltages()

    def read_voltages(self):
        texts = {phase: {} for phase in PHASES}
        for phase in PHASES:
            for cls in self.node_classes:
                texts[phase].update(self.grid.get_properties_by_class(cls, "voltage_" + phase))
        voltages = []
        for name, voltage, shown, nominal in self.reported:
            value = complex_of(texts[voltage[0]][name])
            if len(voltage) == 2:  # between two lines
                value -= complex_of(texts[voltage[1]][name])
            value /= nominal
            if not SANE_PU[0] < abs(value) < SANE_PU[1]:  # false for NaN as well
                raise Refused("BAD_VOLTAGE", f"{shown} is at {abs(value):.4g} pu")
            voltages.append(value)
        return voltages


def case_answer(model, values, with_voltages):
    voltages = model.solve(values)
    loadings = model.loadings()
    swing = model.swing_power()
    if with_voltages:
        parts = [part for value in voltages for part in (value.real, value.imag)]
        return {"voltages": parts, "loadings": loadings, "swing": swing}
    sizes = [(abs(value), shown) for value, (_, _, shown, _) in zip(voltages, model.reported)]
    high, low = max(sizes), min(sizes)
    most = max(zip(loadings, model.rated), key=lambda one: one[0], default=(0, (None,)))
    return {
        **{"max": high[0], "maxAt": high[1], "min": low[0], "minAt": low[1]},
        **{"loading": most[0], "loadingAt": most[1][0], "swing": swing},
    }


class Bridge:
    def __init__(self):
        self.model = None

    def handle(self, request):
        """Yields the answers to one request."""
        op = request["op"]
        if op == "load":
            if self.model is not None:
                raise Refused("BAD_REQUEST", "this process holds a model already")
            self.model = Model(request["file"], set(request["hidden"]))
            yield self.model.describe()
        elif self.model is None:
            raise Refused("BAD_REQUEST", "no model is loaded")
        elif op == "channels":
            yield {"values": self.model.open_channels(request["channels"], request["reported"], request["rated"])}
        elif op == "solve":
            for values in request["cases"]:
                yield case_answer(self.model, values, request["voltages"])
        else:
            raise Refused("BAD_REQUEST", f"unknown request {op}")


def watch(seconds):
    if hasattr(signal, "alarm"):  # not on Windows
        signal.alarm(seconds)


def main():
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process even inside the core
    bridge = Bridge()
    for line in sys.stdin:
        watch(WATCHDOG_S)
        try:
            for answer in bridge.handle(json.loads(line)):
                watch(WATCHDOG_S)
                send({"ok": True, **answer})
        except Refused as refused:
            send({"ok": False, "code": refused.code, "reason": str(refused)})
        except Exception as error:  # a fault of this program: said, not died of
            send({"ok": False, "code": "ENGINE_FAULT", "reason": f"{type(error).__name__}: {error}"})
        watch(0)


main()
# The core's own clean-up at exit may crash, and nothing of ours is left to do.
os._exit(0)
