"""Test the reader of Flickr30k: its three layouts, the known broken line, and the splits."""

import pytest
from copies import names_of, write_karpathy, write_photos, write_text

from numpy_sat.data import flickr30k
from numpy_sat.system.errors import InputError

NAMES = [f"{number}.jpg" for number in range(16)]
HEADER = "image_name| comment_number| comment\n"
BROKEN = "2199200615.jpg| 4   A dog runs across the grass .\n"


def lines(names):
    return "".join(f'{name}| {n}| Two "young" men of {name} , {n} .\n' for name in names for n in range(5))


def test_the_table_is_read_and_split_by_hash(tmp_path):
    images = tmp_path / "flickr30k_images"
    write_text(images / "results.csv", HEADER + lines(NAMES))
    write_photos(images / "flickr30k_images", NAMES)
    dataset = flickr30k.open_dataset(tmp_path, flickr30k.SPLITS, False)
    assert (dataset.name, dataset.root) == ("flickr30k", tmp_path)
    assert [len(split) for split in dataset.splits.values()] == [12, 2, 2]
    image = dataset.splits["dev"][0]
    assert image.path == images / "flickr30k_images" / image.name
    assert image.captions == tuple(f'Two "young" men of {image.name} , {n} .' for n in range(5))
    assert dataset.notes == (
        "There are no split lists beside results.csv; its images were split 12/2/2 (train/dev/test) in the order of "
        "the SHA-256 of their names.",
    )


def test_the_known_broken_line_is_read_and_noted(tmp_path):
    names = [*NAMES, "2199200615.jpg"]
    text = HEADER + lines(names)
    text = text[: text.rindex("2199200615.jpg| 4")] + BROKEN
    write_text(tmp_path / "results.csv", text)
    write_photos(tmp_path / "flickr30k_images", names)
    captions = {}
    for split in flickr30k.SPLITS:
        captions |= flickr30k.read_captions(tmp_path, split)
    assert len(captions["2199200615.jpg"]) == 5
    assert captions["2199200615.jpg"][4] == "A dog runs across the grass ."
    (note, _) = flickr30k.open_dataset(tmp_path, ("train", "dev"), False).notes
    assert note == (
        "results.csv lacks a separator between number and caption, in 1 line (line 86); it was read as if it were "
        "there."
    )


@pytest.mark.parametrize("line", ["a.jpg| A dog runs .", "a.jpg| 4 A dog runs .", "a.jpg", "a.jpg| 4| A dog| runs ."])
def test_another_broken_line_is_named_by_its_number(tmp_path, line):
    write_text(tmp_path / "results.csv", f"{HEADER}{lines(NAMES)}{line}\n")
    write_photos(tmp_path / "flickr30k_images", NAMES)
    with pytest.raises(InputError, match=r"results\.csv, line 82: expected 3 fields .* vertical bars in double quotes"):
        flickr30k.open_dataset(tmp_path, ("train",), False)


def test_the_token_file_of_the_authors(tmp_path):
    text = "".join(f"{name}#{n}\tTwo men .\n" for name in NAMES for n in range(2))
    write_text(tmp_path / "results_20130124.token", text)
    write_photos(tmp_path / "flickr30k-images", NAMES)
    dataset = flickr30k.open_dataset(tmp_path, ("train", "dev"), False)
    assert [len(split) for split in dataset.splits.values()] == [12, 2]


def test_the_splits_of_karpathy_come_first(tmp_path):
    write_text(tmp_path / "results.csv", HEADER + lines(NAMES))
    split_of = dict(zip(NAMES, ["train"] * 10 + ["val"] * 2 + ["test"] * 3, strict=False))
    write_karpathy(tmp_path / "below" / "dataset_flickr30k.json", split_of)
    write_photos(tmp_path / "flickr30k_images", NAMES)
    dataset = flickr30k.open_dataset(tmp_path, flickr30k.SPLITS, False)
    assert names_of(dataset) == {"train": NAMES[:10], "dev": NAMES[10:12], "test": NAMES[12:15]}
    assert dataset.splits["train"][0].captions[0] == "A dog, 0.jpg, 0."
    assert dataset.notes == ("Left out: 1 photo without captions: 15.jpg.",)
    assert list(flickr30k.read_captions(tmp_path, "dev")) == NAMES[10:12]


def test_a_copy_of_another_data_set(tmp_path):
    with pytest.raises(
        InputError, match=r"looked for dataset_flickr30k\.json with photos in a folder flickr30k_images"
    ):
        flickr30k.open_dataset(tmp_path, ("train",), False)
    with pytest.raises(InputError, match="there is no such folder"):
        flickr30k.open_dataset(tmp_path / "nowhere", ("train",), False)
