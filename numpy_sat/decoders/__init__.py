"""What writes captions of annotation vectors: the models, by the names that training knows them by.

Each is a module of

    SETTINGS                                                               those fields of config that not all have
    init_params(rng, D, config, log_frequencies, dtype)                    parameters by name
    loss_and_grads(params, a, batch, config, rng, workspace)               loss.Loss, da, gradients by name
    loss_only(params, a, batch, config, workspace)                         loss.Loss
    begin(params, a), step(params, state, words), select(state, rows)      writing word by word, see search.py

and all that trains, searches, judges and shows calls them alike. One that can look in several ways while it writes has
"look" among its SETTINGS, and looking(look), which returns the begin, step and select that look so.
"""

from numpy_sat.decoders import dot, hard, log_bilinear, soft, tell

MODELS = {"soft": soft, "dot": dot, "hard": hard, "tell": tell, "log-bilinear": log_bilinear}


def writer(config):
    """The begin, step and select of a captioner.Config's model, looking as config.look says; each call draws anew."""
    model = MODELS[config.model]
    return model.looking(config.look) if "look" in model.SETTINGS else model
