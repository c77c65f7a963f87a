"""Write captions as one HTML file that needs no network: each word with its attention map and the model's predictions.

The file holds page.html with page.css, page.js and the data. The browser refuses everything else
(system/html_page.py).
"""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from numpy_sat.decoding.trace import Trace
from numpy_sat.system import html_page, output
from numpy_sat.system.files import replacing

FOLDER = Path(__file__).parent
SIDE = 480  # largest side of an image in the page, pixels
IMAGE_BYTES = 64 * 1024  # largest JPEG
QUALITIES = (85, 70, 50, 30, 10)  # of the JPEG; the first one that is small enough
UNIT = 10_000  # weights are stored in parts of 1 / UNIT; page.js has the same number
MOST_ENTRIES = 50  # captions that a served page keeps; older ones go
HELP = (
    "Point at a word, or choose it with the arrow keys. The map shows where the model attends while it writes the "
    "word: bright means much attention. The gate beta says how much of what it sees there it uses: it scales the "
    "context vector. In a transformer, beta is the share of the attention that goes to the image."
)


class Entry(NamedTuple):
    """A caption on the page."""

    name: str  # name of the image file without its folder, or the phrase
    trace: Trace
    image: Image.Image | None = None  # with no side longer than SIDE; None for a phrase
    source: tuple = ()  # J words of a phrase, <end> last; the attention has J weights
    absence: str | None = None  # for a model without attention: a sentence that says why
    note: str = ""  # a line below the name


def write(path: Path, title: str, entries: Sequence[Entry]) -> None:
    """Write captions as an HTML file.

    Args:
        path: path of the HTML file.
        title: title of the page.
        entries: the captions, in the order of the page.
    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text(title, entries), encoding="utf-8")


def text(title: str, entries: Sequence[Entry]) -> str:
    """Return captions as the text of an HTML page."""
    return _fill(title, [as_json(entry) for entry in entries], _read("page.js"))


def served(title: str, models: Sequence[dict], upload_bytes: int) -> str:
    """Return a page without captions that sends photos to its own server, and shows the captions that come back.

    Args:
        title: title of the page.
        models: the models to choose from: {"name": text, "length_power": its default}.
        upload_bytes: size of the largest photo that the server takes.
    """
    settings = {"models": list(models), "bytes": upload_bytes, "entries": MOST_ENTRIES}
    controls = html_page.insert(_read("serve.html"), {"settings": html_page.script_data(settings)})
    return _fill(title, [], _read("page.js") + _read("serve.js"), controls, calls_server=True)


def _fill(title, data, script, controls="", calls_server=False):
    """Return page.html with its style, script, data and controls."""
    pieces = {"help": html.escape(HELP), "controls": controls, "data": html_page.script_data(data)}
    return html_page.fill(_read("page.html"), title, _read("page.css"), script, pieces, calls_server)


def _read(name):
    """Return the text of a file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def as_json(entry: Entry) -> dict:
    """Return an Entry as the data that page.js draws, for the json module."""
    trace, absence = entry.trace, entry.absence
    side = round(np.sqrt(trace.alpha.shape[1]))
    return {
        "name": output.printable(entry.name),
        "note": output.printable(entry.note),
        "caption": output.printable(" ".join(trace.texts[:-1])),
        "log_p": trace.log_p,
        "image": _data_address(entry.image) if entry.image else None,
        "source": [output.printable(word) for word in entry.source],
        "grid": [side, side],
        "absence": absence,
        "words": [_word_as_json(word, bool(absence)) for word in trace.words],
    }


def _word_as_json(word, is_without_map):
    """Return a TracedWord as data."""
    return {
        "text": output.printable(word.text),
        "probability": round(word.probability, 6),
        "likeliest": [[output.printable(likely), round(probability, 6)] for likely, probability in word.likeliest],
        "beta": None if word.beta is None else round(word.beta, 4),
        "alpha": [] if is_without_map else _whole(word.alpha),
        "heads": [] if is_without_map else [_whole(weights) for weights in word.heads],
        "location": None if is_without_map else word.location,
        "beams": [[output.printable(" ".join(beam.words)), round(beam.log_p, 4)] for beam in word.beams],
    }


def _whole(weights):
    """Return weights as integers, in parts of 1 / UNIT."""
    return np.rint(UNIT * np.asarray(weights, np.float64)).astype(int).tolist()


def _data_address(image):
    """Return an image as a data address of a JPEG of at most IMAGE_BYTES."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= IMAGE_BYTES:
            break
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
