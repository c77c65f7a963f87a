"""Captions as lines of text, JSON or CSV, one for each image or phrase."""

import csv
import io
import json
from types import ModuleType

from numpy_sat.system import output
from numpy_sat.tasks.caption import Captioned

COLUMNS = ("source", "caption", "log_p", "error")


class Text:
    """Lines for people. An image without a caption has none; its error goes to stderr."""

    head = None

    @staticmethod
    def line(captioned: Captioned, task: ModuleType) -> str | None:
        """Return the line of a caption."""
        if captioned.error:
            return None
        return output.printable(f"{captioned.source}: {task.write(captioned.words)}  (log p {captioned.log_p:.2f})")


class Json:
    """JSON objects with the keys COLUMNS, one a line. A value that is missing is null."""

    head = None

    @staticmethod
    def line(captioned: Captioned, task: ModuleType) -> str:
        """Return the line of a caption or an error."""
        return json.dumps(dict(zip(COLUMNS, _values(captioned, task), strict=True)), allow_nan=False)


class Csv:
    """The lines of a CSV file with COLUMNS. Control characters are escaped."""

    head = ",".join(COLUMNS)

    @staticmethod
    def line(captioned: Captioned, task: ModuleType) -> str:
        """Return the line of a caption or an error."""
        text = io.StringIO()
        values = ("" if value is None else output.printable(value) for value in _values(captioned, task))
        csv.writer(text, lineterminator="").writerow(values)
        return text.getvalue()


def _values(captioned, task):
    """Return the values of COLUMNS."""
    if captioned.error:
        return captioned.source, None, None, str(captioned.error)
    return captioned.source, task.write(captioned.words), round(captioned.log_p, 4), None
