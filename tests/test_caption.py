"""Test the command caption: captions of images, and errors."""

import os

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption
from numpy_sat.experiment import checkpoint

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


def test_a_bad_photo_does_not_end_a_list_of_photos(root, trained, tmp_path, capsys):
    first, last = sorted((root / "Flicker8k_Dataset").iterdir())[:2]
    heic = tmp_path / "phone.jpg"
    heic.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert caption.main([str(trained), str(first), str(heic), str(last)]) == 2
    printed = capsys.readouterr()
    assert [line.partition(": ")[0] for line in printed.out.splitlines()] == [str(first), str(last)]
    assert printed.err.startswith(f"error: {heic} is an HEIC photo") and printed.err.count("\n") == 1


def test_a_gif_named_jpg_is_read(trained, tmp_path):
    Image.new("RGB", (20, 10), "red").save(tmp_path / "x.jpg", format="GIF")
    assert caption.main([str(trained), str(tmp_path / "x.jpg")]) == 0


def test_a_folder_of_photos_is_not_a_run(root, capsys):
    photos = root / "Flicker8k_Dataset"
    with pytest.raises(SystemExit) as exit:
        caption.main([str(photos)])
    first = min(photos.iterdir())
    sentence = f"{photos} is a folder of photos, not of a run: name the photos in it, such as {first}"
    assert exit.value.code == 2 and sentence in capsys.readouterr().err


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
