"""Translation: the model reads an English phrase and writes it in Italian.

Functions that draw or judge import their modules when they are called, as in captioning.py.
"""

from numpy_sat.data.phrases import phrase_language, phrases
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.system import output
from numpy_sat.system.errors import InputError

EXAMPLE = '"the two red houses on monday"'
PAGE_PHRASES = 9  # phrases on the page of `show`
POOLED = "this model reads the encoder's state after the last word instead."  # if attention is left out

write, sources = phrase_language.text, list


def load(config, examples, augmented=False):
    """Convert phrases to word numbers.

    Args:
        config: not used.
        examples: N phrase_language.Phrases.
        augmented: not used, since phrases are not augmented.
    Returns:
        (N, L) integers.
    """
    return phrases.number_sources([phrase.source for phrase in examples])


def read(config, text):
    """Convert one phrase to word numbers.

    Args:
        config: the recipe.
        text: the phrase.
    Returns:
        (1, L) integers.
    Raises:
        InputError: a word is unknown.
    """
    return phrases.number_sources([text.lower().split()], Vocabulary(config.encoder.source_words))


def encode(config, numbers):
    """Return the model inputs of phrases that `read` has read: the same (N, L) integers."""
    return numbers


def source(example):
    """Return the English phrase of an example, as text."""
    return example.name


def absence(config, traced):
    """Return a sentence that says why a model has no attention, or None. traced: trace.Trace of a translation."""
    from numpy_sat.evaluation import attention

    return attention.explain_absence(config, traced.alpha, POOLED)


def draw(path, source, traced):
    """Draw a PNG of the attention on a phrase: a matrix of Italian and English words.

    Args:
        path: path of the PNG.
        source: the phrase as text.
        traced: trace.Trace of the translation.
    Raises:
        InputError: the PNG cannot be written.
    """
    from numpy_sat.evaluation import figures

    words = _read_words(source)
    figures.alignment_figure(path, words, traced.texts, traced.without_padding(len(words)).alpha)


def entry(config, source, traced, note=""):
    """Return the page.Entry of a translation.

    Args:
        config: the recipe.
        source: the phrase as text.
        traced: trace.Trace of the translation.
        note: a line below the phrase.
    """
    from numpy_sat.evaluation import page

    words, why = _read_words(source), absence(config, traced)
    visible_trace = traced if why else traced.without_padding(len(words))
    return page.Entry(source, visible_trace, source=tuple(words), absence=why, note=note)


def _read_words(phrase):
    """Return the words of a phrase that the encoder reads, <end> last."""
    return [*phrase.lower().split(), "<end>"]


def show(folder, model, written):
    """Draw the attention on the longest phrase into a folder, and a page of the longest ones.

    Args:
        folder: folder of the run.
        model: runs.Model.
        written: heldout.Written of the model.
    """
    from numpy_sat.evaluation import heldout, page

    order = sorted(range(len(written.examples)), key=lambda k: -len(written.examples[k].source))[:PAGE_PHRASES]
    phrases_shown, traces = [written.examples[k].name for k in order], heldout.trace(model, written, order)
    path = folder / "show-attention.html"
    entries = [entry(model.recipe, phrase, traced) for phrase, traced in zip(phrases_shown, traces, strict=True)]
    page.write(path, "Translations of the longest phrases", entries)
    output.show(f"translations word by word, for a browser: {path}")
    if reason := absence(model.recipe, traces[0]):
        output.show(f"no attention map: {reason}")
        return
    path = folder / "show-attention.png"
    draw(path, phrases_shown[0], traces[0])
    output.show(f"attention map of {phrases_shown[0]}: {path}")


def report(paths, models, request, blind=None, out=None):
    """Judge a translator, print the report and write it to files.

    Args:
        paths: a list with the path of the run.
        models: a list with its runs.Model.
        request: heldout.Request.
        blind: must be None.
        out: path of the Markdown file; the default is a file in the run's folder.
    Raises:
        InputError: an argument or an option does not apply to translators.
    """
    from numpy_sat.evaluation import translation_evaluation

    model, *others = models
    excluded = {"--blind": blind, "--with": others, "--root": request.root}
    excluded |= {"--skip-missing": request.skip_missing, "--skip-damaged": request.skip_damaged}
    options = [option for option, value in excluded.items() if value]
    if options:
        raise InputError(f"these options do not apply to translators: leave out {' and '.join(options)}.")
    translation_evaluation.evaluate(paths[0], model, load, request, out)


def compare(paths, request, out=None, curve=()):
    """Raise InputError: translators are judged one by one."""
    raise InputError("--compare is for captioners; evaluate translators one by one.")
