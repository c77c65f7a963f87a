"""Tests of the search for edits of the learner's function: each kind of mistake is named in the learner's own words."""

import pytest
from test_true_statements import text_of

pytestmark = pytest.mark.usefixtures("library_only")


@pytest.fixture
def library_only(request):
    """Skip the tests unless --impl is the library, because checks compare with the library's functions."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("checks compare with the library's functions")


# {name: (exercise, function, edits of the solution, the array to look at, parts of the diagnosis)}
CASES = {
    "function of a family": (4, "log_sum_exp", [("np.log(total)", "np.log2(total)")], "log_sum", ["log2 where log"]),
    "first one only": (3, "linear_backward", [("drows.sum(axis=0)", "drows[0]")], "db", ["only the first of `drows`"]),
    "a file with helpers": (
        *(7, "conv_parameter_gradients"),
        [("cell_rows.T @ dy_rows", "cell_rows.T @ dy_rows / N")],
        *("dW", ["the division by `N` does not belong here"]),
    ),
    "exchanged counts": (
        *(5, "max_pool_forward", [("= p * window + q", "= q * window + p")]),
        *("winner", ["`p` and `q` are exchanged"]),
    ),
    "what is written goes before what is missing": (
        *(1, "relative_error", [("return worst / (size_a", "return 2 * worst / (size_a")]),
        *("error", ["the factor `2` does not belong here"]),
    ),
    "a variable of the library's name stays wrong": (
        *(18, "batch_norm_backward", [("dstd / (2 * std)", "dstd / std")], "dvar", ["the division by `2` is missing"]),
    ),
    "captions of an image": (
        *(19, "decode_forward"),
        [("np.repeat(h_image, per_image, axis=0)", "np.tile(h_image, (per_image, 1))")],
        *("h", ["caption b belongs to image b // (B / N), not b mod N"]),
    ),
    "the other way of a running sum": (
        *(30, "advantage", [("mask[::-1].cumsum(axis=0)[::-1]", "mask.cumsum(axis=0)")]),
        *("words", ["sums from the start where the sum to the end belongs"]),
    ),
    "padding": (
        *(5, "max_pool_forward", [("rows = (H + 2 * padding", "rows = (H")]),
        *("y", ["the padding of `H` is forgotten"]),
    ),
    "one factor of a slope": (
        *(9, "lstm_backward", [("df * f * (1 - f)", "df * f")], "daffine", ["a factor is missing: `(1 - f)`"]),
    ),
    "two places at once": (
        *(12, "output_backward"),
        [
            ("dL_h = rows(cache.h).T @ rows(dfrom_state)", "dL_h = rows(cache.h[-1]).T @ rows(dfrom_state[-1])"),
        ],
        *("dL_h", ["only the last of `cache.h`"]),
    ),
    "two mistakes": (
        *(9, "lstm_backward"),
        [("dc_total = dc_next + dc_through_h", "dc_total = dc_through_h"), ("dg * (1 - g * g)", "dg * (1 - g)")],
        *("dc_next", ["the term `dc_next` is missing", "1 - y where the slope 1 - y^2 of tanh belongs"]),
    ),
    "two mistakes in one equation": (
        *(4, "softmax_backward"),
        [("= p * dp", "= p * dp * 2"), ("through_numerator - p", "through_numerator + p")],
        *("dx", ["a sign is flipped", "the factor `2` does not belong here"]),
    ),
}
LONG = "two mistakes", "captions of an image", "one factor of a slope"  # their diagnosis takes seconds


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.slow] if name in LONG else [], id=name) for name, case in CASES.items()],
)
def test_the_mistake_is_named(tmp_path, case):
    number, function, edits, array, terms = case
    text = text_of(tmp_path, number, function, *edits)
    assert f"Look at {array} in {function}" in text
    assert [term for term in terms if term not in text] == []


def test_a_step_that_is_there_is_not_missing(tmp_path):
    """Check that a copy is named, where the loss never changes, and no step is said to be missing."""
    edits = ("gradient = np.empty_like(x)\n", "gradient = np.zeros_like(x)\n    x = x.flatten().reshape(x.shape)\n")
    text = text_of(tmp_path, 1, "numerical_gradient", edits)
    assert "a copy of x is moved" in text and "It seems: the step" not in text
