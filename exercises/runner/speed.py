"""After exercise 8: how fast the learner's loops are, among the library's rungs and under the machine's limit.

The measuring is done in a process of its own, which prints what it found as JSON:
python -m exercises.runner.speed NUMBER FILE.py
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from exercises.judging import named
from exercises.runner import checks, lessons, substitution, worker
from exercises.runner.terminal import colored, say
from numpy_sat.bench import limits, ours, roofline, works
from numpy_sat.bench.report import Result
from numpy_sat.bench.roofline import YOURS
from numpy_sat.bench.workers import milliseconds
from numpy_sat.layers import conv
from numpy_sat.system import machine
from numpy_sat.system.errors import writing

ROOT = Path(__file__).parents[2]
PATH = Path("runs") / "exercises" / "roofline.png"
SECONDS = 60
WORK = works.conv_work("forward", N=1, H=56, C=64, O=64)  # what is timed
SIZES = 2, 12, 16, 24  # N, H, C, O of what is looked at before
TOLERANCE = 1e-5  # of float32
RUNGS = ("numba loops", "plain numba", "SIMD direct", "Winograd F4")
ROUNDS = 5
BAR = 44  # columns


def report(lesson):
    """Time the loops of exercise 8 and draw them among the rungs; returns the exit code."""
    (result,) = checks.results([lesson.number])
    if not result.right:
        say(f"What is not right is not worth timing: python -m exercises check {lesson.number}")
        return 1
    say(f"How fast is it? numba compiles your loops, then they are timed: {SECONDS} seconds at most.")
    found = _in_a_process(lesson)
    if "problem" in found:
        say(found["problem"])
        return 1
    _show(found)
    results = [Result(WORK, name, ms) for name, ms in found["ms"].items()]
    with writing(PATH):
        PATH.parent.mkdir(parents=True, exist_ok=True)
    roofline.roofline_figure(PATH, results, found["gflops"], found["gbytes"])
    say(f"The same under the roofline: {PATH}")
    return 0


def _in_a_process(lesson):
    """What `measure` found, or {"problem": a sentence}."""
    command = [sys.executable, "-m", "exercises.runner.speed", str(lesson.number), str(lesson.file)]
    options = {"cwd": ROOT, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    try:
        child = subprocess.run(command, **options, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"problem": f"It was still running after {SECONDS} seconds, and was ended. So it is slow."}
    try:
        return json.loads(child.stdout)
    except ValueError:
        return {"problem": "The timing ended without a result: compiled loops that leave their arrays can end Python."}


def _show(found):
    """A bar for every rung, and what they say."""
    speeds = {name: WORK.flops / ms / 1e6 for name, ms in found["ms"].items()}
    lines = [*sorted(speeds.items(), key=lambda item: item[1]), ("the machine's limit", found["gflops"])]
    longest = max(speed for _, speed in lines)
    _, H, C, O = WORK.sizes.values()
    print(f"\nGFLOP/s, {C} to {O} channels, one image of {H} x {H}")
    for name, speed in lines:
        text = f"{name:<20}{speed:8.3g}  {'#' * max(1, round(BAR * speed / longest))}"
        print(colored(text, "strong") if name == YOURS else text)
    say(
        f"Yours takes {found['ms'][YOURS]:.3g} ms on one core: {speeds[YOURS] / found['gflops']:.1%} of what all "
        f"{found['threads']} could do. GFLOP/s counts the operations of the definition; Winograd does fewer, and "
        "may pass the limit. How each rung is climbed: numpy_sat/bench/rungs.py."
    )


def main():
    """The process that runs the learner's code."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # what the learner's code prints
    number, path = sys.argv[1:]
    lesson = lessons.load(int(number))
    (task,) = lesson.tasks
    part = substitution.Part(task.module, task.name, getattr(worker.load(path, lesson), task.name))
    try:
        found = measure(part)
    except substitution.Broken as broken:
        found = {"problem": str(broken)}
    out.write(json.dumps(found))
    out.close()


def measure(part):
    """{"ms": {rung: of one call}, "gflops", "gbytes", "threads"}, or {"problem": a sentence}."""
    if not hasattr(part.function, "py_func"):
        return {"problem": f"{part.name} is not compiled: the line @kernel is missing above it."}
    if problem := _wrong(part):
        return {"problem": problem}
    times = {name: _time(name) for name in RUNGS}
    with substitution.in_place([part]):
        times[YOURS] = _time("numba loops")
    return {"ms": times, "threads": machine.THREADS, **limits.limits()}


def _wrong(part):
    """What is wrong with the compiled function on float32 arrays of middling size, or ""."""
    (N, H, C, O), rng = SIZES, np.random.default_rng(0)
    shapes = (N, H + 2, H + 2, C), (3, 3, C, O), (O,)
    x, W, b = (rng.standard_normal(shape, np.float32) for shape in shapes)
    y = np.full((N, H, H, O), np.nan, np.float32)
    part(x, W, b, y)
    right, _ = conv.conv_forward(*(array.astype(np.float64) for array in (x, W, b)))
    if (error := named.error(y, right)) <= TOLERANCE:
        return ""
    return f"Compiled, it is wrong: y is off by {error:.1e} of its size. Does an index leave its array?"


def _time(rung):
    """Milliseconds of one call, padding included: the median of some rounds, after one that compiles."""
    call = ours.prepare(WORK, [rung])[rung].call
    call()
    return statistics.median(milliseconds(call) for _ in range(ROUNDS))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # whoever waits for this says it
        main()
