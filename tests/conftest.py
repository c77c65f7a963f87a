"""Provide fixtures for all tests, and the option --impl, which chooses the implementation under test."""

import os
import shutil
import signal
import zlib
from pathlib import Path
from types import SimpleNamespace

# isort: off
import numpy_sat  # noqa: F401  before numpy: it sets the number of numpy's threads
import implementations
import numpy as np
import pytest
import tiny
from PIL import Image

from exercises.judging import repairs
from numpy_sat.data import images
from numpy_sat.data.scenes import scenes
from numpy_sat.decoders import attend_tell
from numpy_sat.evaluation.figures import canvas
from numpy_sat.experiment import presets
from numpy_sat.metrics import meteor
from numpy_sat.system import machine
# isort: on

DRAW = canvas.save
MOST_WORKERS = 8  # with more, the longest file of tests takes longer than all others together


@pytest.fixture
def rng(request):
    """Return a Generator whose seed depends on the name of the test alone, so that failures are reproducible."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture(scope="session", autouse=True)
def signals_not_ignored():
    """Undo `nohup` and `&` for the tests of signals: programs that a shell starts so ignore SIGHUP or SIGINT."""
    for name, handler in (("SIGHUP", signal.SIG_DFL), ("SIGINT", signal.default_int_handler)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def blank_figures():
    """Save figures as blank images: drawing takes most of the time of a tiny run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "save", tiny.save_blank)
        yield


@pytest.fixture(autouse=True)
def drawn_figures(request, monkeypatch):
    """Draw the figures of a test that is marked `drawn`."""
    if request.node.get_closest_marker("drawn"):
        monkeypatch.setattr(canvas, "save", DRAW)


@pytest.fixture(autouse=True)
def time_for_repairs(request, monkeypatch):
    """Give a diagnosis more processor time in tests, so that a busy machine names the same mistake as an idle one."""
    if "exercises" in request.path.parts:
        for name in ("SECONDS_IF_EXPLAINED", "SECONDS_FOR_OTHERS"):
            monkeypatch.setattr(repairs, name, 4 * getattr(repairs, name))


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of the real data sets, NUMPY_SAT_DATA; parts of it may be missing."""
    return Path(os.environ.get("NUMPY_SAT_DATA") or Path(__file__).parents[2] / "shared" / "data")


@pytest.fixture(scope="session")
def flickr8k_folder(data_folder):
    """Return the folder of the real Flickr8k, or skip the test."""
    folder = data_folder / "flickr8k"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set NUMPY_SAT_DATA to the folder of the data sets")
    return folder


@pytest.fixture(scope="session")
def photos(data_folder):
    """Return the paths of photos at full size, or skip the test."""
    folder = data_folder / "flickr8k_fullsize_sample"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set NUMPY_SAT_DATA to the folder of the data sets")
    return sorted(folder.glob("*.jpg"))


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Return the folder of a tiny data set: scenes in the layout of Flickr8k."""
    folder = tmp_path_factory.mktemp("data") / "scenes"
    scenes.write(folder, train=24, dev=8, test=4)
    return folder


@pytest.fixture
def tiny_preset(tmp_path, monkeypatch):
    """Replace the small recipe for flickr8k by a tiny one, and use a temporary cache of decoded images."""
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), tiny.RECIPE)
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def tiny_runs(root, tmp_path_factory):
    """Return a folder of three runs of one epoch: run, blind (a blind model) and tell (a model without attention)."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, ("flickr8k", True), tiny.RECIPE)
        patch.setenv("NUMPY_SAT_CACHE", str(folder / "cache"))
        assert tiny.run(root, folder / "run", "--epochs", 1) == 0
        assert tiny.run(root, folder / "blind", "--epochs", 1, "--blind") == 0
        assert tiny.run(root, folder / "tell", "--epochs", 1, "--model", "tell") == 0
    return folder


@pytest.fixture
def trained(tiny_preset, tiny_runs, tmp_path):
    """Return the folder of a run, with the runs blind and tell beside it. Tests may change all three."""
    for name in ("run", "blind", "tell"):
        shutil.copytree(tiny_runs / name, tmp_path / name)
    return tmp_path / "run"


@pytest.fixture
def deny(monkeypatch):
    """Return a function that makes a folder which behaves as unreadable, even for root, who may read everything."""
    folders = []

    def guard(name, includes_folder):
        call = getattr(os, name)

        def guarded(path=".", *args, **options):
            if isinstance(path, str | Path):
                denied = {*Path(path).parents, Path(path)} if includes_folder else {*Path(path).parents}
                if denied.intersection(folders):
                    raise PermissionError(13, "Permission denied", str(path))
            return call(path, *args, **options)

        monkeypatch.setattr(os, name, guarded)

    for name, includes_folder in (("listdir", True), ("scandir", True), ("stat", False)):
        guard(name, includes_folder)

    def make(folder):
        folder.mkdir()
        folders.append(folder)

    return make


@pytest.fixture
def no_heif(monkeypatch):
    """Hide the package pillow-heif, which reads HEIC photos, if it is installed."""
    monkeypatch.setattr(images, "_formats", lambda: tuple(name for name in images.FORMATS[:-1] if name in Image.OPEN))


@pytest.fixture
def use_wordnet(monkeypatch):
    """Return a function that replaces synsets() of WordNet."""

    def use(synsets):
        monkeypatch.setattr(meteor, "wordnet", SimpleNamespace(synsets=synsets))
        meteor._synonyms.cache_clear()

    yield use
    meteor._synonyms.cache_clear()


@pytest.fixture
def no_wordnet(use_wordnet):
    """Hide WordNet, so that METEOR does not depend on its installation."""

    def missing(word):
        raise LookupError

    use_wordnet(missing)


@pytest.fixture(autouse=True)
def use_gradient_check(request):
    """Use the library's gradient check in all tests except its own."""
    implementations.install_gradient_check(request.module)


@pytest.fixture
def general_decoder(monkeypatch):
    """Restore the library's decoder for tests of decoders that exercise 14 does not cover.

    The decoder of exercise 14 has soft attention and all parts.
    """
    implementations.restore(monkeypatch, attend_tell)


def pytest_addoption(parser):
    parser.addoption(
        "--impl",
        choices=implementations.CHOICES,
        default="numpy_sat",
        help="implementation under test: the library's (default), the solutions' or yours in exercises/",
    )


def pytest_xdist_auto_num_workers(config):
    """Return the number of processes that run the tests.

    There is one process per core, and none if the command names files or shows output. Each process runs its kernels on
    an equal share of the cores.
    """
    paths = [argument.split("::")[0] for argument in config.invocation_params.args if argument[:1] not in ("", "-")]
    if any(Path(path).exists() for path in paths) or config.getoption("capture") == "no":
        return 0
    workers = min(machine.cores(), MOST_WORKERS)
    os.environ.setdefault("NUMPY_SAT_THREADS", str(machine.cores() // workers))
    return workers


def pytest_configure(config):
    implementations.install(config.getoption("--impl"))


def pytest_report_header(config):
    return implementations.report()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--impl") != "numpy_sat":
        items[:] = [item for item in items if implementations.is_affected(item.module)]


def pytest_sessionstart(session):
    implementations.check_origins()


def pytest_sessionfinish(session):
    implementations.check_origins()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Report an unwritten function in one line instead of a traceback."""
    outcome = yield
    if call.excinfo is not None and call.excinfo.errisinstance(NotImplementedError):
        outcome.get_result().longrepr = f"{call.excinfo.value}: not written yet"
