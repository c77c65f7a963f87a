"""Typical mistakes in exercise 12."""

from .record import Mistake

MISTAKES = [
    Mistake(
        12,
        "gate_forward",
        "affine = h @ w_beta + b_beta",
        "affine = h.dot(w_beta)",
        "beta",
        r"`?b_beta`?.*(missing|forgotten|left out)|bias",
        "forgets the bias",
    ),
    Mistake(
        12,
        "gate_backward",
        "daffine = dbeta * beta * (1 - beta)",
        "daffine = dbeta",
        "daffine",
        r"sigm|slope|deriv|1 - beta",
        "forgets the sigmoid's derivative",
    ),
    Mistake(
        12,
        "gate_backward",
        "dbeta = (dgated * cache.z).sum(axis=1)",
        "dbeta = (dgated * cache.z).mean(axis=1)",
        "dbeta",
        r"mean|divided|average",
        "averages over the components instead of summing",
    ),
    Mistake(
        12,
        "gate_backward",
        "db_beta = daffine.sum().reshape(1)",
        "db_beta = daffine.sum()",
        "",
        r"db_beta.*(shape|\(1,\)|array)|(shape|\(1,\)|array).*db_beta",
        "returns the bias gradient as a scalar",
    ),
    Mistake(
        12,
        "output_forward",
        """\
    from_state = h @ L_h
    from_image = z @ L_z
    inner = Ey + from_state + from_image
""",
        """\
    inner = h @ L_h
    inner += z @ L_z
""",
        "inner",
        r"`?Ey`?.*(missing|forgotten|left out)|word.*(missing|forgotten|left out)",
        "forgets the previous word: adds only hidden state and context",
    ),
    Mistake(
        12,
        "output_backward",
        "return dEy, dh, dz, dL_h, dL_z, dL_o, db_o",
        "return dEy, dz, dh, dL_h, dL_z, dL_o, db_o",
        "dh or dz",
        r"place|order|swap|exchang",
        "returns dh and dz in the wrong order",
    ),
]
