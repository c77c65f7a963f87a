"""Typical mistakes in exercise 3."""

from .record import Mistake

MISTAKES = [
    Mistake(
        3,
        "linear_forward",
        """\
    products = rows @ W
    # y_no = products_no + b_o: NumPy broadcasts b, (O,), over the rows.
    yrows = products + b
""",
        "    yrows = rows @ (W + b)\n",
        "y",
        r"`?b`?.*(before|inside|product|bracket|parenthes|to `?W`?|weight|multipl)|bracket|parenthes",
        "adds the bias to the weights before the product",
    ),
    Mistake(
        3,
        "linear_backward",
        """\
    W_transposed = W.T  # (O, I)
    dxrows = drows @ W_transposed""",
        "    dxrows = drows @ W",
        "dx",
        r"transpos",
        "forgets the transpose of W",
    ),
    Mistake(
        3,
        "linear_backward",
        """\
    columns = rows.T  # (I, rows)
    dW = columns @ drows""",
        '    dW = np.einsum("ni,no->io", rows, drows) / len(rows)',
        "dW",
        r"mean|divided|average|number of rows",
        "divides the weights' gradient by the number of rows",
    ),
    Mistake(
        3,
        "linear_backward",
        "columns = rows.T",
        "columns = x.reshape(I, -1)",
        "dW",
        r"reshape.*transpos|transpos.*reshape|transpos.*missing",
        "reshapes x where it should be transposed",
    ),
    Mistake(
        3,
        "linear_backward",
        "dxrows = drows @ W_transposed",
        "dxrows = W @ drows.T",
        "dx",
        r"reshape.*transpos|transpos.*(reshape|missing)|transpos.*(product|result|back)",
        "exchanges the factors and reshapes the product instead of transposing it",
    ),
    Mistake(
        3,
        "linear_backward",
        "db = drows.sum(axis=0)",
        "db = dy.sum(axis=0)",
        "",
        r"db.*shape|shape.*db",
        "sums the bias gradient over the first axis only",
    ),
]
