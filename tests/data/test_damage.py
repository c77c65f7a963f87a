"""Check that damaged photos are all found before training, and can be left out."""

import os

import pytest
from PIL import Image

from numpy_sat.data import damage, images
from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.system.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    """Return a data set of six images in train and two in dev. Three of train and one of dev are damaged."""
    examples = []
    for k in range(8):
        path = tmp_path / f"{k}.jpg"
        Image.effect_noise((64, 64), 50).save(path)
        examples.append(CaptionedImage(path.name, path, ("a",)))
    content = examples[1].path.read_bytes()
    examples[1].path.write_bytes(content[: len(content) // 2])
    examples[2].path.write_bytes(b"")
    examples[4].path.write_text("<html>404</html>")
    examples[7].path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    return Dataset("flickr8k", tmp_path, {"train": examples[:6], "dev": examples[6:]}, ("a note",), str.split)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_all_damaged_photos_are_listed_at_once(dataset, cache):
    expected = (
        r"4 of 8 photos cannot be decoded: 1\.jpg, 2\.jpg, 4\.jpg, 7\.jpg\. The first: .*1\.jpg cannot be decoded .* "
        "Get them again, or leave them out with --skip-damaged"
    )
    with pytest.raises(InputError, match=expected):
        damage.check(dataset, False, cache)


def test_damaged_photos_are_left_out_with_a_note(dataset, cache):
    checked = damage.check(dataset, True, cache)
    names = {split: [example.name for example in examples] for split, examples in checked.splits.items()}
    assert names == {"train": ["0.jpg", "3.jpg", "5.jpg"], "dev": ["6.jpg"]}
    assert checked.notes == (
        "a note",
        "Split train has damaged photos, 3 of 6; left out: 1.jpg, 2.jpg, 4.jpg.",
        "Split dev has damaged photos, 1 of 2; left out: 7.jpg.",
    )


def test_a_sound_data_set_is_unchanged(dataset, cache):
    sound = damage.check(dataset, True, cache)._replace(notes=())
    assert damage.check(sound, False, cache) is sound and damage.check(sound, True, cache) is sound


def test_a_split_without_a_sound_photo_is_refused(dataset, cache):
    with pytest.raises(InputError, match="no photo of split dev can be decoded"):
        damage.check(dataset._replace(splits={"dev": dataset.splits["dev"][1:]}), True, cache)


def test_photos_are_decoded_again_only_if_one_has_changed(dataset, cache, monkeypatch):
    first = damage.find(dataset.splits["train"], cache)
    with monkeypatch.context() as patch:
        patch.setattr(images, "check_image", lambda path: pytest.fail("decoded again"))
        assert damage.find(dataset.splits["train"], cache) == first
    for file in cache.glob("checked-*"):
        file.write_text("{cut")
    assert damage.find(dataset.splits["train"], cache) == first
    Image.new("RGB", (8, 8)).save(dataset.splits["train"][2].path)
    os.utime(dataset.splits["train"][2].path, ns=(0, 1))
    assert list(damage.find(dataset.splits["train"], cache)) == ["1.jpg", "4.jpg"]
    assert len(list(cache.iterdir())) == 1


def test_without_a_cache_photos_are_checked_every_time(dataset, tmp_path):
    (tmp_path / "file").touch()
    assert list(damage.find(dataset.splits["dev"], tmp_path / "file" / "cache")) == ["7.jpg"]


@pytest.mark.parametrize(
    "damage_file",
    [
        lambda b: b"",
        lambda b: b"null",
        lambda b: b"[1]",
        lambda b: b"[" * 100_000,
        lambda b: b"{}",
        lambda b: b.replace(b"1.jpg", b"3.jpg", 1),
    ],
)
def test_a_damaged_result_in_the_cache_is_made_again(dataset, cache, capsys, damage_file):
    reasons = damage.find(dataset.splits["train"], cache)
    (path,) = cache.glob("checked-*")
    path.write_bytes(damage_file(path.read_bytes()))
    capsys.readouterr()
    assert damage.find(dataset.splits["train"], cache) == reasons
    assert f"{path}: the cache file is damaged; it is made again" in capsys.readouterr().err
    assert damage.find(dataset.splits["train"], cache) == reasons and not capsys.readouterr().err


def test_what_a_killed_process_left_is_removed(dataset, cache):
    """Check temporary files for the same photos, also if they have changed since."""
    damage.find(dataset.splits["train"], cache)
    (path,) = cache.glob("checked-*")
    for name in (path.name, path.name.replace(path.stem[-8:], "01234567")):
        (cache / f"{name}.0123456789ab.part").touch()
        os.utime(cache / f"{name}.0123456789ab.part", (0, 0))
    path.unlink()
    damage.find(dataset.splits["train"], cache)
    assert [*cache.iterdir()] == [path]
