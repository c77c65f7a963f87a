"""Typical mistakes in exercise 9."""

from .record import Mistake

MISTAKES = [
    Mistake(
        9,
        "lstm_forward",
        """\
    affine_gates = affine[:, : 3 * S]
    affine_candidate = affine[:, 3 * S :]
""",
        """\
    a_i, a_f, a_g, a_o = np.split(affine, 4, axis=1)
    affine_gates, affine_candidate = np.hstack([a_i, a_f, a_o]), a_g
""",
        "affine or ifo or o or g",
        r"block|order|column|third|fourth|place|swap|exchang",
        "reads the columns in the order i, f, g, o",
    ),
    Mistake(
        9,
        "lstm_forward",
        "h_next = o * tanh_c",
        "h_next = o * c_next",
        "h_next",
        r"tanh|`?tanh_c`?",
        "omits the tanh of the cell state",
    ),
    Mistake(
        9,
        "lstm_backward",
        "dc_total = dc_next + dc_through_h",
        "dc_total = dc_through_h",
        "dc_next",
        r"dc_next.*(missing|lost|forgotten|overwritten)|next step.*(missing|lost|forgotten)",
        "omits the gradient that the next step sends to the cell state",
    ),
    Mistake(
        9,
        "lstm_backward",
        """\
    daffine_i = di * i * (1 - i)
    daffine_f = df * f * (1 - f)
    daffine_o = do * o * (1 - o)
    # g = tanh(affine) has the slope 1 - g^2
    daffine_g = dg * (1 - g * g)
    daffine = np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)""",
        "    daffine = np.hstack([di, df, do, dg * (1 - g**2)])",
        "daffine",
        r"(deriv|slope).*sigm|sigm.*(deriv|slope|missing|forgotten)",
        "forgets the sigmoid's derivative in the gates",
    ),
    Mistake(
        9,
        "lstm_backward",
        "daffine_g = dg * (1 - g * g)",
        "daffine_g = dg * g * (1 - g)",
        "daffine",
        r"1 - g\^2|1 - g\*\*2|sigm.*tanh|tanh.*sigm",
        "uses the sigmoid's derivative for the candidate",
    ),
    Mistake(
        9,
        "lstm_backward",
        "np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)",
        "np.concatenate([daffine_f, daffine_i, daffine_o, daffine_g], axis=1)",
        "daffine or difo",
        r"order|place|swap|exchang|columns",
        "concatenates the gates' gradients in another order than the columns",
    ),
]
