"""The speed of the learner's loops of exercise 8, compared with the library's rungs and the machine's limit.

The measurement runs in a process of its own (isolation.py), which sends its result:
python -m exercises.runner.speed NUMBER FILE.py
"""

import statistics
import sys
from pathlib import Path

import numpy as np

from exercises.judging import named
from exercises.runner import channel, checks, isolation, lessons, substitution, worker
from exercises.runner.terminal import colored, say
from numpy_sat.bench import limits, ours, roofline, works
from numpy_sat.bench.report import Result
from numpy_sat.bench.roofline import YOURS
from numpy_sat.bench.workers import milliseconds
from numpy_sat.layers import conv
from numpy_sat.system import machine
from numpy_sat.system.errors import writing

PATH = Path("runs") / "exercises" / "roofline.png"
SECONDS = 60
WORK = works.conv_work("forward", N=1, H=56, C=64, O=64)  # the convolution to time
SIZES = 2, 12, 16, 24  # N, H, C, O of the convolution to check before the timing
TOLERANCE = 1e-5  # relative error allowed in float32
RUNGS = ("numba loops", "plain numba", "SIMD direct", "Winograd F4")
ROUNDS = 5
BAR = 44  # columns


def report(lesson: lessons.Lesson) -> int:
    """Time the loops of exercise 8 and draw them among the rungs; return the exit code."""
    (result,) = checks.results([lesson.number])
    if not result.right:
        say(f"Only a right solution is timed: python -m exercises check {lesson.number}")
        return 1
    say(f"How fast is it? numba compiles your loops, then they are timed: {SECONDS} seconds at most.")
    measurement = _run_in_process(lesson)
    if "problem" in measurement:
        say(measurement["problem"])
        return 1
    _show(measurement)
    results = [Result(WORK, name, ms) for name, ms in measurement["ms"].items()]
    with writing(PATH):
        PATH.parent.mkdir(parents=True, exist_ok=True)
    roofline.roofline_figure(PATH, results, measurement["gflops"], measurement["gbytes"])
    say(f"The same results under the roofline: {PATH}")
    return 0


def _run_in_process(lesson):
    """Run this module in a process of its own and return what `measure` gives there, or {"problem": a sentence}."""
    with isolation.Process("exercises.runner.speed", str(lesson.number), str(lesson.file)) as process:
        *_, measurement = {}, *process.messages()
    if process.problem:
        return {"problem": f"The timing was stopped. Your code {process.problem}."}
    return measurement or {
        "problem": "The timing ended without a result: compiled loops that index outside an array can end Python."
    }


def _show(measurement):
    """Print a bar for each rung and a sentence on the learner's loops."""
    speeds = {name: WORK.flops / ms / 1e6 for name, ms in measurement["ms"].items()}
    lines = [*sorted(speeds.items(), key=lambda item: item[1]), ("the machine's limit", measurement["gflops"])]
    longest = max(speed for _, speed in lines)
    _, H, C, O = WORK.sizes.values()
    print(f"\nGFLOP/s, {C} to {O} channels, one image of {H} x {H}")
    for name, speed in lines:
        text = f"{name:<20}{speed:8.3g}  {'#' * max(1, round(BAR * speed / longest))}"
        print(colored(text, "strong") if name == YOURS else text)
    say(
        f"Your loops take {measurement['ms'][YOURS]:.3g} ms on one core: {speeds[YOURS] / measurement['gflops']:.1%} "
        f"of the limit of all {measurement['threads']} cores. GFLOP/s counts the operations of the definition. "
        "Winograd does fewer, so it may exceed the limit. The code of each rung: numpy_sat/bench/rungs.py."
    )


def main() -> None:
    """Time a learner's file in this process and send the measurement."""
    number, path = sys.argv[1:]
    measurement_channel = channel.Channel()
    measurement_channel.send({}, SECONDS)
    lesson = lessons.load(int(number))
    (task,) = lesson.tasks
    part = substitution.Part(task.module, task.name, getattr(worker.load(path, lesson), task.name))
    try:
        measurement = measure(part)
    except substitution.Broken as broken:
        measurement = {"problem": str(broken)}
    measurement_channel.send(measurement)


def measure(part: substitution.Part) -> dict:
    """Check and time a compiled function.

    Args:
        part: the Part of the learner's function.
    Returns:
        A dict of "ms" ({rung: milliseconds per call}), "gflops", "gbytes" and "threads"; or {"problem": a sentence}.
    """
    if not hasattr(part.function, "py_func"):
        return {"problem": f"{part.name} is not compiled: the line @kernel is missing above it."}
    if problem := _wrong(part):
        return {"problem": problem}
    times = {name: _time(name) for name in RUNGS}
    with substitution.in_place([part]):
        times[YOURS] = _time("numba loops")
    return {"ms": times, "threads": machine.THREADS, **limits.limits()}


def _wrong(part):
    """Return what is wrong with the compiled function on float32 arrays of medium size, or an empty string."""
    (N, H, C, O), rng = SIZES, np.random.default_rng(0)
    shapes = (N, H + 2, H + 2, C), (3, 3, C, O), (O,)
    x, W, b = (rng.standard_normal(shape, np.float32) for shape in shapes)
    y = np.full((N, H, H, O), np.nan, np.float32)
    part(x, W, b, y)
    right, _ = conv.conv_forward(*(array.astype(np.float64) for array in (x, W, b)))
    if (error := named.error(y, right)) <= TOLERANCE:
        return ""
    return f"The compiled function is wrong: y is off by {error:.1e} of its size. Is an index outside its array?"


def _time(rung):
    """Return the milliseconds of one call, including padding: the median of ROUNDS calls after one that compiles."""
    call = ours.prepare(WORK, [rung])[rung].call
    call()
    return statistics.median(milliseconds(call) for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
