"""Test the reader of Flickr8k: both layouts, their known irregularities, and unusable copies."""

import csv

import pytest

from numpy_sat.data.captioned_photos import split_lists
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.system.errors import InputError

LISTS = {"train": ["c.jpg", "a.jpg", "b.jpg"], "dev": ["d.jpg"], "test": ["e.jpg"]}
NAMES = "abcde"


def write_photos(folder, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.jpg").write_bytes(b"not opened by the reader")


def write_lists(folder, lists=LISTS):
    for split, names in lists.items():
        (folder / f"Flickr_8k.{split}Images.txt").write_text("\n".join(names) + "\n")


def write_tokens(folder, extra=""):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}.jpg#{i}\tImage {name} , caption {i} . \n" for name in NAMES for i in range(2)]
    (folder / "Flickr8k.token.txt").write_text("".join(lines) + extra, encoding="utf-8")


def write_csv(folder, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "captions.txt").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption"])
        writer.writerows([f"{name}.jpg", f'A "big" image, of {name} '] for name in names)


@pytest.fixture
def zips(tmp_path):
    """Return a folder in the authors' layout, with both zips unpacked side by side."""
    write_photos(tmp_path / "Flicker8k_Dataset")
    write_tokens(tmp_path / "Flickr8k_text")
    write_lists(tmp_path / "Flickr8k_text")
    return tmp_path


@pytest.fixture
def tokens(zips):
    return zips / "Flickr8k_text" / "Flickr8k.token.txt"


def names_of(dataset):
    return {split: [image.name for image in images] for split, images in dataset.splits.items()}


def test_splits_are_read_in_list_order(zips):
    dataset = flickr8k.read(zips)
    assert names_of(dataset) == {"train": ["c.jpg", "a.jpg", "b.jpg"], "dev": ["d.jpg"]}
    assert (dataset.name, dataset.root, dataset.notes) == ("flickr8k", zips, ())
    first = dataset.splits["train"][0]
    assert first.path == zips / "Flicker8k_Dataset" / "c.jpg"
    assert first.captions == ("Image c , caption 0 .", "Image c , caption 1 .")  # the trailing blank is gone


def test_other_splits_and_a_different_name(zips):
    dataset = flickr8k.read(str(zips), splits=["test"], name="scenes")
    assert dataset.name == "scenes"
    assert names_of(dataset) == {"test": ["e.jpg"]}


def test_captions_are_read_without_photos(zips):
    for name in "abc":
        (zips / "Flicker8k_Dataset" / f"{name}.jpg").unlink()
    captions = flickr8k.read_captions(zips, "train")
    assert list(captions) == LISTS["train"]
    assert captions["a.jpg"] == ["Image a , caption 0 .", "Image a , caption 1 ."]
    write_lists(zips / "Flickr8k_text", {"train": ["z.jpg"]})
    with pytest.raises(InputError, match=r"no caption for 1 image that split train lists: z\.jpg"):
        flickr8k.read_captions(zips, "train")
    with pytest.raises(InputError, match='no split "tests"'):
        flickr8k.read_captions(zips, "tests")


@pytest.mark.parametrize(
    ("photos", "text"),
    [
        ("Flickr8k_Dataset", "."),
        ("Flickr8k_Dataset/Flicker8k_Dataset", "Flickr8k_text"),
        ("Flicker8k_Dataset", "."),
        ("flickr8k/Flicker8k_Dataset", "flickr8k/Flickr8k_text"),
    ],
)
def test_zips_may_be_unpacked_into_subfolders(tmp_path, photos, text):
    write_photos(tmp_path / photos)
    write_tokens(tmp_path / text)
    write_lists(tmp_path / text)
    assert flickr8k.read(tmp_path).splits["dev"][0].path == tmp_path / photos / "d.jpg"


def test_files_of_macos_are_ignored(tmp_path):
    write_photos(tmp_path / "flickr8k" / "Flicker8k_Dataset")
    write_tokens(tmp_path / "flickr8k" / "Flickr8k_text")
    write_lists(tmp_path / "flickr8k" / "Flickr8k_text")
    litter = tmp_path / "__MACOSX"  # comes first by name
    write_photos(litter / "Flicker8k_Dataset", ["._a"])
    litter.joinpath("Flickr8k.token.txt").write_bytes(b"\x00\x05\x16\x07")
    assert len(flickr8k.read(tmp_path).splits["train"]) == 3


def test_windows_line_endings_and_blank_lines(zips, tokens):
    for file in tokens.parent.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    dataset = flickr8k.read(zips)
    assert names_of(dataset)["train"] == ["c.jpg", "a.jpg", "b.jpg"]
    assert dataset.splits["dev"][0].captions[0] == "Image d , caption 0 ."


def test_known_irregularities_are_noted(zips):
    write_tokens(zips / "Flickr8k_text", extra="x.jpg.1#0\tNo file .\nf.jpg#0\tNo split .\na.jpg#2\t \na.jpg#3\ta\n")
    write_photos(zips / "Flicker8k_Dataset", "f")
    dataset = flickr8k.read(zips)
    assert dataset.splits["train"][1].captions[2:] == ("a",)
    assert dataset.notes == (
        "Left out: 1 empty caption of Flickr8k.token.txt (line 13).",
        "Left out: 1 photo with captions but in no split.",
        "Left out: the captions of 1 name with neither photo nor split.",
    )


def test_identical_photos_are_both_kept(zips):
    assert len(flickr8k.read(zips).splits["train"]) == 3  # all the photos of these tests are identical


def test_missing_photos_of_an_unused_split_are_noted(zips):
    (zips / "Flicker8k_Dataset" / "e.jpg").unlink()
    assert flickr8k.read(zips).notes == ("Split test, not used here, lacks 1 photo of 1.",)


def test_missing_photos_of_a_split(zips):
    for name in ("c.jpg", "a.jpg"):
        (zips / "Flicker8k_Dataset" / name).unlink()
    with pytest.raises(InputError, match=r"Split train lacks 2 photos of 3: c\.jpg, a\.jpg; unpack .*--skip-missing"):
        flickr8k.read(zips)
    dataset = flickr8k.read(zips, skip_missing=True)
    assert names_of(dataset)["train"] == ["b.jpg"]
    assert dataset.notes == ("Split train lacks 2 photos of 3; left out: c.jpg, a.jpg.",)


def test_a_split_without_any_photo_is_refused(zips):
    (zips / "Flicker8k_Dataset" / "d.jpg").unlink()
    with pytest.raises(InputError, match="split dev has no image at all"):
        flickr8k.read(zips, skip_missing=True)


def test_a_message_lists_only_the_first_names(zips, tokens):
    write_lists(tokens.parent, {"train": ["p.jpg", "q.jpg", "r.jpg", "s.jpg", "a.jpg"]})
    with pytest.raises(
        InputError, match=r"no caption for 4 images that split train lists: p.jpg, q.jpg, r.jpg, and more;"
    ):
        flickr8k.read(zips)


@pytest.mark.parametrize("line", ["a.jpg#0 no tab", "a.jpg\tno number", "#0\tno name", "a.jpg#x\twrong number"])
def test_a_malformed_token_line_is_refused(zips, tokens, line):
    write_tokens(tokens.parent, extra=line + "\n")
    with pytest.raises(InputError, match=r'Flickr8k.token.txt, line 11: expected "name.jpg#0", a tab and a caption'):
        flickr8k.read(zips)


@pytest.mark.parametrize("name", ["Flickr8k.token.txt", "Flickr_8k.devImages.txt"])
def test_text_that_is_not_utf8_is_refused(zips, tokens, name):
    file = tokens.parent / name
    file.write_bytes(b"a.jpg#0\tgood\na.jpg#1\tcaf\xe9\n")
    with pytest.raises(InputError, match=f"{name}, line 2: the file is not UTF-8 text"):
        flickr8k.read(zips)


def test_a_missing_split_list_is_refused(zips, tokens):
    (tokens.parent / "Flickr_8k.devImages.txt").unlink()
    with pytest.raises(InputError, match=r"lacks the split list Flickr_8k\.devImages\.txt"):
        flickr8k.read(zips)
    assert names_of(flickr8k.read(zips, splits=["train"])) == {"train": LISTS["train"]}


def test_an_image_in_two_splits_is_refused(zips, tokens):
    write_lists(tokens.parent, {"test": ["e.jpg", "a.jpg"]})
    with pytest.raises(InputError, match=r"testImages\.txt: a\.jpg is already listed in split train"):
        flickr8k.read(zips)


def test_an_unknown_split_is_refused(zips):
    with pytest.raises(InputError, match='no split "val"; choose among train, dev, test'):
        flickr8k.read(zips, splits=["train", "val"])


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        flickr8k.read(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "Flickr8k.zip").touch()
    with pytest.raises(InputError, match="is a file, not a folder; unpack"):
        flickr8k.read(tmp_path / "Flickr8k.zip")


def test_an_unreadable_neighbor_folder_is_skipped(zips, deny):
    deny(zips / "Another_folder")
    assert len(flickr8k.read(zips).splits["train"]) == 3


def test_a_folder_of_neither_layout(tmp_path):
    with pytest.raises(InputError, match=r"looked for Flickr8k\.token\.txt with .* found nothing"):
        flickr8k.read(tmp_path)
    write_tokens(tmp_path)
    (tmp_path / "Flicker8k_Dataset").mkdir()
    (tmp_path / "Flicker8k_Dataset" / "readme.txt").touch()
    with pytest.raises(InputError, match=r"folder Images; found Flicker8k_Dataset, Flickr8k\.token\.txt\. Unpack"):
        flickr8k.read(tmp_path)


def test_a_copy_without_lists_is_split_by_hash(tmp_path):
    names = [f"n{i}" for i in range(20)]
    write_csv(tmp_path, names)
    write_photos(tmp_path / "Images", names)
    dataset = flickr8k.read(tmp_path, splits=flickr8k.SPLITS)
    assert dataset.notes == (
        "There are no split lists beside captions.txt; its images were split 16/2/2 (train/dev/test) "
        "in the order of the SHA-256 of their names.",
    )
    assert [len(images) for images in dataset.splits.values()] == [16, 2, 2]
    all_names = [name for names in names_of(dataset).values() for name in names]
    assert sorted(all_names) == sorted(f"{name}.jpg" for name in names)
    assert names_of(dataset)["dev"] == ["n0.jpg", "n6.jpg"]  # must never change: published scores depend on it
    assert dataset.splits["dev"][0].captions == ('A "big" image, of n0',)
    assert list(flickr8k.read_captions(tmp_path, "train")) == names_of(dataset)["train"]
    write_csv(tmp_path, names[::-1])
    assert names_of(flickr8k.read(tmp_path, splits=flickr8k.SPLITS)) == names_of(dataset)


def test_the_complete_single_zip_has_1000_images_in_dev_and_test():
    lists = split_lists.hash_splits({f"{i}.jpg": ["a"] for i in range(8091)} | {"x.jpg.1": ["dirt"]})
    assert [len(names) for names in lists.values()] == [6091, 1000, 1000]


def test_the_single_zip_may_have_the_official_lists(tmp_path):
    write_csv(tmp_path / "below")
    write_photos(tmp_path / "below" / "Images")
    write_lists(tmp_path / "below")
    dataset = flickr8k.read(tmp_path)
    assert names_of(dataset) == {"train": LISTS["train"], "dev": LISTS["dev"]}
    assert dataset.notes == ()


def test_the_single_zip_with_some_lists_is_refused(tmp_path):
    write_csv(tmp_path)
    write_photos(tmp_path / "Images")
    write_lists(tmp_path, {"train": LISTS["train"]})
    with pytest.raises(InputError, match=r"lacks the split list Flickr_8k\.devImages\.txt"):
        flickr8k.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a.jpg\n", 'line 1: expected a header such as "image,caption", found "a.jpg"'),
        ("", 'found ""'),
        (
            "image,caption\na.jpg,a dog, a cat\n",
            r"line 2: expected 2 fields \(image, caption\), found 3; put a caption that",
        ),
        ('image,caption\na.jpg,"a dog\n', "line 2: unexpected end of data; correct the quotes"),
    ],
)
def test_a_malformed_csv_is_refused(tmp_path, text, sentence):
    write_photos(tmp_path / "Images")
    (tmp_path / "captions.txt").write_text(text)
    with pytest.raises(InputError, match=sentence):
        flickr8k.read(tmp_path)


@pytest.mark.parametrize(
    ("caption", "is_noted"),
    [
        ("一只狗在草地上奔跑", True),
        ("一只狗，在草地上奔跑。", True),
        ("犬が草の上を走っている", True),
        ("สุนัขวิ่งบนหญ้า", True),
        ("一 只 狗 在 草地 上 奔跑", False),
        ("개가 풀밭을 달린다", False),
        ("dog", False),
    ],
)
def test_captions_without_blanks_between_words_are_noted(tmp_path, caption, is_noted):
    write_photos(tmp_path / "Images", [f"n{i}" for i in range(20)])
    lines = [f"n{i}.jpg,{caption}\n" for i in range(20)]
    (tmp_path / "captions.txt").write_text("image,caption\n" + "".join(lines), encoding="utf-8")
    notes = [note for note in flickr8k.read(tmp_path).notes if "without a blank" in note]
    assert len(notes) == is_noted and all(caption in note and "each whole phrase" in note for note in notes)


def test_official_splits_are_recognized(flickr8k_folder, zips):
    for split in flickr8k.SPLITS:
        names = list(flickr8k.read_captions(flickr8k_folder, split))
        assert flickr8k.is_official(split, names[::-1])
        assert not flickr8k.is_official(split, names[1:])
        assert not flickr8k.is_official(split, flickr8k.read_captions(zips, split))


def test_real_data(flickr8k_folder):
    dataset = flickr8k.read(flickr8k_folder)
    assert {split: len(images) for split, images in dataset.splits.items()} == {"train": 6000, "dev": 1000}
    assert dataset.splits["train"][0].name == "2513260012_03d33305cf.jpg"
    assert all(len(image.captions) == 5 for images in dataset.splits.values() for image in images)


def test_real_test_split_without_photos(flickr8k_folder):
    if "Split test, not used here, lacks 1,000 photos of 1,000." not in flickr8k.read(flickr8k_folder).notes:
        pytest.skip("this copy has the photos of the test split")
    with pytest.raises(InputError, match=r"Split test lacks 1,000 photos of 1,000: 3385593926_d3e9c21170\.jpg, "):
        flickr8k.read(flickr8k_folder, splits=["test"])
