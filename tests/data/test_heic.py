"""Test HEIC photos, which the optional package pillow-heif reads."""

import numpy as np
import pytest
from PIL import Image

from numpy_sat.data import images
from numpy_sat.system.errors import InputError

pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed; install the extra heic")


def test_a_photo_of_an_iphone_is_read_whatever_its_suffix(tmp_path):
    pillow_heif.register_heif_opener()
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :48] = 200
    for name in ("photo.heic", "photo.jpg"):
        Image.fromarray(image).save(tmp_path / name, format="HEIF", quality=90)
        pixels = np.asarray(images.open_image(tmp_path / name)).astype(int)
        assert pixels.shape == (64, 96, 3) and np.abs(pixels - image).mean() < 5


def test_a_damaged_photo_of_an_iphone(tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(InputError, match=r"photo\.heic cannot be decoded|is an HEIC photo"):
        images.open_image(tmp_path / "photo.heic")
