"""Check that every decoder has the same functions, so that callers need not distinguish them."""

import inspect

import pytest

from numpy_sat.decoders import MODELS
from numpy_sat.decoders.fast import recurrence

FUNCTIONS = {
    "init_params": ("rng", "D", "config", "log_frequencies", "dtype"),
    "loss_and_grads": ("params", "a", "batch", "config", "rng"),
    "loss_only": ("params", "a", "batch", "config"),
    "begin": ("params", "a", "config", "rng"),
    "step": ("params", "state", "words"),
    "select": ("state", "rows"),
}


OPTIONAL = {"attend_to": ("state", "images", "locations"), "rank": ("params", "a", "lists")}


@pytest.mark.parametrize("name", MODELS)
def test_a_decoder_has_these_functions(name):
    for function, arguments in FUNCTIONS.items():
        assert tuple(inspect.signature(getattr(MODELS[name], function)).parameters) == arguments
    for function, arguments in OPTIONAL.items():
        if hasattr(MODELS[name], function):
            assert tuple(inspect.signature(getattr(MODELS[name], function)).parameters) == arguments


def test_every_attention_has_a_fused_one():
    """Check that the modules have the functions of their recurrence, with equally many arguments."""
    plain = ("keys_forward", "keys_backward", "attend_forward", "attend_backward")
    fused = ("start", "attend_forward", "start_backward", "attend_backward", "gradients")
    for functions, modules in ((plain, recurrence.FUSED), (fused, recurrence.FUSED.values())):
        for function in functions:
            counts = {len(inspect.signature(getattr(module, function)).parameters) for module in modules}
            assert len(counts) == 1, function
