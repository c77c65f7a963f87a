"""Typical mistakes in exercise 23."""

from .record import Mistake

MISTAKES = [
    Mistake(
        23,
        "encode_forward",
        "back = back_reversed[::-1]",
        "back = back_reversed",
        "a or back",
        r"not reversed",
        "concatenates the states without reversing: the last word's state beside the first word's",
    ),
    Mistake(
        23,
        "encode_forward",
        """\
back_reversed, _, cache_back = lstm.lstm_sequence_forward(Ex_reversed, start, start, W_x, W_hh, b)
    # Its first state belongs to the last word. Reverse the states, so that state j belongs to word j, as in ahead.
    back = back_reversed[::-1]""",
        "back, _, cache_back = lstm.lstm_sequence_forward(Ex, start, start, W_x, W_hh, b)",
        "back",
        r"from the first",
        "reads forwards twice, with other weights",
    ),
    Mistake(
        23,
        "encode_forward",
        'W_x, W_hh, b = params["W_x_back"], params["W_hh_back"], params["b_back"]',
        "pass",
        "back",
        r"weights of its own",
        "reads backwards with the forward weights",
    ),
    Mistake(
        23,
        "encode_forward",
        "words = sources.T",
        "words = sources",
        "Ex",
        r"shape|axes|first",
        "passes the sentences where the words belong",
    ),
    Mistake(
        23,
        "encode_forward",
        "lstm.lstm_sequence_forward(Ex_reversed, start, start, W_x",
        "lstm.lstm_sequence_forward(Ex_reversed, ahead[-1], start, W_x",
        "back",
        r"starts from|zeros",
        "starts reading backwards from the last forward state",
    ),
    Mistake(
        23,
        "encode_backward",
        "dback_reversed = dback[::-1]",
        "dback_reversed = dback",
        "dEx_back",
        r"not reversed",
        "passes the gradients of the backward states without reversing them",
    ),
    Mistake(
        23,
        "encode_backward",
        "dEx_back = dEx_reversed[::-1]",
        "dEx_back = dEx_reversed",
        "dE_source or dEx_back",
        r"not reversed",
        "adds the last word's gradient to the first's",
    ),
    Mistake(
        23,
        "encode_backward",
        "dEx = dEx_ahead + dEx_back",
        "dEx = dEx_ahead",
        "dE_source",
        r"`dEx_back.*missing",
        "forgets that both LSTMs read the words",
    ),
    Mistake(
        23,
        "encode_backward",
        """\
dahead = da[:, :, :S].swapaxes(0, 1)  # (L, N, S)
    dback = da[:, :, S:].swapaxes(0, 1)""",
        """\
dahead = da[:, :, :S].reshape(-1, N, S)
    dback = da[:, :, S:].reshape(-1, N, S)""",
        "dahead",
        r"reshape",
        "reshapes instead of swapping axes",
    ),
]
