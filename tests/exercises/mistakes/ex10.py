"""Typical mistakes in exercise 10."""

from .record import Mistake

MISTAKES = [
    Mistake(
        10,
        "lstm_sequence_forward",
        """\
        h_before, c_before = h_after, c_after  # the next step starts from these states
    c_last = c_before
""",
        """\
        h_before = h_after
    c_last = c_after
""",
        "c or h",
        r"`?c`?.*(carried|handed|passed)|first `?c`?\b|memory",
        "carries h from step to step, but not c",
    ),
    Mistake(
        10,
        "lstm_sequence_forward",
        """\
    h_before, c_before = h, c
    for t in range(T):
        h_after, c_after, cache_t = lstm.lstm_forward(x[t], h_before, c_before, W_x, W_hh, b)
        h_all[t] = h_after
        steps.append(cache_t)
        h_before, c_before = h_after, c_after  # the next step starts from these states
    c_last = c_before
""",
        """\
    state, c_last, states = h.copy(), c, []
    for x_t in x:
        state[...], c_last, cache_t = lstm.lstm_forward(x_t, state, c_last, W_x, W_hh, b)
        states.append(state)
        steps.append(cache_t)
    h_all = np.stack(states)
""",
        "h_all or h",
        r"last (step|state)|overwrit|same (array|state)|one array|copy|every step",
        "appends the same array at each step and overwrites it, so that all steps show the last state",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "dh_t = dh_all[t] + dh_from_next",
        "dh_t = dh_all[t]",
        "dh or dx",
        r"`?dh`?.*(missing|forgotten|lost|not carried)|step after|next step",
        "forgets the gradient from the next step",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "dW_hh += dW_hh_t",
        "dW_hh = dW_hh_t",
        "dW_hh",
        r"overwrit|accumul|\+=|not added|instead of add|only (the )?(first|last|one)",
        "assigns the weights' gradient instead of adding over the steps",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "for t in reversed(range(T)):",
        "for t in range(T):",
        "dx or dh or dc",
        r"order|direction|forward|(first|last) step (comes )?first|revers|backward|through time",
        "loops forwards through time",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        """\
        dh_t = dh_all[t] + dh_from_next
        # dc_t has one term: step t + 1 starts from c_t
        dc_t = dc_from_next
        dx_t, dh_before, dc_before, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_t, dc_t, cache.steps[t])
""",
        """\
        dh_all[t] += dh_from_next
        dx_t, dh_before, dc_before, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_all[t], dc_from_next, cache.steps[t])
""",
        "",
        r"dh_all.*(changed|modified)|(change|modif).*dh_all",
        "adds the carried gradient to the argument in place",
    ),
]
