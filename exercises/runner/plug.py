"""The command `plug`: train a small model with a learner's functions in place of the library's.

The training runs in a separate process (isolation.py), which sends its output to this one as messages. Its command is
python -m exercises.runner.plug FOLDER NUMBER...
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from exercises.judging import judge
from exercises.runner import (
    channel,
    checks,
    isolation,
    lessons,
    other_trainings,
    records,
    report,
    small_training,
    terminal,
    worker,
)
from exercises.runner.lessons import Lesson
from exercises.runner.substitution import Broken, Part, in_place
from exercises.runner.terminal import say, show
from numpy_sat.decoders import attend_tell, log_bilinear, masks, show_tell, visual_memory
from numpy_sat.decoding import sampling
from numpy_sat.encoders import reader
from numpy_sat.evaluation import figures
from numpy_sat.layers import (
    depthwise,
    dot_attention,
    hard_attention,
    layer_norm,
    lstm,
    policy,
    reconstruction,
    self_attention,
)
from numpy_sat.system import cli, files
from numpy_sat.system.errors import InputError, writing

FOLDER = Path("runs")
CURVES = "curves.json"  # the losses of curves.png, for programs
TOLERANCE = 0.05  # nats per word; curves that differ only by rounding stay closer than this
CALL_SECONDS = small_training.SECONDS  # time limit of one call of a learner's function
ROWS = 8  # in the table of losses
DECODERS = {  # {module: the only decoder that calls it}
    **{dot_attention: "dot", hard_attention: "hard", show_tell: "tell", log_bilinear: "log-bilinear"},
    **dict.fromkeys((visual_memory, reconstruction), "visual-memory"),
    **dict.fromkeys((layer_norm, self_attention, masks), "transformer"),
}


def plug(selection: Sequence[Lesson]) -> int:
    """Train a small model with the functions of the lessons whose checks pass, and return the exit code."""
    solved = _solved(selection)
    if not solved:
        return 1
    for lesson in solved:
        report.show_head(lesson)
    return _run_in_process(solved, folder_of(solved[0].number) if len(selection) == 1 else FOLDER / "plug-all")


def folder_of(number: int) -> Path:
    """Return the folder of the figures of an exercise."""
    return FOLDER / f"plug-{number:02}"


def _run_in_process(solved, folder):
    """Run this module in a process of its own, print what it sends, and return its exit code."""
    code = None
    with isolation.Process("exercises.runner.plug", str(folder), *(str(lesson.number) for lesson in solved)) as process:
        for message in process.messages():
            if "text" in message:
                print(message["text"], end="", file=getattr(sys, message["stream"]), flush=True)
            if "error" in message:
                raise InputError(message["error"])
            code = message.get("code", code)
    if code is None:
        place = process.place(*(lesson.file for lesson in solved))
        reason = f"Your code {process.problem}{place}" if process.problem else "Does your code end Python?"
        print(file=sys.stderr)  # end the line of the progress bar
        say(report.with_full_stop(f"The training ended without a result. {reason}"))
        return 1
    return code


def main() -> None:
    """Train in this process; send the output, and the exit code or the message of an InputError."""
    folder, *numbers = sys.argv[1:]
    results = channel.Channel()
    terminal.use(*(channel.Text(results, stream, CALL_SECONDS) for stream in ("stdout", "stderr")))
    results.send({}, CALL_SECONDS)
    try:
        solved = [lessons.load(int(number)) for number in numbers]
        results.send({"code": train(solved, Path(folder), lambda: results.beat(CALL_SECONDS))})
    except InputError as error:
        results.send({"error": str(error)})


def train(solved: Sequence[Lesson], folder: Path, before_call: Callable[[], None] | None = None) -> int:
    """Train a small model with the functions of learners' files.

    Args:
        solved: the lessons.
        folder: pathlib.Path for the figures.
        before_call: function without arguments to call before each learner's function, or None.
    Returns:
        The exit code.
    """
    try:
        files = [(worker.load(str(lesson.file), lesson), lesson.tasks) for lesson in solved]
        parts = [
            Part(task.module, task.name, getattr(file, task.name), before_call)
            for file, tasks in files
            for task in tasks
        ]
        with cli.compiling_announced(terminal.stream("stderr")):
            return train_on(parts, folder)
    except (Broken, judge.Complaint) as problem:
        say(str(problem))
        return 1


def _solved(selection):
    """Return the lessons whose checks pass, and print the others."""
    wrong = {}
    for result in checks.results([lesson.number for lesson in selection]):
        names = [verdict["name"] for verdict in result.verdicts if verdict["state"] != "right"]
        if names:
            wrong[result.number] = ", ".join(filter(None, names)) or "the file"
    solved = [lesson for lesson in selection if lesson.number not in wrong]
    if wrong:
        say(
            "Training needs functions that are right. The library's functions replace these:"
            if solved
            else "Training needs functions that are right. These are not right yet:"
        )
        for number, names in wrong.items():
            say(f"exercise {number:2}  {names}", 2, 15)
        say(f"See what is wrong: python -m exercises check {min(wrong)}")
    elif len(selection) > 1:
        say("All exercises are solved: training runs on your code alone.")
    return solved


def train_on(parts: Sequence[Part], folder: Path) -> int:
    """Train a small model with learners' functions and with the library's, and compare the two.

    Args:
        parts: list of Part.
        folder: pathlib.Path for the figures.
    Returns:
        The exit code: 0 if the gradients are right, the curves agree and every part was called.
    Raises:
        Broken: a part fails in the model.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    curves, agree = {}, True
    for model, optimizers in _models_for(parts):
        data = small_training.make_data(model)
        model_parts = _parts_for(model, parts)
        if not _gradients_right(model, model_parts):
            return 1
        for optimizer in optimizers:
            with in_place(model_parts):
                yours = small_training.run(model, optimizer, data, "yours")
            library = small_training.run(model, optimizer, data, "library", len(yours.losses))
            title = f"{model.name}, {optimizer}"
            curves[title] = {"with the library's functions": library.losses, "with your functions": yours.losses}
            same = _steps_with_the_same_samples(yours.scores, library.scores)
            agree &= _show_losses(f"{title}: -log p per word, nats", yours.losses, library.losses, same)
            _show_captions(title, yours, library, data)
            if model is small_training.CAPTIONER and optimizer == "adam":
                _draw_attention(folder, yours, data)
                _draw_words(folder, yours.map)
    for training in other_trainings.needed(parts):
        with in_place(parts):
            losses, line = training.run(small_training.STEPS)
        library_losses, library_line = training.run(small_training.STEPS)
        curves[training.name] = {"with the library's functions": library_losses, "with your functions": losses}
        agree &= _show_losses(f"{training.name}: {training.unit}", losses, library_losses)
        say(line)
        if library_line != line:  # numbers that are nearly equal may change their order by rounding
            say(f"With the library's functions: {library_line}")
    path = folder / "curves.png"
    figures.compared_figure(path, curves, "training step", "loss")
    with files.replacing(folder / CURVES) as temporary:
        temporary.write_text(json.dumps(records.finite(curves)), encoding="utf-8")
    say(f"Both curves: {path}")
    say(f"These were {small_training.STEPS} steps. A captioner needs thousands: python -m numpy_sat.train --small")
    return 0 if _all_called(parts) and agree else 1


def _models_for(parts):
    """Return [(model, optimizers), ...]: the captioner, and other models for the parts that it does not call."""
    sequence = [part for part in parts if part.module is lstm and "sequence" in part.name]
    reading = [part for part in parts if part.module is reader]
    mobile = [part for part in parts if part.module is depthwise]
    reinforcement = [part for part in parts if part.module in (policy, sampling)]
    decoders = [DECODERS[part.module] for part in parts if part.module in DECODERS]
    others = [part for part in parts if part.module in other_trainings.TRAININGS]
    optimizers = ("adam", "rmsprop")[: 2 if any(part.name == "rmsprop_update" for part in parts) else 1]
    outside_captioner = len(sequence + reading + mobile + reinforcement + others) + len(decoders)
    return [
        *[(small_training.CAPTIONER, optimizers)] * (outside_captioner < len(parts)),
        *[(small_training.LANGUAGE_MODEL, ("adam",))] * (len(sequence) > 0),
        *[(small_training.TRANSLATOR, ("adam",))] * (len(reading) > 0),
        *[(small_training.LITE0, ("adam",))] * (len(mobile) > 0),
        *[(small_training.self_critical_captioner(), ("adam",))] * (len(reinforcement) > 0),
        *((small_training.with_decoder(name), ("adam",)) for name in dict.fromkeys(decoders)),
    ]


def _parts_for(model, parts):
    """Return the parts to use in a model. The functions of attend_tell (exercise 14) go into the captioner alone."""
    return [part for part in parts if part.module is not attend_tell or model is small_training.CAPTIONER]


def _gradients_right(model, parts):
    with in_place(parts):
        report = small_training.check_gradients(model)
    worst = max((array.error for array in report.arrays), default=np.inf)
    if report.ok:
        say(f"Gradient check of {model.name} (tiny, float64): right, largest error {worst:.0e}.")
    else:
        say(f"Gradient check of {model.name} (tiny, float64) with your functions:")
        show(report)
    return report.ok


def _steps_with_the_same_samples(yours, library):
    """Return the number of steps before the mean scores of the sampled captions first differ.

    Rounding errors grow during training. They can change a sampled caption, even in the first step that samples. A
    wrong function does not explain the difference, because its check or the gradient check fails before.
    """
    changes = (step for step, scores in enumerate(zip(yours, library, strict=False)) if scores[0] != scores[1])
    return next(changes, len(library))


def _show_losses(title, yours, library, same=None):
    """Print both curves below a title, up to the end of the shorter one, and return True if they agree.

    Args:
        title: text above the curves.
        yours, library: losses of each step.
        same: number of steps to compare, for a training whose later steps sampled other captions; None for all.
    """
    steps = min(len(yours), len(library))
    yours, library = yours[:steps], library[:steps]
    show(f"\n{title}\n{'step':>6}{'yours':>12}{'library':>12}{'difference':>14}")
    differences = np.abs(np.subtract(yours, library))
    for step in np.unique(np.linspace(0, len(yours) - 1, ROWS + 1).astype(int)):
        show(f"{step + 1:6}{yours[step]:12.4f}{library[step]:12.4f}{differences[step]:14.1e}")
    compared = differences[:same]
    worst, agree = int(compared.argmax()), bool(compared.max() < TOLERANCE)
    if len(compared) < steps:
        say(f"From step {len(compared) + 1} on, rounding changed a sampled caption. Earlier steps are compared.")
    if not differences.any():
        say("The curves are equal to the last digit.")
    elif agree:
        say(f"The curves agree. They differ by at most {compared[worst]:.0e}, at step {worst + 1}: rounding.")
    else:
        say(
            f"The curves differ by {compared[worst]:.2f} at step {worst + 1}. Your functions are right in the "
            "check. In the model, arrays are larger and have dtype float32. Where training samples words or locations, "
            "rounding alone can change a sample, and so the curve."
        )
    if steps < small_training.STEPS:
        of, seconds = small_training.STEPS, small_training.SECONDS
        say(f"Training stopped after {steps} of {of} steps ({seconds} seconds). Do you use loops in Python?")
    return agree


def _show_captions(title, yours, library, data):
    """Print a caption before and after training, and the BLEU scores."""
    decode, (reference, *_) = data.vocabulary.decode, data.unseen.references[0]
    lines = {"before": decode(yours.before.words), "after": decode(yours.after.words), "reference": reference}
    if library.after.words != yours.after.words:
        lines["library"] = decode(library.after.words)  # captions of nearly equal probability may change by rounding
    show(f"\n{title}: captions of an unseen {'phrase' if data.unseen.inputs.ndim == 2 else 'image'}")
    for who, words in lines.items():
        say(f"{who:<10}{' '.join(words)}", 2, 12)
    scores = [" ".join(f"{score:.1f}" for score in outcome.bleu) for outcome in (yours, library)]
    say(f"BLEU-1 to 4 of {small_training.UNSEEN} captions: {scores[0]}; with the library's functions: {scores[1]}.")


def _draw_attention(folder, outcome, data):
    """Draw the attention maps of the first unseen image before and after training."""
    paths = folder / "attention-before.png", folder / "attention-after.png"
    for path, caption in zip(paths, (outcome.before, outcome.after), strict=True):
        words = [*data.vocabulary.decode(caption.words), "<end>"]
        figures.attention_figure(path, data.images[0], words, caption.alpha, caption.beta)
        say(f"Attention maps: {path}")


def _draw_words(folder, word_map):
    """Draw the map of frequent words after training; so few steps change E only a little."""
    path = folder / "words.png"
    figures.words_figure(path, word_map.words, word_map.points, word_map.shares)
    nearest = ", ".join(word_map.near)
    say(f'A map of E: {path}. Nearest to "{word_map.words[0]}": {nearest}; E is still mostly random.')


def _all_called(parts):
    """Return True if every part was called. Parts that the training did not call get a short extra run first."""
    idle = [part for part in parts if not part.calls]
    if idle:
        with in_place(idle):
            for model, optimizers in _models_for(idle):
                small_training.check_gradients(model)
                for optimizer in optimizers:
                    small_training.run(model, optimizer, small_training.make_data(model), "extra run", steps=1)
            for training in other_trainings.needed(idle):
                training.run(1)
    show()
    say(f"Calls of your functions: {', '.join(f'{part.name} {part.calls:,}' for part in parts if part.calls)}.")
    alone = [part.name for part in idle if part.calls]
    if alone:
        say(f"Your other functions do not call {', '.join(alone)}. A short extra run without them did.")
    never = [part.name for part in parts if not part.calls]
    if never:
        say(f"Never called: {', '.join(never)}. The training does not test this.")
    return not never


if __name__ == "__main__":
    main()
