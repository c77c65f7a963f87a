"""The parts of a decoder that can be left out (the setting `without`), to measure what each of them is worth."""

from numpy_sat.decoders.attend_tell import Parts
from numpy_sat.system.errors import InputError

PARTS = {  # what can be left out: its parameters
    "attention": ("W_a", "b_a", "W_h", "v", "W_q", "W_k"),  # the model "dot" has the last two; its W_v stays
    "gate": ("w_beta", "b_beta"),
    "deep output": ("L_z",),
}


def remaining(config, attention, without_attention):
    """Return the Parts that config.decoder.without leaves.

    Args:
        config: the recipe.
        attention, without_attention: modules of attentions/, for a decoder with attention and for one without.
    """
    left_out = config.decoder.without
    chosen = without_attention if "attention" in left_out else attention
    return Parts(chosen, gate="gate" not in left_out, deep_output="deep output" not in left_out)


def removed(params, names):
    """Return the parameters without those of some parts. names: keys of PARTS. Raises ValueError for another name."""
    unknown = set(names) - set(PARTS)
    if unknown:
        raise ValueError(f"without: {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    left_out = {name for part in names for name in PARTS[part]}
    return {name: array for name, array in params.items() if name not in left_out}


def refuse(model, names):
    """Raise InputError if `names`, the parts to leave out, is not empty. model: name of a model without parts."""
    if names:
        raise InputError(f"without={','.join(names)}: the model {model} has no parts that can be left out.")
