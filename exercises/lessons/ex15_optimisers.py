"""Adam and RMSProp"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.training import optimizers

FACTS = Facts(difficulty=1, minutes=40)

INTRO = """\
Goal            Choose the length of a step. The gradient gives only its direction, and the gradients of one weight may
                be a thousand times those of another. Both methods estimate the size of each weight's recent gradients,
                and divide by it.

Equations       RMSProp   v <- decay v + (1 - decay) g^2          w <- w - rate g / (sqrt(v) + epsilon)
                Adam      m <- beta1 m + (1 - beta1) g            m_hat = m / (1 - beta1^t)
                          v <- beta2 v + (1 - beta2) g^2          v_hat = v / (1 - beta2^t)
                          w <- w - rate m_hat / (sqrt(v_hat) + epsilon)
                All arrays have the shape of the weight w; t counts the updates from 1. m and v are exponential moving
                averages. They start at 0, so after t updates they are too small by the factor 1 - beta^t. Adam divides
                by this factor.

Worked example  One weight w = 1, rate = 0.1, epsilon = 0. Its gradient is 4 in the first update and -2 in the second.
                RMSProp, decay = 3/4:              v = 4   w = 0.8                                   after the first
                Adam, beta1 = 1/2, beta2 = 15/16:  m = 2   v = 1   m_hat = 4   v_hat = 16   w = 0.9   after the first
                RMSProp's second update gives w = 0.9. Find Adam's second. Where would its first go without the
                corrections? And with them, if the gradient were 400 in place of 4?

Your task       1. rmsprop_update: update all parameters in place, because the model holds the same arrays: params[name]
                   -= ..., not params[name] = ... Do not change the gradients.
                2. adam_update: do the same with m, v and t. Trap: params has many arrays, but one call is one update.
                   So t counts calls, not arrays.

Given           NumPy is all you need. `state` is a dict, {} before the first update. Store in it what must persist
                between calls, under names of your choice. A checkpoint saves it, so it may hold only arrays or numbers,
                and they are restored as arrays. There is no cache.
"""

IMPORTS = "import numpy as np"

SHAPES = [{"W_x": (3, 4), "b": (5,)}, {"W_x": (2, 2), "b": (2,)}]


def _cases(rng, *options):
    """Return three updates for each choice of options.

    The gradients have very different sizes, down to that of epsilon. For one weight they are always 0. The second
    update of the last case has no gradient of W_x.
    """
    cases = []
    for shapes, settings in zip(SHAPES, options, strict=True):
        sizes = {name: 10 ** rng.uniform(-8, 1, shape) for name, shape in shapes.items()}
        sizes["b"][0] = 0
        params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        grads = [{name: size * rng.standard_normal(size.shape) for name, size in sizes.items()} for _ in range(3)]
        cases.append({"params": params, "grads": grads, "options": settings})
    del cases[-1]["grads"][1]["W_x"]
    return cases


def adam_cases(rng):
    """Return a case with the usual options, and one with others."""
    return _cases(rng, {"rate": 0.03}, {"rate": 0.3, "beta1": 0.7, "beta2": 0.8, "epsilon": 1e-3})


def rmsprop_cases(rng):
    """Return a case with the usual options, and one with others."""
    return _cases(rng, {"rate": 0.03}, {"rate": 0.3, "decay": 0.8, "epsilon": 1e-3})


def drive(update, case):
    """Return the parameters after each update, and a text that says if they were changed in place."""
    params, state, results = case["params"], {}, []
    originals = dict(params)
    for grads in case["grads"]:
        update(params, grads, state, **case["options"])
        results.append({name: array.copy() for name, array in params.items()})
        state = _through_checkpoint(state)
    same = all(params[name] is array for name, array in originals.items())
    return *results, "changed in place" if same else "new arrays"


def _through_checkpoint(state):
    """Return the state as a checkpoint restores it. Raises TypeError if a checkpoint cannot store an entry."""
    arrays = {name: np.array(value) for name, value in state.items()}
    for name, array in arrays.items():
        if array.dtype == object or not isinstance(name, str):
            raise TypeError(f"a checkpoint cannot store state[{name!r}]: it must be an array, and its name a string")
    return arrays


OUTPUTS = ("params_1", "params_2", "params_3", "in_place")  # params after each update


def _equations(update, memory, **equations):
    """Return the equations of the variables, and for each result the likely cause if it is the first wrong one."""
    result_equations = {
        "params_1[W_x]": update,
        "params_1[b]": f"in one update: each array has its own {memory}",
        "params_2[W_x]": f"from the second update on: the state must hold {memory}",
        "params_3[W_x]": f"from the third update on: the state must hold {memory}",
        "in_place": "in place: params[name] -= ..., because the model holds the same arrays",
    }
    return {"params": update, **equations, **result_equations}


UNCHANGED = "params[name] does not change: the result is a new array, which is not stored"

NEW_ARRAY = "params[name] is a new array: -= changes the array that the model holds"

RMSPROP_MISTAKES = (
    Mistake(
        '_moments(state, name, g, "v")',
        '[state.setdefault("v." + name, g * g)]',
        "v begins as g^2, but it must begin at 0",
    ),
    Mistake(
        "v += (1 - decay) * (g * g - v)\n        params[name] -= rate * g / (np.sqrt(v) + epsilon)",
        "params[name] -= rate * g / (np.sqrt(v) + epsilon)\n        v += (1 - decay) * (g * g - v)",
        "the update uses the old v: update v first",
    ),
    Mistake("params[name] -= rate * g / (np.sqrt(v) + epsilon)", "pass", UNCHANGED),
    Mistake("params[name] -= rate", "params[name] = params[name] - rate", NEW_ARRAY),
    Mistake('_moments(state, name, g, "v")', "[np.zeros_like(g)]", "v is 0 in every call: store it in the state"),
    Mistake("v += (1 - decay) * (g * g - v)", "v += g * g", "v only grows: the old v must be multiplied by decay"),
    Mistake("v += (1 - decay) * (g * g - v)", "v[...] = g * g", "v is this update's g^2 alone: no mean with the old v"),
    Mistake("(1 - decay) * (g * g - v)", "g * g - (1 - decay) * v", "the factor 1 - decay of g^2 is missing"),
)

CORRECTIONS = "correction1, correction2 = 1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])"
CHANGE = "params[name] -= (rate / correction1) * m / (np.sqrt(v / correction2) + epsilon)"

ADAM_MISTAKES = (
    Mistake(
        f"v += (1 - beta2) * (g * g - v)\n        {CHANGE}",
        f"{CHANGE}\n        v += (1 - beta2) * (g * g - v)",
        "the update uses the old v: update v first",
    ),
    Mistake(
        "1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])",
        "1 - beta1 / int(t[0]), 1 - beta2 / int(t[0])",
        "beta / t where the power beta^t belongs",
    ),
    Mistake(
        "1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])",
        "1 - beta1 * int(t[0]), 1 - beta2 * int(t[0])",
        "beta t, a product, where the power beta^t belongs",
    ),
    Mistake(
        CHANGE,
        "params[name] -= rate * m / np.sqrt(v + epsilon)",
        "the corrections are missing, and epsilon belongs outside of the root",
    ),
    Mistake(CHANGE, "pass", UNCHANGED),
    Mistake(CHANGE, CHANGE.replace("-=", "= params[name] -"), NEW_ARRAY),
    Mistake(CHANGE, "params[name] -= rate * m / (np.sqrt(v) + epsilon)", "the corrections are missing"),
    Mistake(CHANGE, "params[name] -= rate * g / (np.sqrt(v) + epsilon)", "g where m_hat belongs, and v not corrected"),
    Mistake("(rate / correction1) * m", "rate * g", "g where m_hat belongs"),
    Mistake(
        "(rate / correction1) * m", "rate * m", "m is not divided by 1 - beta1^t: its correction is missing", "m_hat"
    ),
    Mistake(
        "np.sqrt(v / correction2)", "np.sqrt(v)", "v is not divided by 1 - beta2^t: its correction is missing", "v_hat"
    ),
    Mistake(
        "1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])",
        "1 - beta1, 1 - beta2",
        "the power t is missing, or t is 1 in every call: store t in the state",
    ),
    Mistake(
        CHANGE,
        "m /= correction1; v /= correction2; params[name] -= rate * m / (np.sqrt(v) + epsilon)",
        "the corrected m_hat and v_hat are stored in the state: it must hold the uncorrected m and v",
    ),
    Mistake(
        "(np.sqrt(v / correction2) + epsilon)",
        "((np.sqrt(v) + epsilon) / np.sqrt(correction2))",
        "epsilon is added before the correction",
    ),
    Mistake(
        CORRECTIONS,
        "correction1, correction2 = np.float64(1) - beta1 ** int(t[0] - 1), np.float64(1) - beta2 ** int(t[0] - 1)",
        "t is 0 in the first update, so 1 - beta^t is 0: t must be 1",
    ),
    Mistake(
        f"""t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
    {CORRECTIONS}
    if _in_one_pass(rows := _rows(params, grads, state, "mv")):
        updates.adam(rows, rate, beta1, beta2, epsilon, correction1, correction2)
        return
    for name, g in grads.items():
""",
        f"""for name, g in grads.items():
        t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
        {CORRECTIONS}
""",
        "t counts the arrays, too: increment it once per call, before the loop",
    ),
    Mistake(
        '_moments(state, name, g, "mv")',
        "np.zeros_like(g), np.zeros_like(g)",
        "m and v are 0 in every call: store them in the state",
    ),
    Mistake(
        "m += (1 - beta1) * (g - m)\n        v += (1 - beta2) * (g * g - v)",
        "m += (1 - beta2) * (g - m)\n        v += (1 - beta1) * (g * g - v)",
        "`beta1` and `beta2` are swapped",
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
            v="v <- v + (1 - decay) (g^2 - v), stored in the state, 0 at first",
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
            "m and v; all arrays share t, the number of calls",
            t="t <- t + 1, once per call; stored in the state, 0 at first",
            m_hat="m_hat = m / (1 - beta1^t)",
            v_hat="v_hat = v / (1 - beta2^t)",
            weights_m="1 - beta1^t, the divisor of m_hat",
            weights_v="1 - beta2^t, the divisor of v_hat",
            correction1="m_hat = m / (1 - beta1^t)",
            correction2="v_hat = v / (1 - beta2^t)",
            m="m <- m + (1 - beta1) (g - m), stored in the state, 0 at first",
            v="v <- v + (1 - beta2) (g^2 - v), stored in the state, 0 at first",
        ),
        drive,
        changes=("params",),
        mistakes=ADAM_MISTAKES,
    ),
)

HINTS = {
    "rmsprop_update": (
        "What must the state hold between calls, for each array separately? What is it before the first call?",
        "v <- v + (1 - decay) (g^2 - v);  w <- w - rate g / (sqrt(v) + epsilon)",
        "Each array of params, for example (I, 4S), has a gradient and a v of the same shape. All is elementwise.",
        'If f"v.{name}" is not in the state yet, store np.zeros_like(g) there. Then v = state[...], and v += ... '
        "changes the state, too. v = v + ... would not.",
    ),
    "adam_update": (
        "Which of m, v and t exist once for every array, and which only once? When does t change?",
        "m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t);  w <- w - rate m_hat / (sqrt(v_hat) + epsilon)",
        "Each array of params has a gradient, an m and a v of the same shape. t and both corrections are single "
        "numbers.",
        'state["t"] = state.get("t", 0) + 1 before the loop over the arrays. m_hat and v_hat are new arrays: the state '
        "holds the uncorrected m and v.",
    ),
}


def pencil():
    """Return the worked example of the page."""

    def case(**options):
        return {
            "params": {"w": np.ones(1)},
            "grads": [{"w": np.array([4.0])}, {"w": np.array([-2.0])}],
            "options": options,
        }

    outputs = "first update", "second update", "in_place"
    return [
        Example("rmsprop_update", case(rate=0.1, decay=3 / 4, epsilon=0.0), outputs),
        Example("adam_update", case(rate=0.1, beta1=1 / 2, beta2=15 / 16, epsilon=0.0), outputs),
    ]
