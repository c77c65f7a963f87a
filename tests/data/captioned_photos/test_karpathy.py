"""Test the reader of Karpathy's split files."""

import pytest
from copies import names_of, write_karpathy, write_photos, write_text

from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.system.errors import InputError

SPLIT_OF = {"a.jpg": "train", "b.jpg": "restval", "c.jpg": "val", "d.jpg": "test"}


@pytest.fixture
def folder(tmp_path):
    write_photos(tmp_path / "Flicker8k_Dataset", SPLIT_OF)
    return tmp_path


def test_flickr8k_is_read_with_its_splits(folder):
    write_karpathy(folder / "dataset_flickr8k.json", SPLIT_OF)
    dataset = flickr8k.read(folder, flickr8k.SPLITS)
    assert names_of(dataset) == {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg"]}
    assert dataset.notes == () and dataset.splits["train"][0].captions[4] == "A dog, a.jpg, 4."
    assert list(flickr8k.read_captions(folder, "train")) == ["a.jpg", "b.jpg"]
    write_text(folder / "Flickr_8k.trainImages.txt", "d.jpg")  # the file's own splits count
    assert names_of(flickr8k.read(folder, ("train",))) == {"train": ["a.jpg", "b.jpg"]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda images: images[2].pop("split"), "image 3: expected filename, split and sentences with raw"),
        (lambda images: images.insert(2, 7), "image 3: expected filename, split and sentences with raw"),
        (lambda images: images[2].update(sentences=None), "image 3: expected filename, split and sentences with raw"),
        (lambda images: images[2]["sentences"][1].pop("raw"), "image 3: expected filename, split and sentences with"),
        (lambda images: images[2]["sentences"][1].update(raw=None), "image 3: filename, split and raw must be texts"),
        (lambda images: images[2].update(filename=5), "image 3: filename, split and raw must be texts"),
        (
            lambda images: images[2]["sentences"][1].update(raw="a dog \ud83d"),
            r"image 3: half of a character, .\\ud83d",
        ),
        (lambda images: images[2].update(filename="\udce9.jpg"), r"image 3: half of a character, '\\udce9'"),
        (lambda images: images[2].update(split="extra"), 'image 3: there is no split "extra"; choose among train'),
        (lambda images: images.append(dict(images[0], split="val")), "image 5: a.jpg is in split dev, and before in"),
        (lambda images: images.pop(0) and images.pop(0), "has the splits dev and test, but no train"),
    ],
)
def test_a_damaged_image_is_named_by_its_number(folder, change, sentence):
    write_karpathy(folder / "dataset_flickr8k.json", SPLIT_OF, change)
    with pytest.raises(InputError, match=sentence):
        flickr8k.read(folder)


def test_a_file_that_is_not_of_karpathy(folder):
    write_text(folder / "dataset_flickr8k.json", '{"annotations": []}')
    with pytest.raises(InputError, match='has no list "images"'):
        flickr8k.read(folder)
