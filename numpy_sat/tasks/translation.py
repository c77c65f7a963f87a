"""Translation: the model reads an English phrase and writes it in Italian.

Functions that draw or judge import their modules when they are called, as in captioning.py.
"""

from numpy_sat.data.phrases import phrase_language, phrases
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.system import output
from numpy_sat.system.errors import InputError

EXAMPLE = '"the two red houses on monday"'
POOLED = "this model reads the encoder's state after the last word instead."  # if attention is left out

write = phrase_language.text


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


def source(example):
    """Return the English phrase of an example, as text."""
    return example.name


def draw(path, config, source, words, caption):
    """Draw a PNG of the attention on a phrase: a matrix of Italian and English words.

    Args:
        path: path of the PNG.
        config: the recipe.
        source: the phrase as text.
        words: the words of the translation, <end> last.
        caption: search.Caption.
    Returns:
        None, or a sentence that says why the model has no attention.
    Raises:
        InputError: the PNG cannot be written.
    """
    from numpy_sat.evaluation import attention, figures

    reason = attention.explain_absence(config, caption.alpha, POOLED)
    if not reason:
        figures.alignment_figure(path, [*source.lower().split(), "<end>"], words, caption.alpha)
    return reason


def show(folder, model, written):
    """Draw the attention on the longest phrase into a folder. written: heldout.Written of the model."""
    longest = max(range(len(written.examples)), key=lambda k: len(written.examples[k].source))
    phrase, caption, path = written.examples[longest], written.captions[longest], folder / "show-attention.png"
    words = [*model.vocabulary.decode(caption.words), "<end>"]
    if reason := draw(path, model.recipe, phrase.name, words, caption):
        output.show(f"no attention map: {reason}")
    else:
        output.show(f"attention map of {phrase.name}: {path}")


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


def compare(paths, request, out=None):
    """Raise InputError: translators are judged one by one."""
    raise InputError("--compare is for captioners; evaluate translators one by one.")
