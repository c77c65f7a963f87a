"""The tasks that a model can be trained for: captioning of images, translation of phrases.

Each task is a module with the same functions. A command looks up a model's task once, by the data set of its training.

    load(config, examples, augmented=False)        load the model inputs of examples, (N, ...)
    sources(arguments)                             return the image files, or phrases, that a command's arguments name
    read(config, source)                           read one image file, or one phrase, (1, ...)
    encode(config, arrays)                         return the model inputs of what `read` returned for N of them
    write(words)                                   return the words of a caption as text
    source(example)                                return the image file, or the phrase, of an example
    absence(config, traced)                        return why a model has no attention, or None
    draw(path, source, traced)                     draw a figure of the attention
    entry(config, source, traced, note="")         return the page.Entry of a caption, for an HTML page
    show(folder, model, written)                   draw figures of the captions of a split
    report(paths, models, request, blind, out)     judge a model, print the report and write it to files
    compare(paths, request, out, curve)            judge several models, print one table and write it to files
    EXAMPLE                                        the argument after `caption RUN` in messages
"""

from pathlib import Path
from types import ModuleType

from numpy_sat.data import catalog
from numpy_sat.experiment import runs
from numpy_sat.tasks import captioning, translation

TASKS = {"captioning": captioning, "translation": translation}


def of_data(name: str) -> ModuleType:
    """Return the task module of a data set, one of catalog.NAMES."""
    return TASKS[catalog.DATASETS[name].TASK]


def of_model(model: runs.Model) -> ModuleType:
    """Return the task module of a runs.Model."""
    return of_data(model.settings["data"])


def of_run(path: Path) -> ModuleType:
    """Return the task module of a run's folder, or of a checkpoint."""
    return of_model(runs.load_model(path))
