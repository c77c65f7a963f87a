"""Write the model card of a shipped captioner (after Mitchell et al. 2019): what it is, does well and does not.

The card is a Markdown file beside the captioner. Its figures come from a report of `evaluate` on one split.
"""

import math
from pathlib import Path

from numpy_sat.evaluation import layout
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, number, percent
from numpy_sat.experiment import notice, runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing

SUFFIX, TITLE = ".md", "Model card"
OF_FLICKR = (
    "The photos belong to their owners on Flickr, and the captions to the authors of the data set, who ask for a "
    "citation. They offer both for non-commercial research and education."
)
TERMS = {  # {data set: the terms of its data}
    "flickr8k": OF_FLICKR,
    "flickr30k": OF_FLICKR,
    "coco": "The captions are under the Creative Commons Attribution 4.0 licence. The photos belong to their owners on "
    "Flickr, each with a licence of its own.",
    "folder": "The terms are those of the owner of the photos and captions.",
    "scenes": "The images are drawn by numpy_sat and free of rights.",
}
KINDS = "model", "floor", "people"  # kinds of rows in the card
UNSUITABLE_FOR_PHOTOS = (
    "People who cannot see the photo: the text is often wrong, and it never says so. A person must check it.",
    "Anyone who decides about people. The captioner says man, woman, boy or girl by a person's looks, as the captions "
    "of its data do. It must not be used to tell who somebody is, or what somebody is like.",
    "Anyone whose safety depends on it, such as in traffic, medicine or supervision.",
    "Users of other images than everyday photos, such as drawings, screenshots, texts or medical images. It has seen "
    "none, and it describes them as photos.",
)
UNSUITABLE_FOR_SCENES = (
    "Anyone with photos: it has seen drawn scenes only, and describes everything as such a scene.",
)


def path_of(captioner: Path) -> Path:
    """Return the path of a captioner's card."""
    return captioner.with_suffix(SUFFIX)


def refuse_others(captioner: Path) -> None:
    """Raise InputError if the card of a captioner would replace another file. captioner: its file."""
    path = path_of(captioner)
    if path.exists() and not path.read_bytes().startswith(f"# {TITLE}".encode()):
        raise InputError(f"{path}: would be replaced by the model card; choose another name with --out.")


def write(captioner: Path, text: str) -> Path:
    """Write the text of `card` beside a captioner, and return the path. captioner: its file."""
    with replacing(path_of(captioner)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path_of(captioner)


def card(name: str, model: runs.Model, report: dict) -> str:
    """Return the card of a captioner as Markdown.

    Args:
        name: name of the captioner's file.
        model: its runs.Model, with the provenance among the settings.
        report: report of `evaluate` on it, as its JSON file holds it.
    Raises:
        LookupError, TypeError, ValueError or AttributeError: `evaluate` did not write this report.
    """
    provenance, data = model.settings["provenance"], model.settings["data"]
    blocks = [
        Points(_facts(name, model, report), "## What it is"),
        Points([f"Trained on: {provenance['trained on']}.", TERMS[data]], "## Data and its terms"),
        Points(_licenses(model.recipe), "## Licence of the weights"),
        Paragraphs([f"## Figures\n\n{report['protocol']}"]),
        _scores(report["rows"]),
        Paragraphs(["An interval in brackets is a 95 % interval of a bootstrap over images."]),
        Points(_failures(report), "## Known failures"),
        Points(UNSUITABLE_FOR_SCENES if data == "scenes" else UNSUITABLE_FOR_PHOTOS, "## Who should not rely on it"),
    ]
    return layout.as_markdown(Page(f"{TITLE}: {name}", blocks))


def _facts(name, model, report):
    """Return sentences about the captioner and its use."""
    recipe, provenance = model.recipe, model.settings["provenance"]
    size = sum(array.size for array in model.params.values())
    what = "a drawn scene" if model.settings["data"] == "scenes" else "a photo"
    return [
        f"It writes one English sentence about {what}: `python -m numpy_sat.caption {name} IMAGE.png`",
        f"Decoder: {recipe.decoder.model}. It can write {report['vocabulary']:,} words.",
        f"Encoder: {provenance['encoder']}. It reads images of {recipe.encoder.image_size} x "
        f"{recipe.encoder.image_size} pixels.",
        f"{size:,} parameters. The file contains no image.",
        f"Made by: {provenance['made by']}.",
    ]


def _licenses(recipe: Recipe):
    """Return sentences about the licences of the encoder's and the decoder's weights."""
    sentences = [
        "The weights of the captioner in the package are under the MIT licence, apart from a pretrained encoder. "
        "Whoever trains another captioner chooses the licence of its weights."
    ]
    if notice.is_necessary(recipe.encoder):
        sentences.append(
            f"The encoder's weights are under the Apache License 2.0, see {notice.NOTICE} beside this file."
        )
    return sentences


def _scores(rows):
    """Return the table of scores of the captioner, of its floors and of human captions."""
    chosen = [row for row in rows if row["kind"] in KINDS]
    names = list(chosen[0]["figures"])
    lines = [("", *names)]
    for row in chosen:
        figures = {name: number(row["figures"].get(name)) for name in names}
        for name, (low, high) in (row.get("interval") or {}).items():
            figures[name] += f" ({number(low)} to {number(high)})"
        lines.append((row["name"].replace("this model", "the captioner"), *(figures[name] for name in names)))
    return Table(lines)


def _failures(report):
    """Return sentences about what the captions lack, from the report."""
    ours, people = report["ours"], report["people"]

    def compared(field, what):
        return f"{percent(ours[field])} of captions {what} (human captions {percent(people[field])})."

    sentences = [
        f"Few words: it uses {ours['words']:,} different words in the captions of this split, where one human caption "
        f"per image has {people['words']:,}.",
        f"Equal captions: {percent(1 - ours['captions'])} of captions equal one of an earlier image (human captions "
        f"{percent(1 - people['captions'])}). {compared('copied', 'equal a training caption')}",
        f"Repetition: {compared('content', 'repeat a content word')}",
        f"Unfinished captions: {compared('endings', 'end in a word such as a or of')}",
        *_attention_failures(report),
    ]
    if truth := report.get("truth"):
        sentences.append(f"Errors: {percent(1 - truth['complete'])} of captions are not true and complete.")
    else:
        sentences.append(
            "Errors: it may name absent objects, and wrong colors, numbers and activities. The scores above "
            "count agreement with human captions; how many captions are true has not been measured."
        )
    return sentences


def _attention_failures(report):
    """Return sentences about attention maps; none for a model without attention."""
    attention, faithfulness = report.get("attention"), report.get("faithfulness")
    if not attention:
        return []
    locations = round(math.exp(attention["most"]))
    sentences = [
        f"Attention maps are no explanation of a caption. On average they spread over {attention['locations']:.1f} of "
        f"{locations} locations."
    ]
    if faithfulness:
        (value, low, high), (random, _, _) = faithfulness["largest"], faithfulness["random"]
        sentences.append(
            f"Without the {faithfulness['removed']} locations of the largest weights, the log-probability of a content "
            f"word falls by {value:.2f} nats ({low:.2f} to {high:.2f}); without as many random ones by {random:.2f}."
        )
    return sentences
