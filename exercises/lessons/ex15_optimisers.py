"""Adam and RMSProp"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.training import optimizers

INTRO = """\
To learn: the gradient says which way is down, not how far to go. One weight's gradients are a thousand times
another's; so both methods measure, for each weight by itself, how large its gradients have been of late, and divide
by it.

    RMSProp   v <- decay v + (1 - decay) g^2                     w <- w - rate g / (sqrt(v) + epsilon)
    Adam      m <- beta1 m + (1 - beta1) g                       m_hat = m / (1 - beta1^t)
              v <- beta2 v + (1 - beta2) g^2                     v_hat = v / (1 - beta2^t)
                                                                 w <- w - rate m_hat / (sqrt(v_hat) + epsilon)

m and v are moving means: each new value moves them a little towards itself, m <- m + (1 - beta1) (g - m). They start
at 0, so at first they are too small, by a factor of just 1 - beta^t after t updates; Adam divides that away.

Predict before you run. One weight, w = 1, rate = 0.1, epsilon = 0; its gradient is 4 in the first update, -2 in the
second.
  RMSProp, decay = 3/4: v = 4 and w = 0.8 after the first. And after the second?
  Adam, beta1 = 1/2, beta2 = 15/16: m = 2, v = 1, m_hat = 4, v_hat = 16 and w = 0.9 after the first. And the second?
  Where would Adam's first update go without the corrections? And with them, if the gradient were 400 in place of 4?
(RMSProp's second: 0.9. The others are yours.)

Parameters change in place, for the model holds the same arrays: `params[name] -= ...`, not `params[name] = ...`. The
gradients stay as they are. The state is a dict, {} before the first update: keep in it, under names of your own, what
must last from call to call. A checkpoint stores it, so it holds arrays (or numbers) only, and they come back as
arrays. params has many arrays, but a call is one update: t counts calls.

NumPy is all you need."""

IMPORTS = "import numpy as np"

SHAPES = [{"W_x": (3, 4), "b": (5,)}, {"W_x": (2, 2), "b": (2,)}]


def _cases(rng, *options):
    """Three updates each. Gradients of very unlike sizes, down to that of epsilon, and always 0 for one weight."""
    cases = []
    for shapes, chosen in zip(SHAPES, options, strict=True):
        sizes = {name: 10 ** rng.uniform(-8, 1, shape) for name, shape in shapes.items()}
        sizes["b"][0] = 0
        params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        grads = [{name: size * rng.standard_normal(size.shape) for name, size in sizes.items()} for _ in range(3)]
        cases.append({"params": params, "grads": grads, "options": chosen})
    return cases


def adam_cases(rng):
    """The usual options, then others."""
    return _cases(rng, {"rate": 0.03}, {"rate": 0.3, "beta1": 0.7, "beta2": 0.8, "epsilon": 1e-3})


def rmsprop_cases(rng):
    """The usual options, then others."""
    return _cases(rng, {"rate": 0.03}, {"rate": 0.3, "decay": 0.8, "epsilon": 1e-3})


def drive(update, case):
    """The parameters after each update, and whether their arrays are still the ones that were given."""
    params, state, after = case["params"], {}, []
    given = dict(params)
    for grads in case["grads"]:
        update(params, grads, state, **case["options"])
        after.append({name: array.copy() for name, array in params.items()})
        state = _stored_and_read(state, given)
    same = all(params[name] is array for name, array in given.items())
    return *after, "changed in place" if same else "new arrays"


def _stored_and_read(state, params):
    """What a checkpoint makes of the state. Raises TypeError for what it cannot store, and for another dtype."""
    arrays = {name: np.array(value) for name, value in state.items()}
    dtypes = {array.dtype for array in params.values()}
    for name, array in arrays.items():
        if array.dtype == object or not isinstance(name, str):
            raise TypeError(f"a checkpoint cannot store state[{name!r}]: it must be an array, under a text as its name")
        if array.ndim and array.dtype.kind == "f" and array.dtype not in dtypes:
            raise TypeError(f"state[{name!r}] is {array.dtype}, which the parameters are not")
    return arrays


OUTPUTS = ("params_1", "params_2", "params_3", "in_place")  # params after each update


def _equations(update, kept, **equations):
    """Of the variables; of the results, what it says about a mistake that one of them is the first to be wrong."""
    of_results = {
        "params_1[W_x]": update,
        "params_1[b]": f"in one update: each array has its own {kept}",
        "params_2[W_x]": f"from the second update on: what lasts from call to call is {kept}",
        "params_3[W_x]": f"from the third update on: what lasts from call to call is {kept}",
        "in_place": "in place: params[name] -= ..., for the model holds the same arrays",
    }
    return {"params": update, **equations, **of_results}


UNCHANGED = "params[name] is not changed: a new array got a name, and is forgotten"

NEW_ARRAY = "a new array in the old one's place: -= changes the one that the model holds, too"

RMSPROP_MISTAKES = (
    Mistake(
        '_moments(state, name, g, "v")',
        '[state.setdefault("v." + name, g * g)]',
        "v begins as g^2, where it begins at 0",
    ),
    Mistake(
        "v += (1 - decay) * (g * g - v)\n        params[name] -= rate * g / (np.sqrt(v) + epsilon)",
        "params[name] -= rate * g / (np.sqrt(v) + epsilon)\n        v += (1 - decay) * (g * g - v)",
        "the parameters change by the old v: v must be brought up to date first",
    ),
    Mistake("params[name] -= rate * g / (np.sqrt(v) + epsilon)", "pass", UNCHANGED),
    Mistake("params[name] -= rate", "params[name] = params[name] - rate", NEW_ARRAY),
    Mistake('_moments(state, name, g, "v")', "[np.zeros_like(g)]", "v is 0 in every call: it must last, in the state"),
    Mistake("v += (1 - decay) * (g * g - v)", "v += g * g", "v only grows: decay v is what is left of the old v"),
    Mistake("v += (1 - decay) * (g * g - v)", "v[...] = g * g", "v is this update's g^2 alone: no mean with the old v"),
    Mistake("(1 - decay) * (g * g - v)", "g * g - (1 - decay) * v", "the factor 1 - decay of g^2 is missing"),
)

CORRECTIONS = "correction1, correction2 = 1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])"
CHANGE = "params[name] -= (rate / correction1) * m / (np.sqrt(v / correction2) + epsilon)"

ADAM_MISTAKES = (
    Mistake(
        f"v += (1 - beta2) * (g * g - v)\n        {CHANGE}",
        f"{CHANGE}\n        v += (1 - beta2) * (g * g - v)",
        "the parameters change by the old v: v must be brought up to date first",
    ),
    Mistake(
        "1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])",
        "1 - beta1 / int(t[0]), 1 - beta2 / int(t[0])",
        "beta / t where the power beta^t belongs",
    ),
    Mistake(CHANGE, "pass", UNCHANGED),
    Mistake(CHANGE, CHANGE.replace("-=", "= params[name] -"), NEW_ARRAY),
    Mistake(CHANGE, "params[name] -= rate * m / (np.sqrt(v) + epsilon)", "the corrections are missing"),
    Mistake(CHANGE, "params[name] -= rate * g / (np.sqrt(v) + epsilon)", "g where m_hat belongs, and v not corrected"),
    Mistake("(rate / correction1) * m", "rate * g", "g where m_hat belongs"),
    Mistake(
        "1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])",
        "1 - beta1, 1 - beta2",
        "the power t is missing, or t is 1 in every call: it must last, in the state",
    ),
    Mistake(
        CHANGE,
        "m /= correction1; v /= correction2; params[name] -= rate * m / (np.sqrt(v) + epsilon)",
        "the corrected m_hat and v_hat are kept in the state: m and v go on uncorrected",
    ),
    Mistake(
        "(np.sqrt(v / correction2) + epsilon)",
        "((np.sqrt(v) + epsilon) / np.sqrt(correction2))",
        "epsilon is added before the correction",
    ),
    Mistake(
        CORRECTIONS,
        "correction1, correction2 = np.float64(1) - beta1 ** int(t[0] - 1), np.float64(1) - beta2 ** int(t[0] - 1)",
        "t is 0 in the first update, so that 1 - beta^t is 0: it must be 1",
    ),
    Mistake(
        f"""t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
    {CORRECTIONS}
    for name, g in grads.items():
""",
        f"""for name, g in grads.items():
        t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
        {CORRECTIONS}
""",
        "t counts the arrays too: once a call, before the loop",
    ),
    Mistake(
        '_moments(state, name, g, "mv")',
        "np.zeros_like(g), np.zeros_like(g)",
        "m and v are 0 in every call: they must last, in the state",
    ),
    Mistake(
        "m += (1 - beta1) * (g - m)\n        v += (1 - beta2) * (g * g - v)",
        "m += (1 - beta2) * (g - m)\n        v += (1 - beta1) * (g * g - v)",
        "`beta1` and `beta2` are in each other's place",
    ),
    Mistake("(1 - beta1) * (g - m)", "g - (1 - beta1) * m", "the factor 1 - beta1 of g is missing"),
    Mistake("(1 - beta2) * (g * g - v)", "g * g - (1 - beta2) * v", "the factor 1 - beta2 of g^2 is missing"),
)

TASKS = (
    Task(
        optimizers,
        "rmsprop_update",
        rmsprop_cases,
        OUTPUTS,
        _equations(
            "w <- w - rate g / (sqrt(v) + epsilon)",
            "v",
            v="v <- v + (1 - decay) (g^2 - v), kept in the state, 0 at first",
        ),
        drive,
        changes=("params",),
        mistakes=RMSPROP_MISTAKES,
    ),
    Task(
        optimizers,
        "adam_update",
        adam_cases,
        OUTPUTS,
        _equations(
            "w <- w - rate m_hat / (sqrt(v_hat) + epsilon)",
            "m and v; t, the number of calls, is one for all",
            t="t <- t + 1, once a call; kept in the state, 0 at first",
            correction1="m_hat = m / (1 - beta1^t)",
            correction2="v_hat = v / (1 - beta2^t)",
            m="m <- m + (1 - beta1) (g - m), kept in the state, 0 at first",
            v="v <- v + (1 - beta2) (g^2 - v), kept in the state, 0 at first",
        ),
        drive,
        changes=("params",),
        mistakes=ADAM_MISTAKES,
    ),
)

HINTS = {
    "rmsprop_update": (
        "What must be remembered from call to call, and for each array by itself? What is it before the first call?",
        "v <- v + (1 - decay) (g^2 - v);  w <- w - rate g / (sqrt(v) + epsilon)",
        'Where f"v.{name}" is not in state yet, put np.zeros_like(g) there; then v = state[...] and v += ... changes '
        "the state too, which v = v + ... would not.",
    ),
    "adam_update": (
        "Which of m, v and t is there once for every array, and which once in all? When does t change?",
        "m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t);  w <- w - rate m_hat / (sqrt(v_hat) + epsilon)",
        'state["t"] = state.get("t", 0) + 1 before the loop over the arrays. m_hat and v_hat are new arrays: m and v '
        "go on uncorrected.",
    ),
}
