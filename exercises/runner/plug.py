"""plug: a learner's functions take the library's place, and a small model is trained on them."""

from pathlib import Path

import numpy as np

from exercises.runner import board, checks, small_training, worker
from exercises.runner.substitution import Broken, Part, in_place
from exercises.runner.terminal import say
from numpy_sat.decoders import attend_tell, log_bilinear, show_tell
from numpy_sat.encoders import reader
from numpy_sat.evaluation import figures
from numpy_sat.layers import depthwise, dot_attention, hard_attention, lstm, policy
from numpy_sat.system import cli
from numpy_sat.system.errors import writing
from numpy_sat.training.objectives import self_critical

FOLDER = Path("runs")
APART = 0.05  # nats a word: two runs of one model that only round differently stay closer
ROWS = 8  # of the table of losses
DECODERS = {  # modules that only this model calls
    **{dot_attention: "dot", hard_attention: "hard", show_tell: "tell", log_bilinear: "log-bilinear"},
}


def plug(lessons):
    """Train a small model on the functions of those lessons' files that are right; returns the exit code."""
    chosen = _right_ones(lessons)
    if not chosen:
        return 1
    for lesson in chosen:
        board.show_head(lesson)
    name = f"plug-{chosen[0].number:02}" if len(lessons) == 1 else "plug-all"
    files = [(worker.load(str(lesson.file), lesson), lesson.tasks) for lesson in chosen]
    parts = [Part(task.module, task.name, getattr(file, task.name)) for file, tasks in files for task in tasks]
    try:
        with cli.compiling_announced():
            return train_on(parts, FOLDER / name)
    except Broken as broken:
        say(str(broken))
        return 1


def _right_ones(lessons):
    """The lessons whose checks pass; the others are named."""
    wrong = {}
    for result in checks.results([lesson.number for lesson in lessons]):
        names = [verdict["name"] for verdict in result.verdicts if verdict["state"] != "right"]
        if names:
            wrong[result.number] = ", ".join(filter(None, names)) or "the file"
    chosen = [lesson for lesson in lessons if lesson.number not in wrong]
    if wrong:
        say(
            "Only what is right can be trained on. For these the library's stand in:"
            if chosen
            else "Only what is right can be trained on. These are not, yet:"
        )
        for number, names in wrong.items():
            say(f"exercise {number:2}  {names}", 2, 15)
        say(f"See what is wrong: python -m exercises check {min(wrong)}")
    elif len(lessons) > 1:
        say("All is solved: the model is trained wholly on your code.")
    return chosen


def train_on(parts, folder):
    """Train on the parts, then on the library's own, and compare. Returns the exit code; raises Broken."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    curves, alike = {}, True
    for model, optimizers in _trials(parts):
        data = small_training.draw(model)
        fitting = _fitting(parts, model)
        if not _gradients_right(model, fitting):
            return 1
        for optimizer in optimizers:
            with in_place(fitting):
                yours = small_training.run(model, optimizer, data, "on yours")
            library = small_training.run(model, optimizer, data, "on the library's", len(yours.losses))
            title = f"{model.name}, {optimizer}"
            curves[title] = {"on the library's": library.losses, "on yours": yours.losses}
            alike &= _show_losses(title, yours.losses, library.losses)
            _show_captions(title, yours, library, data)
            if model is small_training.SEEING and optimizer == "adam":
                _draw_attention(folder, yours, data)
                _draw_words(folder, yours.map)
    path = folder / "curves.png"
    figures.compared_figure(path, curves, "training step", "negative log-likelihood per word (nats)")
    say(f"Both curves: {path}")
    say(f"Those were {len(yours.losses)} steps. Thousands make a captioner: python -m numpy_sat.train --small")
    return 0 if _all_called(parts) and alike else 1


def _trials(parts):
    """[(model, optimisers), ...]: the captioner, and for what it does not call the models that do."""
    blind = [part for part in parts if part.module is lstm and "sequence" in part.name]
    reading = [part for part in parts if part.module is reader]
    mobile = [part for part in parts if part.module is depthwise]
    own = [part for part in parts if part.module in (policy, self_critical)]
    others = [DECODERS[part.module] for part in parts if part.module in DECODERS]
    optimizers = ("adam", "rmsprop")[: 2 if any(part.name == "rmsprop_update" for part in parts) else 1]
    return [
        *[(small_training.SEEING, optimizers)] * (len(blind + reading + mobile + own) + len(others) < len(parts)),
        *[(small_training.BLIND, ("adam",))] * (len(blind) > 0),
        *[(small_training.TRANSLATING, ("adam",))] * (len(reading) > 0),
        *[(small_training.LITE0, ("adam",))] * (len(mobile) > 0),
        *[(small_training.self_critical_one(), ("adam",))] * (len(own) > 0),
        *((small_training.with_decoder(name), ("adam",)) for name in dict.fromkeys(others)),
    ]


def _fitting(parts, model):
    """Those that can stand in this model: exercise 14 is about the decoder with the MLP score, not any other."""
    return [part for part in parts if part.module is not attend_tell or model is small_training.SEEING]


def _gradients_right(model, parts):
    with in_place(parts):
        report = small_training.check_gradients(model)
    worst = max((array.error for array in report.arrays), default=np.inf)
    if report.ok:
        say(f"Gradient check of {model.name}, tiny and in float64: right, largest error {worst:.0e}.")
    else:
        say(f"Gradient check of {model.name}, tiny and in float64, on your functions:")
        print(report)
    return report.ok


def _show_losses(title, yours, library):
    """Print both curves; returns whether they are alike."""
    print(f"\n{title}: -log p a word, nats\n{'step':>6}{'on yours':>12}{'library':>12}{'difference':>14}")
    apart = np.abs(np.subtract(yours, library))
    for step in np.unique(np.linspace(0, len(yours) - 1, ROWS + 1).astype(int)):
        print(f"{step + 1:6}{yours[step]:12.4f}{library[step]:12.4f}{apart[step]:14.1e}")
    worst, alike = int(apart.argmax()), bool(apart.max() < APART)
    if not apart.any():
        say("The curves are equal to the last digit.")
    elif alike:
        say(f"The curves agree. Rounding sets them apart by {apart[worst]:.0e} at most, at step {worst + 1}.")
    else:
        say(
            f"The curves part: at step {worst + 1} they are {apart[worst]:.2f} apart. Your functions are right in the "
            "check, but not in the model, whose arrays are larger and of float32."
        )
    if len(yours) < small_training.STEPS:
        steps, seconds = small_training.STEPS, small_training.SECONDS
        say(f"After {len(yours)} of {steps} steps the time was up, {seconds} seconds. Loops in Python?")
    return alike


def _show_captions(title, yours, library, data):
    """One caption before and after, and what all are worth."""
    decode, (person, *_) = data.vocabulary.decode, data.unseen.references[0]
    lines = {"before": decode(yours.before.words), "after": decode(yours.after.words), "a person": person}
    if library.after.words != yours.after.words:
        lines["library"] = decode(library.after.words)  # rounding decides between captions that are nearly as likely
    print(f"\n{title}: of {'a phrase' if data.unseen.inputs.ndim == 2 else 'an image'} that it has not seen")
    for who, words in lines.items():
        say(f"{who:<10}{' '.join(words)}", 2, 12)
    scores = [" ".join(f"{score:.1f}" for score in outcome.bleu) for outcome in (yours, library)]
    say(f"BLEU-1 to 4 of {small_training.UNSEEN} captions: {scores[0]}; of the library's: {scores[1]}.")


def _draw_attention(folder, outcome, data):
    """Where the captioner looked before and after."""
    paths = folder / "attention-before.png", folder / "attention-after.png"
    for path, caption in zip(paths, (outcome.before, outcome.after), strict=True):
        words = [*data.vocabulary.decode(caption.words), "<end>"]
        figures.attention_figure(path, data.drawn[0], words, caption.alpha, caption.beta)
        say(f"Where it looked: {path}")


def _draw_words(folder, drawn):
    """The embedding, after: so few steps leave it much as it began."""
    path = folder / "words.png"
    figures.words_figure(path, drawn.words, drawn.points, drawn.shares)
    say(f'A map of E: {path}. Nearest to "{drawn.words[0]}": {", ".join(drawn.near)}; E is still mostly random.')


def _all_called(parts):
    """Whether every part was called; one that the others do without gets a short run in which it stands alone."""
    idle = [part for part in parts if not part.calls]
    if idle:
        with in_place(idle):
            for model, optimizers in _trials(idle):
                small_training.check_gradients(model)
                for optimizer in optimizers:
                    small_training.run(model, optimizer, small_training.draw(model), "alone", steps=1)
    print()
    say(f"Calls of yours: {', '.join(f'{part.name} {part.calls:,}' for part in parts if part.calls)}.")
    alone = [part.name for part in idle if part.calls]
    if alone:
        say(f"Your other functions do without {', '.join(alone)}: called in a short run of its own, without them.")
    never = [part.name for part in parts if not part.calls]
    if never:
        say(f"Never called: {', '.join(never)}. So this run says nothing about it.")
    return not never
