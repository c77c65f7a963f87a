"""What writes captions of annotation vectors: the models, by the names that training knows them by.

Each is a module of

    init_params(rng, D, config, log_frequencies, dtype)                    parameters by name
    loss_and_grads(params, a, batch, config, rng, workspace)               objective.Loss, da, gradients by name
    loss_only(params, a, batch, config, workspace)                         objective.Loss
    begin(params, a), step(params, state, words), select(state, rows)      writing word by word, see search.py

and all that trains, searches, judges and shows calls them alike.
"""

from numpy_sat.decoders import dot, hard, log_bilinear, soft, tell

MODELS = {"soft": soft, "dot": dot, "hard": hard, "tell": tell, "log-bilinear": log_bilinear}
