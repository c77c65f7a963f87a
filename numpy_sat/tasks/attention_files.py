"""Write where a model looked into the file that --show names: a PNG for each image, or one HTML page for all."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from numpy_sat.system import cli, files
from numpy_sat.system.errors import InputError
from numpy_sat.tasks.caption import Captioned

PAGE_IMAGES = 100  # captions on a page; with more it opens slowly


class Figures:
    """PNG figures, one for each image."""

    def __init__(self, path: Path, sources: Sequence[str], task: ModuleType, recipe):
        self.task, self.recipe, self.paths = task, recipe, iter(_numbered(path, sources))

    def add(self, captioned: Captioned) -> str:
        """Draw the figure of a caption. Return a line that says where it is, or why there is none."""
        path = next(self.paths)
        if not captioned.trace:
            return ""
        if reason := self.task.absence(self.recipe, captioned.trace):
            return f"  no attention map: {reason}"
        self.task.draw(path, captioned.source, captioned.trace)
        return f"  attention map: {path}"

    def close(self) -> str:
        """Return no line, because `add` returned one for each figure."""
        return ""


class Page:
    """An HTML page of all images."""

    def __init__(self, path: Path, sources: Sequence[str], task: ModuleType, recipe):
        if len(sources) > PAGE_IMAGES:
            raise InputError(
                f"--show {path}: a page holds up to {PAGE_IMAGES} images, not {len(sources):,}; name fewer."
            )
        self.task, self.recipe, self.path, self.entries = task, recipe, path, []
        _check(path, path, sources)

    def add(self, captioned: Captioned) -> str:
        """Add a caption to the page. Return no line: `close` says where the page is."""
        if captioned.trace:
            self.entries.append(self.task.entry(self.recipe, captioned.source, captioned.trace))
        return ""

    def close(self) -> str:
        """Write the page, and return a line that says where it is."""
        from numpy_sat.evaluation import page  # takes long to import, and most commands draw nothing

        if not self.entries:
            return ""
        page.write(self.path, "Captions, and where the model looked", self.entries)
        return f"attention maps: {self.path}"


def of(path: Path, sources: Sequence[str], task: ModuleType, recipe) -> Figures | Page:
    """Return the writer that the suffix of a path chooses.

    Args:
        path: path of a PNG or HTML file.
        sources: the image files or phrases.
        task: the task module of the model.
        recipe: Recipe of the model.
    Raises:
        InputError: a file cannot be written, or would replace one of the images.
    """
    kind = Page if path.suffix.lower() == cli.PAGE_SUFFIX else Figures
    return kind(path, sources, task, recipe)


def _numbered(path, sources):
    """Return the path of each source's figure: `path`, or look-1.png, look-2.png, ... for several sources."""
    numbers = [""] if len(sources) == 1 else [f"-{number}" for number in range(1, len(sources) + 1)]
    figures = [path.with_name(f"{path.stem}{number}{path.suffix}") for number in numbers]
    for figure in figures:
        _check(figure, path, sources)
    return figures


def _check(file, path, sources):
    """Raise InputError if a file cannot be written, or would replace a source. path: what --show names."""
    files.refuse_unwritable(file)
    if file.exists() and any(os.path.exists(source) and file.samefile(source) for source in sources):
        raise InputError(f"--show {path}: would replace the image {file}; choose another name.")
