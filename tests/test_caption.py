"""Test the command caption: captions of images, and errors."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from html_pages import data_of
from PIL import Image

from numpy_sat import caption
from numpy_sat.experiment import checkpoint, runs
from numpy_sat.tasks.caption import BATCH

pytestmark = pytest.mark.usefixtures("tiny_preset")


@pytest.mark.drawn
def test_captioning(root, trained, tmp_path, capsys):
    photos = sorted((root / "Flicker8k_Dataset").iterdir())[:2]
    show = tmp_path / "look.png"
    assert caption.main([str(trained), str(photos[0]), "--show", str(show)]) == 0
    printed = capsys.readouterr().out
    assert str(photos[0]) in printed and "log p -" in printed
    with Image.open(show) as image:
        assert image.format == "PNG"
    assert caption.main([str(trained / "last.npz"), *map(str, photos), "--beam", "1", "--show", str(show)]) == 0
    assert {file.name for file in tmp_path.glob("*.png")} == {"look.png", "look-1.png", "look-2.png"}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("no image"), "is not an image"),
        (lambda path: None, "cannot be found"),
    ],
)
def test_captioning_a_file_that_is_not_an_image(trained, tmp_path, capsys, make, sentence):
    path = tmp_path / "p.jpg"
    make(path)
    assert caption.main([str(trained), str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and f"p.jpg {sentence}" in message


def test_a_bad_photo_does_not_end_a_list_of_photos(root, trained, tmp_path, no_heif, capsys):
    first, last = sorted((root / "Flicker8k_Dataset").iterdir())[:2]
    heic = tmp_path / "phone.jpg"
    heic.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert caption.main([str(trained), str(first), str(heic), str(last)]) == 2
    printed = capsys.readouterr()
    assert [line.partition(": ")[0] for line in printed.out.splitlines()] == [str(first), str(last)]
    assert (
        printed.err.startswith(f"error: {heic} is an HEIC photo, the format of iPhones")
        and printed.err.count("\n") == 1
    )


def test_a_gif_named_jpg_is_read(trained, tmp_path):
    Image.new("RGB", (20, 10), "red").save(tmp_path / "x.jpg", format="GIF")
    assert caption.main([str(trained), str(tmp_path / "x.jpg")]) == 0


def lines(capsys):
    """Return the lines of standard output."""
    return capsys.readouterr().out.splitlines()


def test_a_folder_and_a_pattern_name_all_their_photos_in_order(root, trained, tmp_path, capsys):
    photos = sorted(map(str, (root / "Flicker8k_Dataset").iterdir()))
    assert len(photos) > BATCH
    assert caption.main([str(trained), str(root / "Flicker8k_Dataset")]) == 0
    folder_lines = lines(capsys)
    assert [line.partition(": ")[0] for line in folder_lines] == photos
    assert caption.main([str(trained), photos[5], str(root / "Flicker8k_Dataset" / "*_0000?.jpg")]) == 0
    assert [line.partition(": ")[0] for line in lines(capsys)] == [photos[5], *photos[:10]]
    assert caption.main([str(trained), str(tmp_path / "*.jpg")]) == 2
    assert "*.jpg: no file has such a name; check the folder and the pattern." in capsys.readouterr().err
    # A file whose name looks like a pattern is itself.
    (tmp_path / "really?.jpg").write_bytes(Path(photos[0]).read_bytes())
    assert caption.main([str(trained), str(tmp_path / "really?.jpg")]) == 0
    assert lines(capsys)[0].endswith(folder_lines[0].rpartition(": ")[2])


def test_what_a_folder_is(root, trained, tmp_path, capsys):
    """Check a run that has only config.json, a run among the images, and an empty folder."""
    (trained / "best.npz").unlink()
    (trained / "last.npz").unlink()
    assert caption.main([str(trained), str(root / "Flicker8k_Dataset")]) == 2
    assert f"{trained / 'last.npz'}" in capsys.readouterr().err
    blind = trained.parent / "blind"
    assert caption.main([str(blind), str(blind)]) == 2
    assert f"{blind} is the folder of a run; name one run, and name it before the images." in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert caption.main([str(blind), str(tmp_path / "empty")]) == 2
    assert "empty holds neither a run nor photos; name a run" in capsys.readouterr().err


def test_json_and_csv_have_a_row_for_every_image(root, trained, tmp_path, capsys):
    first, last = sorted((root / "Flicker8k_Dataset").iterdir())[:2]
    broken = tmp_path / "a, b.jpg"
    broken.write_text("no image")
    command = [str(trained), *map(str, (first, broken, last)), "--beam", "1"]
    assert caption.main(command) == 2
    texts = lines(capsys)
    assert caption.main([*command, "--json"]) == 2
    printed = capsys.readouterr()
    objects = [json.loads(line) for line in printed.out.splitlines()]
    assert [entry["source"] for entry in objects] == list(map(str, (first, broken, last)))
    assert [f"{e['source']}: {e['caption']}  (log p {e['log_p']:.2f})" for e in objects if not e["error"]] == texts
    assert objects[1]["caption"] is objects[1]["log_p"] is None and "is not an image" in objects[1]["error"]
    assert printed.err == f"error: {objects[1]['error']}\n"
    assert caption.main([*command, "--csv", "--show", str(tmp_path / "look.html")]) == 2
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert rows == [{name: "" if v is None else str(v) for name, v in entry.items()} for entry in objects]
    assert f"attention maps: {tmp_path / 'look.html'}" in printed.err


def test_batches_do_not_change_captions(root, trained, capsys):
    """Compare the captions of a batch with those of images one by one."""
    photos = sorted(map(str, (root / "Flicker8k_Dataset").iterdir()))[:5]
    assert caption.main([str(trained), *photos]) == 0
    together = lines(capsys)
    for photo in photos:
        assert caption.main([str(trained), photo]) == 0
    assert lines(capsys) == together


def test_a_page_has_all_images(root, trained, tmp_path, capsys):
    photos = sorted(map(str, (root / "Flicker8k_Dataset").iterdir()))[:3]
    show = tmp_path / "look.html"
    assert caption.main([str(trained), *photos, "--show", str(show)]) == 0
    *captions, line = lines(capsys)
    assert line == f"attention maps: {show}" and os.listdir(tmp_path).count("look.html") == 1
    entries = data_of(show.read_text(encoding="utf-8"))
    assert [f"{entry['name']}: {entry['caption']}  (log p {entry['log_p']:.2f})" for entry in entries] == [
        text.rpartition(os.sep)[2] for text in captions
    ]
    assert str(root) not in show.read_text(encoding="utf-8")
    assert caption.main([str(trained), *photos * 34, "--show", str(show)]) == 2
    assert "a page holds up to 100 images, not 102; name fewer." in capsys.readouterr().err


def test_control_characters_of_names_and_words_are_escaped(root, trained, tmp_path, capsys):
    photo = tmp_path / "a\x1b[2Jb\nfake.jpg"
    try:
        photo.write_bytes(min((root / "Flicker8k_Dataset").iterdir()).read_bytes())
    except OSError:
        pytest.skip("this file system has no such names")
    stored = checkpoint.load(trained / "last.npz")
    words = [word if word.startswith("<") else f"{word}\x1b]0;owned\x07" for word in stored.settings["vocabulary"]]
    checkpoint.save(tmp_path / "c.npz", stored._replace(settings=stored.settings | {"vocabulary": words}))
    assert caption.main([str(tmp_path / "c.npz"), str(photo)]) == 0
    printed = capsys.readouterr().out
    assert r"a\x1b[2Jb\nfake.jpg: " in printed and r"\x1b]0;owned\x07" in printed
    assert printed.isascii() and "\x1b" not in printed and "\x07" not in printed and printed.count("\n") == 1


def test_captioning_with_a_damaged_checkpoint(root, tmp_path, capsys):
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 cut")
    photo = next((root / "Flicker8k_Dataset").iterdir())
    assert caption.main([str(tmp_path / "c.npz"), str(photo)]) == 2
    assert "c.npz" in capsys.readouterr().err


def test_captioning_with_a_checkpoint_of_another_shape(root, trained, tmp_path, capsys):
    stored = checkpoint.load(trained / "last.npz")
    checkpoint.save(tmp_path / "c.npz", stored._replace(params={**stored.params, "W_h": np.zeros((2, 2), np.float32)}))
    photo = next((root / "Flicker8k_Dataset").iterdir())
    assert caption.main([str(tmp_path / "c.npz"), str(photo)]) == 2
    assert "W_h is (2, 2) float32, not (7, 6) float32" in capsys.readouterr().err


def test_a_figure_that_cannot_be_written(root, trained, tmp_path, capsys):
    photo = next((root / "Flicker8k_Dataset").iterdir())
    assert caption.main([str(trained), str(photo), "--show", str(tmp_path / "no" / "look.png")]) == 2
    captured = capsys.readouterr()
    assert "look.png: cannot be written" in captured.err and not captured.out


@pytest.mark.parametrize("photos, show", [(["a.png"], "a.png"), (["a-1.png", "a-2.png"], "a.png"), (["link"], "a.png")])
def test_a_figure_never_replaces_an_image(trained, tmp_path, monkeypatch, capsys, photos, show):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "a-1.png", "a-2.png"):
        Image.new("RGB", (9, 9)).save(name)
    os.symlink("a.png", "link")
    before = {path: path.read_bytes() for path in tmp_path.glob("*.png")}
    assert caption.main([str(trained), *photos, "--show", show]) == 2
    captured = capsys.readouterr()
    assert "would replace the image a" in captured.err and not captured.out
    assert {path: path.read_bytes() for path in tmp_path.glob("*.png")} == before


def test_a_folder_without_permission_is_not_taken_for_a_run(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    assert not runs.is_run(tmp_path)
