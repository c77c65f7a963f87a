"""Arguments of all commands that are refused before any work: empty and too long names, absurd sizes, no effect."""

import os
import subprocess
import sys
from functools import partial

import pytest

from numpy_sat import (
    align,
    caption,
    describe,
    diversity,
    evaluate,
    flickr8k,
    novel,
    serve,
    ship,
    show,
    soup,
    study,
    train,
    variance,
    words,
)
from numpy_sat.bench import __main__ as bench
from numpy_sat.data.scenes import scenes
from numpy_sat.system import cli

PATHS = [
    (train.main, ["--out"]),
    (train.main, ["--root"]),
    (train.main, ["--from"]),
    (train.main, ["--encoder", "vgg16", "--weights"]),
    (evaluate.main, []),
    (evaluate.main, ["run", "--out"]),
    (evaluate.main, ["run", "--blind"]),
    (evaluate.main, ["run", "--with"]),
    (evaluate.main, ["run", "--root"]),
    (caption.main, ["run", "photo.jpg", "--show"]),
    (show.main, []),
    (serve.main, []),
    (words.main, []),
    (words.main, ["run", "--out"]),
    (align.main, ["run", "--out"]),
    (soup.main, ["run"]),
    (soup.main, ["a", "b", "--out"]),
    (study.main, ["slides", "--out"]),
    (study.main, ["slides", "--root"]),
    (ship.main, []),
    (ship.main, ["run", "--out"]),
    (flickr8k.main, ["--root"]),
    (describe.main, ["--root"]),
    (variance.main, ["--out"]),
    (novel.main, []),
    (novel.main, ["run", "--out"]),
    (novel.main, ["run", "--root"]),
    (diversity.main, []),
    (diversity.main, ["run", "--out"]),
    (diversity.main, ["run", "--root"]),
]


@pytest.mark.parametrize(("main", "arguments"), PATHS)
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "must be the name of a file or folder, not empty"),
        (1000 * "x", f"is too long for the name of a file: {57 * 'x'}..."),
    ],
)
def test_names_of_files_that_cannot_be(main, arguments, name, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        main([*arguments, name])
    assert exit.value.code == 2 and sentence in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("main", [evaluate.main, show.main, caption.main])
@pytest.mark.parametrize("text", ["1000000", "0", "x", "9" * 100_000, "-1", "3.5"])
def test_an_absurd_beam_width(main, text, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--beam", text])
    message = capsys.readouterr().err
    assert "argument --beam: must be a whole number from 1 to 100, not " in message and len(message) < 2000


@pytest.mark.parametrize("text", ["9" * 100_000, "x" * 100_000])
@pytest.mark.parametrize("option", ["--epochs", "--learning-rate", "--clip-norm", "--seed", "--set"])
def test_a_number_of_100000_signs(option, text, capsys):
    with pytest.raises(SystemExit):
        train.main([option, text])
    message = capsys.readouterr().err
    assert f"argument {option}" in message and len(message) < 3000


@pytest.mark.parametrize("more", [["--root", "."], ["--skip-missing"], ["--skip-damaged"]])
def test_options_without_effect_on_phrases(more, tmp_path, capsys):
    out = tmp_path / "run"
    assert train.main(["--data", "phrases", *more, "--out", str(out)]) == 2
    assert "phrases are sampled, not read from a folder: leave out --root, --skip-missing" in capsys.readouterr().err
    assert not out.exists()


def test_a_mistyped_root_of_scenes(tmp_path, capsys):
    """Check that nothing is drawn into a folder that does not exist."""
    root = tmp_path / "mistyped"
    assert train.main(["--small", "--root", str(root), "--out", str(tmp_path / "run")]) == 2
    assert f"{root}: there is no such folder; create it to draw scenes there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_root_of_scenes_that_holds_other_things(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scenes, "write", lambda *_: pytest.fail("scenes were drawn"))
    root, out = tmp_path / "photos", tmp_path / "run"
    root.mkdir()
    (root / "holiday.jpg").touch()
    assert train.main(["--small", "--root", str(root), "--out", str(out)]) == 2
    assert f"{root}: holds holiday.jpg, but no scenes; name an empty folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["holiday.jpg", "photos"]


@pytest.mark.parametrize("name", [".DS_Store", "scenes-4-0", f"scenes-{scenes.VERSION}-0"])
def test_a_root_of_scenes_may_hold_hidden_files_and_scenes(name, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "write", partial(scenes.write, train=2, dev=1, test=1))
    (tmp_path / name).touch()
    if name == f"scenes-{scenes.VERSION}-0":
        (tmp_path / name).unlink()
        scenes.write(tmp_path / name)
        (tmp_path / "notes.txt").touch()
    assert len(scenes.open_dataset(tmp_path, ["dev"], False).splits["dev"]) == 1


@pytest.mark.parametrize("name", ["map", "photo.jpg", "last.npz", "x.", "png"])
@pytest.mark.parametrize(
    "main, arguments",
    [
        (words.main, ["run", "--out"]),
        (variance.main, ["--out"]),
        (bench.main, ["--plot"]),
    ],
)
def test_a_figure_needs_the_name_of_a_png_file(main, arguments, name, capsys):
    """Check that no figure takes the place of a photo or a checkpoint."""
    with pytest.raises(SystemExit) as end:
        main([*arguments, name])
    assert end.value.code == 2
    assert f"must be the name of a PNG file, such as figure.png, not {name}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["map", "photo.jpg", "look.htm", "x.", "html"])
def test_maps_need_the_name_of_a_png_or_html_file(name, capsys):
    with pytest.raises(SystemExit) as end:
        caption.main(["run", "photo.jpg", "--show", name])
    assert end.value.code == 2
    assert f"a PNG or HTML file, such as look.png or look.html, not {name}" in capsys.readouterr().err


def test_too_little_memory_gives_a_sentence(capsys):
    def work():
        raise MemoryError("Unable to allocate 7.45 TiB for an array")

    assert cli.run(work) == 2
    assert capsys.readouterr().err.startswith("error: not enough memory (Unable to allocate 7.45 TiB for an array); ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no such device")
@pytest.mark.parametrize("arguments", [["train", "--set", "help"], ["ship"]])
def test_a_full_device(arguments):
    """Check the message and the exit code of a process whose output cannot be written."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", f"numpy_sat.{arguments[0]}", *arguments[1:]]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert result.returncode == 2 and "cannot be written (No space left on device)" in result.stderr
    assert "Traceback" not in result.stderr
