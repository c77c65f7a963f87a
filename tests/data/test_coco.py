"""Test the reader of COCO: the files of 2014, of 2017 and of Karpathy, and the splits."""

import pytest
from copies import names_of, write_coco, write_karpathy, write_photos, write_text

from numpy_sat.data import coco
from numpy_sat.system.errors import InputError

TRAIN, VAL = [f"{k:012}.jpg" for k in range(20)], [f"{k:012}.jpg" for k in range(20, 25)]


def write_2017(root, train=TRAIN, val=VAL):
    write_coco(root / "annotations" / "captions_train2017.json", train)
    write_coco(root / "annotations" / "captions_val2017.json", val)
    write_photos(root / "train2017", TRAIN)
    write_photos(root / "val2017", VAL)


def test_the_layout_of_2017(tmp_path):
    write_2017(tmp_path)
    dataset = coco.open_dataset(tmp_path, coco.SPLITS, False)
    names = names_of(dataset)
    assert dataset.name == "coco" and names["dev"] == VAL and len(names["test"]) == 2
    assert sorted(names["train"] + names["test"]) == TRAIN and names["train"] == sorted(names["train"])
    assert dataset.splits["dev"][0].path == tmp_path / "val2017" / VAL[0]
    assert dataset.splits["dev"][0].captions == (f"A dog 0 of {VAL[0]}", f"A dog 1 of {VAL[0]}")
    assert dataset.notes == (
        "There is no split test; held out instead: 2 images of 20 in train, in the order of the SHA-256 of their "
        "names.",
    )


def test_the_test_set_held_out_does_not_depend_on_what_is_read(tmp_path):
    write_2017(tmp_path)
    train = names_of(coco.open_dataset(tmp_path, ("train",), False))["train"]
    assert train == list(coco.read_captions(tmp_path, "train"))
    assert not set(train) & set(coco.read_captions(tmp_path, "test"))


def test_the_layout_of_2014_below_other_folders(tmp_path):
    train, val = [f"COCO_train2014_{name}" for name in TRAIN], [f"COCO_val2014_{name}" for name in VAL]
    write_coco(tmp_path / "annotations" / "captions_train2014.json", train)
    write_coco(tmp_path / "annotations" / "captions_val2014.json", val)
    write_photos(tmp_path / "images" / "train2014", train)
    write_photos(tmp_path / "images" / "val2014", val)
    assert names_of(coco.open_dataset(tmp_path, ("dev",), False)) == {"dev": val}


def test_the_year_whose_photos_are_there_is_read(tmp_path):
    write_2017(tmp_path)
    for split in ("train", "val"):
        write_coco(tmp_path / "annotations" / f"captions_{split}2014.json", ["COCO_train2014_x.jpg"])
    assert names_of(coco.open_dataset(tmp_path, ("dev",), False)) == {"dev": VAL}


def test_a_copy_of_val_alone_is_split(tmp_path):
    names = [f"{k:012}.jpg" for k in range(16)]
    write_coco(tmp_path / "captions_val2017.json", names)
    write_photos(tmp_path / "val2017", names)
    dataset = coco.open_dataset(tmp_path, coco.SPLITS, False)
    assert [len(images) for images in dataset.splits.values()] == [12, 2, 2]
    assert dataset.notes == (
        "Only the split dev is there; its images were split 12/2/2 (train/dev/test) in the order of the SHA-256 of "
        "their names.",
    )


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_the_splits_of_karpathy_with_the_photos_of_either_year(tmp_path, year):
    names = [f"COCO_{'train' if k < 8 else 'val'}2014_{k:012}.jpg" for k in range(12)]
    splits = ["train"] * 8 + ["restval", "val", "test", "test"]
    write_karpathy(tmp_path / "dataset_coco.json", dict(zip(names, splits, strict=True)))
    files = names if year == "2014" else [name.rpartition("_")[2] for name in names]
    write_photos(tmp_path / f"train{year}", files[:8])
    write_photos(tmp_path / f"val{year}", files[8:])
    dataset = coco.open_dataset(tmp_path, coco.SPLITS, False)
    assert names_of(dataset) == {"train": names[:9], "dev": names[9:10], "test": names[10:]}
    assert dataset.splits["dev"][0].path == tmp_path / f"val{year}" / files[9]
    expected = f"12 photos have another name than in the captions, such as {files[0]} for {names[0]}."
    assert dataset.notes == ((expected,) if year == "2017" else ())


def test_missing_photos(tmp_path):
    write_2017(tmp_path)
    name = names_of(coco.open_dataset(tmp_path, ("train",), False))["train"][3]
    (tmp_path / "train2017" / name).unlink()
    with pytest.raises(InputError, match=rf"Split train lacks 1 photo of 18: {name}; .*--skip-missing"):
        coco.open_dataset(tmp_path, ("train",), False)
    assert f"left out: {name}" in " ".join(coco.open_dataset(tmp_path, ("train",), True).notes)


def unknown_image(data):
    data["annotations"][6]["image_id"] = 99


def no_caption(data):
    del data["annotations"][6]["caption"]


def number_as_caption(data):
    data["annotations"][6]["caption"] = 7


def list_as_id(data):
    data["annotations"][6]["image_id"] = [1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (unknown_image, r"annotation 7: expected a caption and an image_id that images has; .*not instances_"),
        (no_caption, "annotation 7: expected a caption and an image_id"),
        (list_as_id, "annotation 7: expected a caption and an image_id"),
        (number_as_caption, "annotation 7: the caption must be a text"),
        (lambda data: data["annotations"].insert(6, None), "annotation 7: expected a caption and an image_id"),
        (lambda data: data["images"][6].pop("file_name"), "image 7: expected an id of its own and a file_name"),
        (lambda data: data["images"][6].update(id=100), "image 7: expected an id of its own and a file_name"),
        (lambda data: data["images"][6].update(file_name=3), "image 7: expected an id of its own and a file_name"),
        (lambda data: data.pop("annotations"), 'has no lists "images" and "annotations"'),
        (lambda data: data.update(images={}), 'has no lists "images" and "annotations"'),
        (lambda data: data["annotations"].clear(), r"captions_train2017\.json: holds no caption"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, sentence):
    write_coco(tmp_path / "captions_train2017.json", TRAIN, change)
    write_photos(tmp_path / "train2017", TRAIN)
    with pytest.raises(InputError, match=sentence):
        coco.open_dataset(tmp_path, ("train",), False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"images": [', r"captions_train2017\.json, line 1, column 13: not JSON \(Expecting value\); .* cut short"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", 'has no lists "images" and "annotations"'),
        ("", "line 1, column 1: not JSON"),
    ],
)
def test_a_file_that_is_not_of_coco(tmp_path, text, sentence):
    write_text(tmp_path / "captions_train2017.json", text)
    write_photos(tmp_path / "train2017", TRAIN)
    with pytest.raises(InputError, match=sentence):
        coco.open_dataset(tmp_path, ("train",), False)
