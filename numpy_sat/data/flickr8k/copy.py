"""Complete a copy of Flickr8k by downloading what is missing: python -m numpy_sat.flickr8k --download."""

from pathlib import Path

from numpy_sat.data.flickr8k import download, flickr8k
from numpy_sat.system import lock, output
from numpy_sat.system.errors import InputError, writing

TERMS = (
    "The photos of Flickr8k belong to their photographers: use them for research and teaching only. Please cite\n"
    "M. Hodosh, P. Young and J. Hockenmaier (2013), Framing Image Description as a Ranking Task: Data, Models and\n"
    "Evaluation Metrics, Journal of Artificial Intelligence Research 47."
)


def obtain(root: Path) -> None:
    """Download and unpack the parts of the data set that are missing in `root`.

    Raises:
        InputError: a part cannot be downloaded, unpacked or written.
    """
    if _readable(root, skip_missing=True):
        output.show(
            f"{root} already holds a copy, so nothing is downloaded. For a new copy, name another folder with --root."
        )
        return
    output.show(TERMS)
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with lock.waiting_lock(root / lock.NAME, "downloading"):
            _obtain_missing(root)
    output.show(f"unpacked; the zips in {root} are no longer needed.")


def _obtain_missing(root):
    incomplete = None
    for archive in download.ARCHIVES:
        folder = root / Path(archive.name).stem
        if folder.exists():
            incomplete = folder
        elif not _readable(root, skip_missing=True):
            download.unpack(download.fetch(archive, root), folder)
    if incomplete and not _readable(root, skip_missing=True):
        raise InputError(f"{incomplete} already exists but is incomplete; move it away and run the same command again.")


def _readable(root, skip_missing=False):
    try:
        return bool(flickr8k.read(root, skip_missing=skip_missing))
    except InputError:
        return False
