"""Translation: the model reads an English phrase and writes it in Italian.

Functions that draw or judge import their modules when they are called, as in captioning.py.
"""

from numpy_sat.data.phrases import phrase_language, phrases
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.system.errors import InputError

EXAMPLE = '"the two red houses on monday"'
POOLED = "this model is given the state after the last word, and looks nowhere."  # if attention is left out

write = phrase_language.text


def load(config, examples, augmented=False):
    """Number the words of phrases: (N, L) integers. examples: N phrase_language.Phrases; nothing can augment them."""
    return phrases.number_sources([phrase.source for phrase in examples])


def read(config, text):
    """Number the words of one phrase, given as text: (1, L) integers. Raises InputError for an unknown word."""
    return phrases.number_sources([text.lower().split()], Vocabulary(config.encoder.source_words))


def source(example):
    """Return the English phrase of an example, as text."""
    return example.name


def check_recipe(recipe):
    """Raise InputError if the translator would read nothing."""
    if recipe.encoder.blind:
        raise InputError("a translator that reads nothing is not there: leave out --blind.")


def draw(path, config, source, words, caption):
    """Draw a PNG of the attention on a phrase: a matrix of Italian and English words.

    Args:
        path: of the PNG.
        config: the recipe.
        source: the phrase, as text.
        words: of the translation, <end> last.
        caption: search.Caption.
    Returns:
        None, or a sentence that says why the model has no attention to draw.
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
        print(f"where it looked: nothing drawn, {reason}")
    else:
        print(f"where it looked, of {phrase.name}: {path}")


def report(paths, models, request, blind=None):
    """Judge a translator, print the report and write it into the run's folder.

    Args:
        paths, models: the run's path and its runs.Model, a list of one each: a translator is judged alone.
        request: heldout.Request.
        blind: None.
    Raises:
        InputError: the request has options that mean nothing to a translator.
    """
    from numpy_sat.evaluation import translation_evaluation

    model, *others = models
    excluded = {"--blind": blind, "--with": others, "--root": request.root, "--skip-missing": request.skip_missing}
    named = [option for option, value in excluded.items() if value]
    if named:
        raise InputError(f"a translator is judged alone, on phrases that are drawn: leave out {' and '.join(named)}.")
    translation_evaluation.evaluate(paths[0], model, load, request)


def compare(paths, request, out=None):
    """Raise InputError: translators are judged one by one."""
    raise InputError("--compare is for captions of images; evaluate translators one by one.")
