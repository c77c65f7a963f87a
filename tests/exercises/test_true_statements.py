"""Tests that `check` states nothing false: wrong files whose diagnosis was once the opposite of the truth."""

import ast

import implementations
import numpy as np
import pytest

from exercises.judging import faults
from exercises.judging.repair_operators import REPAIRS
from exercises.runner import checks, report, worker
from numpy_sat.layers import activations

LESSONS = {lesson.number: lesson for lesson in implementations.LESSONS}


@pytest.fixture(autouse=True)
def library_only(request):
    """Skip the tests unless --impl is the library, because checks compare with the library's functions."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("checks compare with the library's functions")


def text_of(folder, number, function, *edits):
    """Return the text of `check --term` for a solution with edits of one function, in one line."""
    lesson = LESSONS[number]
    source = lesson.solution.read_text(encoding="utf-8")
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == function)
    lines = source.splitlines(keepends=True)
    body = "".join(lines[node.lineno - 1 : node.end_lineno])
    for right, wrong in edits:
        assert body.count(right) == 1, right
        body = body.replace(right, wrong)
    path = folder / "mine.py"
    path.write_text("".join([*lines[: node.lineno - 1], body, *lines[node.end_lineno :]]), encoding="utf-8")
    *_, (verdicts, _) = worker.judge_file(lesson, path)
    result = checks.Result(number, worker._as_json(verdicts), 0.0)
    return " ".join(" ".join(report.text_lines(lesson, result, True, False)).split())


SORT = "the sort goes in the wrong direction"
ROWS = "numbers = np.argsort(-rank.reshape(N, slots * V), axis=1, kind="
LOOP = """\
rows = rank.reshape(N, slots * V)
    numbers = np.array([sorted(range(slots * V), key=row.__getitem__) for row in rows])"""


@pytest.mark.parametrize(
    "edit", [("argsort(-rank", "argsort(rank"), (f'{ROWS}"stable")', LOOP)], ids=["argsort", "sorted"]
)
def test_a_sort_in_the_wrong_direction_is_no_quotient_upside_down(tmp_path, edit):
    text = text_of(tmp_path, 16, "extend", edit)
    assert SORT in text and "upside down" not in text
    assert "words[0, 3] is 0, right is 6" in text and "%" not in text


def test_arguments_and_reshaped_arrays_are_not_blamed_for_an_exception(tmp_path):
    sums = ("dkeys = dsum.sum(axis=1)", "dkeys = dsum.sum(axis=2)"), ("dsum.sum(axis=2).", "dsum.sum(axis=1).")
    text = text_of(tmp_path, 11, "score_backward", *sums[::-1])
    assert "Look at dkeys" in text and "`de` has" not in text
    names = ("parents = numbers // V", "words = numbers // V"), ("words = numbers % V", "parents = numbers % V")
    text = text_of(tmp_path, 16, "extend", *names[::-1])
    assert "Look at parents" in text and "`parents` and `words` are exchanged" in text


@pytest.mark.slow
def test_variables_of_a_loop_are_not_compared_after_an_exception(tmp_path):
    text = text_of(tmp_path, 16, "beam_search", (".reshape(N, slots, -1)\n", "\n"))
    assert "Look at log_p" in text and "the library's has" not in text


def test_the_transpose_of_more_than_two_axes_reverses_all(tmp_path):
    edit = ("dz_by_image @ a_transposed", "dz_by_image @ a.T")
    text = text_of(tmp_path, 11, "context_backward", edit)
    assert "`a.T` reverses all axes" in text and "`a.T` where `a.swapaxes(1, 2)` belongs" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dc_total", "dc_next"])
def test_no_repair_changes_an_argument_in_place(tmp_path, name):
    edits = [("dc_total = dc_next + dc_through_h", f"{name} = dc_through_h")]
    edits += [(f"{d} = dc_total * ", f"{d} = {name} * ") for d in ("df", " dc", "di", "dg")]
    text = text_of(tmp_path, 9, "lstm_backward", *edits)
    assert "the term `dc_next` is missing" in text and "+=" not in text


@pytest.mark.slow
def test_an_array_is_right_only_if_it_is_right_in_all_cases(tmp_path):
    edits = ("np.ascontiguousarray(dxrows.reshape(x.shape))", "dxrows"), ("drows.sum(axis=0)", "drows.mean(axis=0)")
    text = text_of(tmp_path, 3, "linear_backward", *edits)
    assert "right: dW" in text and "dx has shape" in text


def test_keepdims_too_many_is_left_out(tmp_path):
    text = text_of(tmp_path, 3, "linear_backward", ("drows.sum(axis=0)", "drows.sum(axis=0, keepdims=True)"))
    assert "leave out keepdims=True" in text and ".sum(axis=0)." not in text.replace("leave out", "")


@pytest.mark.parametrize("image", ["a[np.arange(B) % N]", "np.tile(a, (B // N, 1, 1))"], ids=["modulo", "tile"])
def test_captions_of_an_image_are_side_by_side(tmp_path, image):
    edit = ("alpha_by_image @ a\n", f"np.einsum('bl,bld->bd', alpha, {image})\n")
    text = text_of(tmp_path, 11, "context_forward", ("alpha_by_image = ", "import numpy as np; "), edit)
    assert "caption b belongs to image b // (B / N), not b mod N" in text


@pytest.mark.slow
def test_a_function_that_is_called_is_not_suspected(tmp_path):
    text = text_of(tmp_path, 16, "beam_search", ("range(max_words + 1)", "range(max_words)"))
    assert "the last step is left out (line 95: `range(max_words)` where" in text and "END` is missing" not in text


def test_an_axis_of_length_1_is_no_missing_sum(tmp_path):
    edit = ("return largest + np.log(total)", "total = np.log(total)[..., None]\n    return largest[..., None] + total")
    text = text_of(tmp_path, 4, "log_sum_exp", edit)
    assert "a sum over axis" not in text


def slopes(x, y):
    s = activations.sigmoid_forward(x)[0] + y
    return s.swapaxes(0, 1)


def test_a_repair_neither_adds_a_term_twice_nor_puts_in_a_relu():
    values = {"x": np.ones((2, 2)), "y": np.ones((2, 2)), "s": np.ones((2, 2))}
    edits = {draft.new for draft in faults.drafts(slopes, values, REPAIRS)}
    assert not any("relu" in text or text.endswith("+ y - y") for text in edits)


def test_what_is_not_transposed_is_not_said_to_be(tmp_path):
    text = text_of(tmp_path, 21, "context_backward", ("mean_transposed @ dvalues", "mean_annotation @ dvalues"))
    assert "Look at dW_v" in text and "is transposed where it should not be" not in text


def test_the_best_one_last_is_said_without_code_of_the_library(tmp_path):
    edits = ("argsort(-rank", "argsort(rank"), ("[:, :k]", "[:, -k:]")
    text = text_of(tmp_path, 16, "extend", *edits)
    assert "the best one comes last, not first" in text and "take_along_axis" not in text


ABSOLUTE = "np.abs(analytic - numeric)"
STOP = "        if min(precisions) == 0:\n            scores.append(0.0)\n            continue\n"
ERRORS = {  # {the sentence: (exercise, function, text of the solution, its replacement)}
    "an array may be empty": (1, "relative_error", f"{ABSOLUTE}.max(initial=0)", f"np.amax({ABSOLUTE})"),
    "a division by 0": (17, "bleu", "matches[m] / ngrams[m]", "1 / (ngrams[m] // matches[m])"),
    "a logarithm of 0": (17, "bleu", STOP, ""),
}
SLOW = ("a division by 0", "a logarithm of 0")  # no repair is found, so the search takes its two seconds


@pytest.mark.parametrize(
    "sentence", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ERRORS]
)
def test_an_exception_at_an_empty_array_or_at_0_says_which_case_is_forgotten(tmp_path, sentence):
    number, function, *edit = ERRORS[sentence]
    text = text_of(tmp_path, number, function, edit)
    assert sentence in text


def test_an_order_by_chance_is_likely(tmp_path):
    edit = ("(-cosines[other], other)", "(-np.hypot(cosines[other], 0), other)")
    text = text_of(tmp_path, 24, "nearest", edit)
    assert "It seems" in text and "does not belong here" not in text


def test_a_minus_that_is_there_is_not_missing(tmp_path):
    edit = ("p_j = -np.expm1(log_not_p_j)", "p_j = -np.expm1(np.log1p(rate) / L)")
    text = text_of(tmp_path, 36, "bias_of_rate", edit)
    assert "belongs" in text and "is missing" not in text


def test_a_reshape_that_is_swapped_is_replaced_together_with_its_swap(tmp_path):
    edit = ("query.reshape(N, per_image, 1, A)", "query.reshape(-1, N, 1, A).swapaxes(0, 1)")
    text = text_of(tmp_path, 11, "score_forward", edit)
    assert "`query.reshape(-1, N, 1, A).swapaxes(0, 1)` where `query.reshape(N, -1, 1, A)` belongs" in text


def test_the_line_is_that_of_the_term(tmp_path):
    loop = "for b, g in zip(best[k].ravel(), (weights * s).reshape(-1, s.shape[-1])):\n            dv[k, b] = g"
    text = text_of(tmp_path, 31, "score_backward", ("np.add.at(dv[k], best[k], weights * s)", loop))
    assert "(line 73: `dv[k, b] = g` where" in text and ".py:73" in text


CERTAINLY_NOT = {  # mistakes with several explanations: (exercise, function, edit)
    "a tie": (
        *(17, "bleu"),
        (
            "min((abs(len(reference) - length), len(reference)) for reference in image_references)[1]",
            "len(min(image_references, key=lambda reference: abs(len(reference) - length)))",
        ),
    ),
    "two reversals": (23, "encode_forward", ("a[:, j, S:] = back[j]", "a[:, j, S:] = back[L - 1 - j]")),
    "a loop that counts down": (32, "viterbi", ("range(T - 1, 0, -1)", "range(T - 1, 1, -1)")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CERTAINLY_NOT)
def test_what_has_several_explanations_is_likely(tmp_path, name):
    number, function, edit = CERTAINLY_NOT[name]
    text = text_of(tmp_path, number, function, edit)
    assert "It seems" in text and "one step too many" not in text


@pytest.mark.slow
def test_a_variable_that_is_never_read_is_missing(tmp_path):
    edit = ("da = da + da_keys + dlocation[:, None, :]", "da = da + dlocation[:, None, :]")
    text = text_of(tmp_path, 14, "decode_backward", edit)
    assert "the term `da_keys` is missing" in text and "overwritten" not in text
