"""Tests of exercises.judging: the fault dictionary contains every kind of mistake, and the diagnosis names it."""

import importlib.util
import inspect
from collections import namedtuple
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from exercises.judging import blame, faults, judge, proofs, repairs, table
from exercises.judging import diagnosis as diagnoses
from exercises.judging.flow import Flow
from exercises.judging.operators import OPERATORS
from exercises.judging.repair_operators import ACCIDENTAL, REPAIRS
from exercises.judging.watching import watching
from exercises.runner import lessons
from numpy_sat.layers import activations, lstm

B, I, O = 4, 3, 5


def affine_backward(dy, cache, start):
    """Compute gradients in a way that leaves room for most kinds of mistake."""
    x, W, y = cache.x, cache.W, cache.y
    ds = activations.tanh_backward(dy, y)
    dW = x.T @ ds + start
    db = ds.sum(axis=0)
    dx = ds @ W.T - 0.5 * x
    total = np.zeros(ds.shape[1])
    for row in ds:
        total += row
    return dx, dW, db, total


# {mistake: (text of the source, its replacement, the array to be named, a part of the diagnosis)}
MISTAKES = {
    "drop a term": ("+ start", "", "dW", "the term `start` is missing"),
    "drop the other term": ("ds @ W.T - 0.5 * x", "- 0.5 * x", "dx", "the term `ds @ W.T` is missing"),
    "flip a sign": ("W.T - 0.5", "W.T + 0.5", "dx", "a sign is flipped (line 7: `ds @ W.T + 0.5 * x`"),
    "drop a factor": ("0.5 * x", "x", "dx", "the factor `0.5` is missing"),
    "double a factor": ("- 0.5 * x", "- 0.5 * 0.5 * x", "dx", "the factor `0.5` does not belong here"),
    "drop a transpose": ("ds @ W.T", "ds @ W", "dx", "the transpose of `W` is missing"),
    "drop a reduction": ("ds.sum(axis=0)", "ds", "db", "a sum over axis 0 is missing (line 6"),
    "mean for sum": ("ds.sum(axis=0)", "ds.mean(axis=0)", "db", "a mean of `ds` where its sum belongs"),
    "wrong axis": ("ds.sum(axis=0)", "ds.sum(axis=1)", "db", "the sum of `ds` goes over the wrong axis"),
    "= for +=": ("total += row", "total[:] = row", "total", "= where += belongs"),
    "two variables swapped": ("0.5 * x", "0.5 * cache.z", "dx", "`cache.z` where `x` belongs"),
    "forgotten derivative": ("activations.tanh_backward(dy, y)", "dy", "ds", "the slope of tanh is missing"),
    "sigmoid's derivative": (
        "tanh_backward(dy",
        "sigmoid_backward(dy",
        "ds",
        "`activations.tanh_backward(dy, y)` belongs",
    ),
    "1 - y for 1 - y^2": (
        "activations.tanh_backward(dy, y)",
        "dy * (1 - y.y)",
        "ds",
        "1 - y where the slope 1 - y^2 of tanh belongs",
    ),
    "cache's wrong member": ("x, W, y = cache.x", "x, W, y = cache.z", "dW", "`cache.z` where `cache.x` belongs"),
    "results swapped": ("return dx, dW, db, total", "return dW, dx, db, total", "dx", "are exchanged"),
    "a mean over other things": (
        "ds.sum(axis=0)",
        "ds.sum(axis=0) / dy.size",
        "db",
        "the division by `dy.size` does not belong here",
    ),
    "one number for all": (
        "dW = x.T @ ds + start",
        "dW = 3.7 * (x.T @ ds + start)",
        "dW",
        "the factor `3.7` does not belong here",
    ),
    "a term too many": (
        "dW = x.T @ ds + start",
        "dW = x.T @ ds + 2 * start",
        "dW",
        "the factor `2` does not belong here",
    ),
    "the other way round": ("total += row", "total += row; total = total[::-1]", "total", ""),
    "no edit of ours": ("db = ds.sum(axis=0)", "db = np.sqrt(np.abs(ds)).sum(axis=0)", "db", ""),
    "in the middle": ("activations.tanh_backward(dy, y)", "np.sin(activations.tanh_backward(dy, y))", "ds", ""),
}


class Cache(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    y: activations.TanhCache
    z: np.ndarray


def make_cases(rng):
    cases = []
    for rows in (B, 6):
        x, z, W = rng.standard_normal((rows, I)), rng.standard_normal((rows, I)), rng.standard_normal((I, O))
        y, cache_y = activations.tanh_forward(x @ W)
        dy, start = rng.standard_normal(y.shape), rng.standard_normal((I, O))
        cases.append({"dy": dy, "cache": Cache(x, W, cache_y, z), "start": start})
    return cases


TASK = judge.Task(
    SimpleNamespace(affine_backward=affine_backward),
    "affine_backward",
    make_cases,
    ("dx", "dW", "db", "total"),
    {
        **{"ds": "ds = dy (1 - y^2)", "dW": "dW = x^T ds + start", "db": "db = sum of ds over rows"},
        **{"dx": "dx = ds W^T - x / 2", "total": "total = sum of ds over rows"},
    },
)


@pytest.fixture(scope="module")
def fault_table():
    """Make the task's fault dictionary."""
    return table.make(TASK)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_array_equation_and_term_are_named(tmp_path, fault_table, mistake):
    right, wrong, array, term = MISTAKES[mistake]
    findings = findings_of(tmp_path, fault_table, right, wrong)
    assert findings[0].array == array, findings
    assert findings[0].equation == TASK.equations.get(array, "")
    assert term in findings[0].term


def test_numbers_that_are_nearly_right_are_wrong(fault_table):
    """Check that the mark of an array's shape, a large number, does not raise the tolerance of the other marks."""
    case = judge.cases_of(TASK)[0]
    right = judge.flat(TASK, TASK.drive(affine_backward, case))
    entry_of_dx = next(k for k, entry in enumerate(fault_table.entries) if "`0.5 * x`" in entry.term)
    assert fault_table.fitting(0, right)[entry_of_dx, fault_table.names.index("db")]
    for name in fault_table.names:
        results = {**right, name: right[name] * (1 + 1e-6)}
        fits = fault_table.fitting(0, results)
        assert not fits[:, fault_table.names.index(name)].any() and fits.any()


def test_two_mistakes_are_named_separately(tmp_path, fault_table):
    old, new = "ds @ W.T - 0.5 * x\n    total", "ds @ W.T + 0.5 * x\n    total"
    findings = findings_of(tmp_path, fault_table, old, new, ("+ start", ""))
    terms = {finding.array: finding.term for finding in findings}
    assert terms["dx"].startswith("a sign is flipped (line 7") and terms["dW"].startswith("the term `start` is missing")


def test_a_proof_is_certain_and_quotes_the_learners_line(tmp_path, fault_table):
    (finding,) = findings_of(tmp_path, fault_table, "ds @ W.T", "ds @ (2 * W.T)")
    assert (finding.array, finding.certainty, finding.runner_up) == ("dx", "certain", None)
    assert finding.term == "the factor `2` does not belong here (line 7: `2 * W.T` where `W.T` belongs)"


def test_the_search_does_not_repeat_what_the_learner_prints(tmp_path, fault_table, capsys):
    findings_of(tmp_path, fault_table, "x.T @ ds + start", "x.T @ ds; print('printed')")
    assert 0 < capsys.readouterr().out.count("printed") < 12


def test_a_diagnosis_with_a_rival_is_likely_and_names_it(fault_table):
    """Check that edits of two equations with the same numbers are not certain, nor an edit wrong in one case only."""
    cases = judge.cases_of(TASK)
    expected = judge.expected_of(TASK, cases)

    def nothing(dy, cache, start):
        return tuple(0 * value for value in affine_backward(dy, cache, start))

    judged = judge.judge(TASK, nothing, cases, expected)
    diagnosis = diagnoses.Diagnosis(TASK, judged, [TASK], fault_table)
    one, other = (diagnoses.Finding(name, "equation", f"term of {name}", "f", "certain") for name in ("dW", "dx"))
    mistake = fault_table.entries[0]._replace(rank=-1)
    assert blame._best_of(diagnosis, [(one, mistake)], nothing) == one
    edit, same = mistake._replace(rank=1), one._replace(term="the same equation")
    rivals = [(one, mistake), (same, edit), (other, edit)]
    assert blame._best_of(diagnosis, rivals, nothing) == one._replace(certainty="likely", runner_up="term of dx")
    rivals = [(one, edit), (same, edit)]
    assert blame._best_of(diagnosis, rivals, nothing).runner_up == "the same equation"
    once = judged._replace(yours=[judged.yours[0], expected[1]])
    diagnosis = diagnoses.Diagnosis(TASK, once, [TASK], fault_table)
    assert blame._best_of(diagnosis, [(one, mistake)], nothing).certainty == "likely"


def test_a_result_of_another_shape_is_named(tmp_path, fault_table):
    (finding,) = findings_of(tmp_path, fault_table, "x.T @ ds + start", "(x.T @ ds + start).ravel()")
    assert (finding.array, finding.term) == ("dW", "its numbers are right, but not its shape: reshape it")


@pytest.mark.slow
def test_two_mistakes_in_one_equation_are_a_pair(tmp_path, fault_table):
    (finding,) = findings_of(tmp_path, fault_table, "ds @ W.T - 0.5 * x", "ds @ W.T + x")
    assert (finding.array, finding.certainty) == ("dx", "likely")
    assert finding.term.startswith("a sign is flipped (line 7") and "the factor `0.5` is missing" in finding.term


def test_a_line_that_raises_is_named(tmp_path, fault_table):
    (finding,) = findings_of(tmp_path, fault_table, "x.T @ ds", "x @ ds")
    assert (finding.array, finding.equation) == ("dW", TASK.equations["dW"])


def findings_of(folder, fault_table, right, wrong, *further_edits):
    """Replace text in affine_backward, write the result to a file, and return the Findings of its diagnosis."""
    source = inspect.getsource(affine_backward)
    for old, new in ((right, wrong), *further_edits):
        assert source.count(old) == 1
        source = source.replace(old, new)
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    names = {"np": np, "activations": activations}
    exec(compile(source, path, "exec"), names)
    cases = judge.cases_of(TASK)
    judged = judge.judge(TASK, names["affine_backward"], cases, judge.expected_of(TASK, cases))
    assert judged.verdict.state == "wrong"
    return blame.blame(judged, TASK, names["affine_backward"], [TASK], fault_table)


def test_gates_order_is_in_the_dictionary(rng):
    """Check that blocks of S columns are swapped where the last axis is 4 S."""
    edits = edits_of(lstm.lstm_forward, x=(3, 4), h=(3, 2), c=(3, 2), W_x=(4, 8), W_hh=(2, 8), b=(8,))
    assert any(fault.target == "affine" and fault.term.startswith("blocks 3 and 4") for fault in edits)


def test_time_steps_are_in_the_dictionary():
    terms = [fault.term for fault in edits_of(run_backwards, x=(4, 3))]
    assert "the loop over `range(len(x))` goes forwards; it should go backwards" in terms
    assert "the first step of `range(len(x))` is left out" in terms
    assert "`state` is not carried from step to step: each step starts from the first value" in terms
    assert "`t` is ignored: -1, the last index, replaces it" in terms


def run_backwards(x):
    state, states = x[0], np.zeros_like(x)
    for t in reversed(range(len(x))):
        state = np.tanh(state + x[t])
        states[t] = state
    return states


def test_padding_and_stride_are_in_the_dictionary():
    terms = {fault.term for fault in edits_of(strided, x=(9, 3), stride=2, padding=1)}
    assert {"`padding` is one too many", "`padding` is one too few", "`stride` is ignored: 1 replaces it"} <= terms


def strided(x, stride, padding):
    return np.pad(x, ((padding, padding), (0, 0)))[::stride]


def edits_of(function, **arguments):
    """Return all edits of a function; a tuple among the arguments is the shape of a random array."""
    rng = np.random.default_rng(0)
    values = {n: rng.standard_normal(v) if isinstance(v, tuple) else v for n, v in arguments.items()}
    with watching(lambda frame: frame.f_code is function.__code__) as recording:
        function(**values)
    return faults.edits(function, recording.locals[function.__code__])


def test_text_of_a_mistake_must_occur_in_the_source():
    with pytest.raises(ValueError, match="strided: 'x / 2' occurs 0 times"):
        faults.from_mistakes(strided, [faults.Mistake("x / 2", "x", "")])


def test_a_view_of_an_input_is_noted():
    task = TASK._replace(module=SimpleNamespace(affine_backward=lambda dy, cache, start: dy * 1), outputs=("dx",))
    cases = judge.cases_of(task)

    def learner_function(dy, cache, start):
        return dy

    verdict = judge.judge(task, learner_function, cases, judge.expected_of(task, cases)).verdict
    assert verdict.state == "right"
    assert verdict.notes[0].startswith("dx shares its memory with dy")


def test_a_view_of_an_input_in_a_cache_is_not_noted():
    kept = namedtuple("Kept", "dy")
    library = SimpleNamespace(affine_backward=lambda dy, cache, start: (dy * 1, kept(dy * 1)))
    task = TASK._replace(module=library, outputs=("dx", "kept"))
    cases = judge.cases_of(task)

    def learner_function(dy, cache, start):
        return dy * 1, kept(dy)

    verdict = judge.judge(task, learner_function, cases, judge.expected_of(task, cases)).verdict
    assert verdict.state == "right" and not verdict.notes


def test_table_is_saved_and_loaded(tmp_path, fault_table):
    first = table.load(TASK, tmp_path, "key")
    again = table.load(TASK, tmp_path, "key")
    assert [path.name for path in tmp_path.iterdir()] == ["faults-affine_backward-key.npz"]
    assert again.entries == first.entries == fault_table.entries and again.words == first.words
    np.testing.assert_array_equal(again.marks, fault_table.marks)


def test_flow():
    flow = Flow(affine_backward, TASK.outputs)
    assert flow.reaches("ds") == {"dx", "dW", "db", "total"} and flow.reaches("start") == {"dW"}
    assert flow.bottleneck({"dx", "dW", "db", "total"}) == "ds"
    assert flow.bottleneck({"dW"}) == "dW"


def test_helpers_that_a_task_calls_are_edited_too():
    assert all(importlib.util.find_spec(f"numpy_sat.{name}") for name in table.PACKAGES)
    tasks = {task.name: task for number in (15, 16) for task in lessons.load(number).tasks}
    for name, helpers in {"adam_update": {"_moments"}, "beam_search": {"ban", "extend", "read_back"}}.items():
        assert helpers <= table.look_into(tasks[name], judge.cases_of(tasks[name])[0]).functions.keys()


def test_a_divisor_is_no_index():
    """Check that -1, the last index, replaces counts in indices and sizes only."""
    terms = [fault.term for fault in edits_of(mean_of_first, x=(6, 2), N=3)]
    assert sum("the last index" in term for term in terms) == 1


def mean_of_first(x, N):
    first = x[:N]
    return first.sum(axis=0) / N


ODD = """\
def odd(x, y, N, cache):
    for t in range():
        for t in reversed():
            x = x + y
            if t:
                return
        y: int
        assert x
    np.add.at(x, 1)
    np.add.at(*x)
    ds = tanh_backward(dy, y) + sigmoid_backward(dy) + softmax_backward(dy=dy, cache=y) + tanh_backward(*y)
    h = tanh_forward(x) + sigmoid_forward(x, y) + tanh_forward()
    r = np.repeat(x, repeats=3) + np.repeat() + np.tile(x, ()) + np.tile(x, 3) + np.concatenate([] * 3)
    r = np.pad(x, ()) + np.pad(x, ((1, 2), (1,))) + np.pad(*x) + cache["a"] + cache["b"]
    z = (w := x + 1) * (yield) + (lambda: 3)() + (lambda q: q)(x)
    a, *b = x[()] + x[..., None, ::-1] + x[[0, 1]] + x[y[0]] + x[True] + x[1.0]
    x @= y
    m = x.sum() + x.sum(0) + x.sum(axis=(0, 1), keepdims=True) + np.sum() + x.mean(*y) + len() + len(*x)
    m = x.reshape() + x.reshape(*y) + x.reshape(x, y, N, -1) + x.reshape(y, x, N).sum(axis=0) + x.swapaxes()
    m = max() + min(*x) + np.clip(x) + np.exp() + np.full() + np.copy(x) + np.linalg.norm(*x) + sorted() + y.sort()
    m = {**cache, "a": [i for i in x for j in y if j]}, f"{x!r:>{N}} {y + 1}", 1j, 1e400, b"x", ..., 1 < x < y
    m: int = x.shape[N] + x.shape[0:2] + (x + y).shape[0] + len(x + y)
    x.a.b[0] = (x)[0], y[1] = y, x
    match x:
        case [1, *rest]:
            m = rest
    return x, *y
"""
ODD_VALUES = {
    "arrays": (np.ones((2, 3)), np.ones((2, 3)), 2),
    "sizes": (2, 3, np.ones(2)),
    "others": (np.zeros((0, 3)), [1, [2, 3]], None),
}


@pytest.mark.parametrize("values", ODD_VALUES.values(), ids=ODD_VALUES)
def test_no_operator_fails_on_what_learners_write(tmp_path, values):
    """Check the operators on calls without arguments, stars, bare returns and names without a module."""
    path = tmp_path / "mine.py"
    path.write_text(ODD, encoding="utf-8")
    names = {}
    exec(compile(ODD, path, "exec"), names)
    arguments = dict(zip(("x", "y", "N"), values, strict=True))
    arguments["cache"] = {"a": [[1], [2, 3]], "b": [1, 2]}
    for operators in (OPERATORS, REPAIRS):
        assert len(list(faults.drafts(names["odd"], arguments, operators))) > 100


def test_a_lambda_is_a_function(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("double = lambda x: x + x - x\n", encoding="utf-8")
    names = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), names)
    edits = [fault.new for fault in faults.edits(names["double"], {"x": 1.0})]
    assert "x + x + x" in edits


@pytest.mark.parametrize("operator", ACCIDENTAL, ids=lambda operator: operator.__name__)
def test_a_repair_that_may_be_a_chance_is_never_certain(fault_table, operator):
    """Check that a proof by such an operator is likely, and that a proof by an edit of what is written is certain."""
    cases = judge.cases_of(TASK)

    def mine(dy, cache, start):
        return tuple(2 * value for value in affine_backward(dy, cache, start))

    diagnosis = diagnoses.Diagnosis(
        TASK, judge.judge(TASK, mine, cases, judge.expected_of(TASK, cases)), [TASK], fault_table
    )
    for rank, certainty in ((REPAIRS.index(operator), "likely"), (0, "certain")):
        fault = faults.Fault(mine, "dW", 2, rank, "", mine.__code__, "2 * value", "value")
        assert proofs.finding_of_proofs(diagnosis, [repairs.Repair(fault, {})], [], mine).certainty == certainty


def test_an_edit_that_the_learners_statements_do_not_show_is_likely(fault_table):
    """Check a sentence about a missing term for functions that have the right statement, another one, and no such."""
    cases = judge.cases_of(TASK)
    entry = next(entry for entry in fault_table.entries if entry.target == "dW" and "`start` is missing" in entry.term)

    def same(x, ds, start):
        dW = x.T @ ds + start
        return dW

    def other(x, ds, start):
        dW = np.dot(x.T, ds)
        return dW

    def renamed(x, ds, start):
        gradient = np.dot(x.T, ds)
        return gradient

    def nothing(dy, cache, start):
        return tuple(0 * value for value in affine_backward(dy, cache, start))

    judged = judge.judge(TASK, nothing, cases, judge.expected_of(TASK, cases))
    diagnosis = diagnoses.Diagnosis(TASK, judged, [TASK], fault_table)
    finding = diagnoses.Finding("dW", "dW = x^T ds + start", entry.term, "affine_backward", "certain")
    whole = [(finding, entry._replace(rank=-1))]
    certainties = [blame._best_of(diagnosis, whole, function).certainty for function in (same, other, renamed)]
    assert certainties == ["likely", "certain", "likely"]


def grow(x, others):
    rows = [x]
    for row in others:
        rows.append(row)
    return rows


def test_a_loop_over_a_list_that_its_body_makes_longer_is_never_compiled():
    with pytest.raises(ValueError, match="never ends"):
        faults.from_mistakes(grow, [faults.Mistake("row in others", "row in rows", "")])
    (edit,) = faults.from_mistakes(grow, [faults.Mistake("row in others", "row in others[1:]", "")])
    assert edit.target == "row"


def by_image(x, N, P):
    return x.reshape(P, N, 4).swapaxes(0, 1)


def by_head(x, N, heads):
    return x.reshape(heads, N, 2)


@pytest.mark.parametrize(
    ("function", "sizes", "is_of_captions"),
    [(by_image, {"N": 2, "P": 3}, True), (by_head, {"N": 6, "heads": 2}, False)],
)
def test_captions_belong_to_images_only_where_an_axis_of_captions_is_split(function, sizes, is_of_captions):
    drafts = list(faults.drafts(function, {"x": np.ones((6, 4)), **sizes}, REPAIRS))
    assert any("reshape" in draft.new for draft in drafts)
    assert any("caption b belongs to image" in draft.term for draft in drafts) == is_of_captions


def ignore(x):
    _, size = x.shape
    mean = x.sum() / size
    return mean


def test_an_unused_variable_is_no_replacement():
    values = {"x": np.ones((3, 3)), "_": 3, "size": 3, "mean": 3.0}
    texts = [draft.new for operators in (OPERATORS, REPAIRS) for draft in faults.drafts(ignore, values, operators)]
    assert texts and [text for text in texts if text == "_" or "/ _" in text or "* _" in text] == []
