"""Test the command caption: captions of images, and errors."""

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption
from numpy_sat.experiment import checkpoint

pytestmark = pytest.mark.usefixtures("tiny_preset")


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
    assert "look.png: cannot be written" in capsys.readouterr().err
