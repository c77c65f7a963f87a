"""The LSTM over a sequence"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import lstm

FACTS = Facts(difficulty=2, minutes=45, builds_on=(9,), chapter="lstm")

INTRO = """\
Goal            Run a layer along a sequence, and send the gradient back along it: backpropagation through time. A
                captioner writes its sentence in this way. One step with the same weights computes every word from the
                states after the word before.

Equations       h_t, c_t = step(x_t, h_{t-1}, c_{t-1}; W_x, W_hh, b)      t = 1 ... T      h_all: (T, B, S), c: (B, S)
                dh_t  = dh_all_t + (dh from step t + 1; none after the last step)           (B, S): h_t has two uses
                dc_t  = dc from step t + 1; after the last step, the argument dc            (B, S): c_t has one use
                dW_x, dW_hh, db = sums over t, because every step uses the same weights     the shapes of W_x, W_hh, b
                h_t is a result of the function, and step t + 1 reads it. Only the last c is returned. In the code, x[0]
                is x_1.

Worked example  B = I = S = 1, T = 2, all weights and biases 0, x and h 0. A step halves the cell state, c' = c / 2, and
                the hidden state is half of its tanh, h' = tanh(c') / 2:
                c = [[4]]   h_all = [[[0.4820]], [[0.3808]]]            Find c after the last step.
                dh_all = [[[0]], [[0]]]   dc = [[1]]
                A step sends dc' / 2 back to c, and dc' * c / 4 to the bias of the forget gate. The last step alone
                gives that bias 1 * 2 / 4 = 0.5. Find dc before the first step, and db of the forget gate.

Your task       1. lstm_sequence_forward: loop over the steps, from the first to the last. Collect h of every step in
                   h_all, and the step's cache in the list `steps`: steps[0] belongs to x[0].
                2. lstm_sequence_backward: loop from the last step to the first. Trap: dh of a step goes to the step
                   before it, and is added to dh_all there. Trap: the weights' gradients are sums over all steps.

Given           The step, through its module (exercise 9):
                lstm.lstm_forward(x_t, h, c, W_x, W_hh, b)           returns h, c, cache_t
                lstm.lstm_backward(dh_next, dc_next, cache_t)        returns dx_t, dh, dc, dW_x_t, dW_hh_t, db_t
                The cache LSTMSequenceCache(steps) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import lstm
from numpy_sat.layers.lstm import LSTMSequenceCache"""

SIZES = [(4, 3, 5, 2), (3, 3, 3, 3), (1, 2, 3, 4)]  # T, B, I, S


def forward_cases(rng):
    """Return cases with different and equal sizes, and a single step; the first h and c are nonzero."""
    return [
        {
            "x": rng.standard_normal((T, B, I)),
            "h": rng.standard_normal((B, S)),
            "c": rng.standard_normal((B, S)),
            "W_x": rng.standard_normal((I, 4 * S)),
            "W_hh": rng.standard_normal((S, 4 * S)),
            "b": rng.standard_normal(4 * S),
        }
        for T, B, I, S in SIZES
    ]


def backward_cases(rng):
    """Return a random dh_all and dc for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        h_all, c, cache = lstm.lstm_sequence_forward(**inputs)
        cases.append({"dh_all": rng.standard_normal(h_all.shape), "dc": rng.standard_normal(c.shape), "cache": cache})
    return cases


STEP = "lstm_forward(x[t], h, c, W_x, W_hh, b)"
BACK = "lstm_backward(dh_all[t] + dh, dc, cache.steps[t])"
AT_LAST = "t == len(dh_all) - 1"

START = "h_all, steps ="
FORWARD_MISTAKES = (
    Mistake(START, f"h, c = 0 * h, 0 * c; {START}", "the first step starts from zeros, not from the given h and c"),
    Mistake(START, f"h = 0 * h; {START}", "the first step starts from h = 0, not from the given h"),
    Mistake(START, f"c = 0 * c; {START}", "the first step starts from c = 0, not from the given c"),
    Mistake(START, f"x = x[::-1]; {START}", "x is read from its last step to its first"),
    Mistake("steps.append(cache_t)", "steps.insert(0, cache_t)", "the last step's cache comes first"),
    Mistake(
        STEP,
        "lstm_forward(x[t], steps[0].h if t else h, steps[0].c if t else c, W_x, W_hh, b)",
        "every step starts from the first `h` and `c`: they are not carried from step to step",
    ),
    Mistake(
        STEP, "lstm_forward(x[t], h, steps[0].c if t else c, W_x, W_hh, b)", "`c` is not carried from step to step"
    ),
    Mistake(
        STEP, "lstm_forward(x[t], steps[0].h if t else h, c, W_x, W_hh, b)", "`h` is not carried from step to step"
    ),
)

BACKWARD_MISTAKES = (
    Mistake("cache.steps[t]", "cache.steps[-1]", "every step uses the last step's cache"),
    Mistake(
        BACK,
        f"lstm_backward(dh_all[t] + dh, 0 * dc if {AT_LAST} else dc, cache.steps[t])",
        "the argument `dc` is lost",
        "dc",
    ),
    Mistake(
        BACK,
        f"lstm_backward(dh_all[t] + dh, given := dc if {AT_LAST} else given, cache.steps[t])",
        "every step uses the argument `dc`, not the dc from the next step",
    ),
    Mistake(
        BACK,
        f"lstm_backward(dh_all[t] if {AT_LAST} else dh, dc, cache.steps[t])",
        "`dh_all[t]` is used at the last step only",
    ),
    Mistake(
        BACK,
        f"{BACK}; dh = dh if t else dh_all[0].copy()",
        "`dh_all[0]`, the gradient of h after the first step, where the gradient of h before it belongs",
    ),
)


TASKS = (
    Task(
        lstm,
        "lstm_sequence_forward",
        forward_cases,
        ("h_all", "c", "cache"),
        {
            "h_all": "h_all_t = h_t, the hidden state after step t",
            "h": "h_t, c_t = step(x_t, h_{t-1}, c_{t-1}): x_t is x[t]; each step starts from the last step's states",
            "c": "h_t, c_t = step(x_t, h_{t-1}, c_{t-1}); return c_T, the cell state after the last step",
            "cache_t": "h_t, c_t and cache_t = step(x_t, h_{t-1}, c_{t-1}): x_t is x[t]",
            "steps": "steps = the list of the steps' caches, first step first",
            "cache": "the cache is LSTMSequenceCache(steps), where steps lists the steps' caches, first step first",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        lstm,
        "lstm_sequence_backward",
        backward_cases,
        ("dx", "dh", "dc", "dW_x", "dW_hh", "db"),
        {
            "dx": "dx_t, dh, dc = lstm_backward(dh_all_t + dh, dc), with dh and dc from step t+1; the last step first",
            "dh": "dh_{t-1} = dh of step t, from lstm_backward(dh_all_t + dh_t, dc_t)",
            "dc": "dc_{t-1} = dc of step t, from lstm_backward(dh_all_t + dh_t, dc_t); dc_T is the argument dc",
            "dW_x": "dW_x = the sum of dW_x_t over all steps t",
            "dW_hh": "dW_hh = the sum of dW_hh_t over all steps t",
            "db": "db = the sum of db_t over all steps t",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "lstm_sequence_forward": (
        "What does a step need from the step before? What does the backward pass need from each step?",
        "h_t, c_t, cache_t = step(x_t, h_{t-1}, c_{t-1}; W_x, W_hh, b), with the arguments h and c for t = 1",
        "x is (T, B, I), so x[t] is (B, I). h and c are (B, S) at each step. h_all is (T, B, S), c is (B, S).",
        "In a loop over t: h, c, cache_t = lstm.lstm_forward(x[t], h, c, W_x, W_hh, b). Store h in h_all[t], with the "
        "dtype of h, and cache_t in a list.",
    ),
    "lstm_sequence_backward": (
        "Which two uses does h_t have? How many steps use the same weight?",
        "dh_t = dh_all_t + dh from step t+1; dW_x = sum over t of dW_x_t; and the same for W_hh and b",
        "dx is (T, B, I). dh and dc are (B, S) at each step. dW_x is (I, 4S), dW_hh is (S, 4S) and db is (4S,): sums "
        "over steps keep the shape of one step's.",
        "for t in reversed(range(T)): dx[t], dh, dc, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_all[t] + dh, dc, "
        "steps[t]); then add the last three to their sums. dh starts at 0, dc at the argument dc.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    zeros = {"W_x": np.zeros((1, 4)), "W_hh": np.zeros((1, 4)), "b": np.zeros(4)}
    inputs = {"x": np.zeros((2, 1, 1)), "h": np.zeros((1, 1)), "c": np.array([[4.0]]), **zeros}
    _, _, cache = lstm.lstm_sequence_forward(**inputs)
    gradients = {"dh_all": np.zeros((2, 1, 1)), "dc": np.ones((1, 1)), "cache": cache}
    return [Example("lstm_sequence_forward", inputs), Example("lstm_sequence_backward", gradients)]
