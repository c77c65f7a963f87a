"""Test the reader of users' own photos and captions: layouts of tables and folders, and damaged or unusual lines."""

import unicodedata

import pytest
from copies import names_of, write_photos, write_text

from numpy_sat.data import folder
from numpy_sat.system.errors import InputError

NAMES = [f"{k}.jpg" for k in range(16)]
SPLIT = (
    "There are no split lists beside {}; its images were split 12/2/2 (train/dev/test) in the order of the SHA-256 of "
    "their names."
)


def table(*more, names=NAMES, caption="a dog runs"):
    """Return a table of captions with further lines."""
    return "\n".join(["image,caption", *(f"{name},{caption}" for name in names), *more, ""])


def captions_of(root, name, splits=folder.SPLITS):
    dataset = folder.open_dataset(root, splits, False)
    (captions,) = [image.captions for images in dataset.splits.values() for image in images if image.name == name]
    return captions


# Shapes of tables


@pytest.mark.parametrize(
    "text",
    [
        "image,caption\n{}",
        "\ufeffimage,caption\n{}",
        "Image , Caption\n{}",
        "\n\nimage,caption\n\n{}\n,\n",
        "filename,comment\n{}",
        "file,description\n{}",
        "image,caption,\n{}",  # a column without a name, as spreadsheets write
    ],
)
def test_headers(tmp_path, text):
    write_photos(tmp_path, NAMES)
    rows = "".join(f'{name},"a dog, running"\n' for name in NAMES)
    write_text(tmp_path / "captions.csv", text.format(rows if ",\n{}" not in text else rows.replace("\n", ",\n")))
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    assert dataset.notes == (SPLIT.format("captions.csv"),) and dataset.name == "folder"
    assert {image.captions for images in dataset.splits.values() for image in images} == {("a dog, running",)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("has_index", [False, True])
def test_delimiters_line_ends_and_index_columns(tmp_path, delimiter, end, has_index):
    rows = [["image", "caption"], *([name, f'"the ""big"" dog{delimiter} alone"'] for name in NAMES)]
    rows = [[str(k - 1) if k else "", *row] for k, row in enumerate(rows)] if has_index else rows
    write_text(tmp_path / "captions.txt", "".join(delimiter.join(row) + end for row in rows))
    write_photos(tmp_path / "photos", NAMES)
    assert captions_of(tmp_path, "0.jpg") == (f'the "big" dog{delimiter} alone',)


@pytest.mark.parametrize("line", ["{},a dog runs", "{};a dog runs", "0\t{}\ta dog runs", "{}|3|a dog, runs"])
def test_a_table_without_header(tmp_path, line):
    write_text(tmp_path / "captions.csv", "".join(line.format(name) + "\n" for name in NAMES))
    write_photos(tmp_path, NAMES)
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    assert sum(map(len, dataset.splits.values())) == 16
    assert dataset.notes[0] == (
        "captions.csv has no header; its columns were recognized by the photo names in its first line."
    )


@pytest.mark.parametrize("columns", [range(5), range(1, 6)])
def test_several_caption_columns(tmp_path, columns):
    header = ",".join(["file_name", *(f"caption_{k}" for k in columns)])
    write_text(tmp_path / "metadata.csv", header + "\n" + "".join(f"{name},a,b,,d,\n" for name in NAMES))
    write_photos(tmp_path, NAMES)
    assert captions_of(tmp_path, "3.jpg") == ("a", "b", "d")
    assert folder.open_dataset(tmp_path, ("train",), False).notes == (SPLIT.format("metadata.csv"),)


def test_a_table_of_any_name(tmp_path):
    write_text(tmp_path / "holiday.csv", table())
    write_photos(tmp_path, NAMES)
    assert folder.open_dataset(tmp_path, ("train",), False).notes == (SPLIT.format("holiday.csv"),)
    write_text(tmp_path / "work.tsv", "")
    with pytest.raises(InputError, match=r"holds the tables holiday\.csv and work\.tsv; name the one .* captions\.csv"):
        folder.open_dataset(tmp_path, ("train",), False)


def test_two_captions_columns_of_different_names(tmp_path):
    write_text(tmp_path / "captions.csv", "image,description,caption\n" + "".join(f"{n},wrong,a dog\n" for n in NAMES))
    write_photos(tmp_path, NAMES)
    assert captions_of(tmp_path, "3.jpg") == ("a dog",)


# Splits


def test_folders_with_metadata(tmp_path):
    for split, names in (("train", NAMES[:4]), ("validation", NAMES[:2]), ("test", NAMES[:1])):
        write_text(tmp_path / split / "metadata.csv", "file_name,caption_0,caption_1\n")
        with (tmp_path / split / "metadata.csv").open("a") as file:
            file.writelines(f"{name},a {split} dog,a cat\n" for name in names)
        write_photos(tmp_path / split, names)
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    assert names_of(dataset) == {
        "train": [f"train/{name}" for name in NAMES[:4]],
        "dev": ["validation/0.jpg", "validation/1.jpg"],
        "test": ["test/0.jpg"],
    }
    assert dataset.notes == () and dataset.splits["test"][0].captions == ("a test dog", "a cat")
    assert dataset.splits["dev"][0].path == tmp_path / "validation" / "0.jpg"
    assert list(folder.read_captions(tmp_path, "test")) == ["test/0.jpg"]


def test_one_table_of_photos_in_the_folders_of_splits(tmp_path):
    names = [f"train/{name}" for name in NAMES] + ["val/0.jpg"]
    write_text(tmp_path / "metadata.csv", table(names=names))
    write_photos(tmp_path, names)
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    assert names_of(dataset)["dev"] == ["val/0.jpg"] and len(dataset.splits["test"]) == 2
    assert dataset.notes == (
        "There is no split test; held out instead: 2 images of 16 in train, in the order of the SHA-256 of their "
        "names.",
    )


def test_folders_that_are_no_splits(tmp_path):
    names = [f"{'train' if k < 8 else 'bus'}/{name}" for k, name in enumerate(NAMES)]  # photos of trains and of buses
    write_text(tmp_path / "captions.csv", table(names=names))
    write_photos(tmp_path, names)
    assert folder.open_dataset(tmp_path, ("train",), False).notes == (SPLIT.format("captions.csv"),)


def test_a_split_column(tmp_path):
    rows = [f"{name},{split},a dog" for name, split in zip(NAMES, ["train"] * 13 + ["val", "test", ""], strict=True)]
    write_text(tmp_path / "captions.csv", "\n".join(["image,split,caption", *rows]))
    write_photos(tmp_path, NAMES)
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    assert names_of(dataset) == {"train": NAMES[:13], "dev": NAMES[13:14], "test": NAMES[14:15]}
    assert dataset.notes == ("Left out: 1 photo with captions but in no split.",)


def test_a_split_need_not_be_repeated(tmp_path):
    rows = [
        f"{name},{split},a dog\n{name},,a cat" for name, split in zip(NAMES, ["train"] * 14 + ["val"] * 2, strict=True)
    ]
    write_text(tmp_path / "captions.csv", "\n".join(["image,split,caption", *rows]))
    write_photos(tmp_path, NAMES)
    assert names_of(folder.open_dataset(tmp_path, ("dev",), False)) == {"dev": NAMES[14:]}
    write_text(tmp_path / "captions.csv", "\n".join(["image,split,caption", *rows, "3.jpg,val,a dog"]))
    with pytest.raises(InputError, match=r"line 34: 3\.jpg is in split dev, and before in train; an image must"):
        folder.open_dataset(tmp_path, ("dev",), False)


def test_the_splits_depend_on_the_names_alone(tmp_path):
    write_text(tmp_path / "captions.csv", table())
    write_photos(tmp_path, NAMES)
    splits = names_of(folder.open_dataset(tmp_path, folder.SPLITS, False))
    assert splits["dev"] == ["0.jpg", "5.jpg"]  # must never change: scores depend on it
    write_text(tmp_path / "captions.csv", table(names=NAMES[::-1]))
    (tmp_path / "1.jpg").unlink()
    without_photo = names_of(folder.open_dataset(tmp_path, folder.SPLITS, True))
    assert all(set(splits[split]) - set(without_photo[split]) <= {"1.jpg"} for split in folder.SPLITS)
    absolute = [rf"C:\Users\me\{name}" if k % 2 else f"/home/me/{name}" for k, name in enumerate(NAMES)]
    write_photos(tmp_path, NAMES)
    write_text(tmp_path / "captions.csv", table(names=absolute))
    assert names_of(folder.open_dataset(tmp_path, folder.SPLITS, False)) == splits


# Names of photos


@pytest.mark.parametrize(
    ("name", "file", "is_noted"),
    [
        ("photo.jpg", "photos/2024/june/photo.jpg", False),
        ("./june/photo.jpg", "june/photo.jpg", False),
        (r"june\photo.jpg", "june/photo.jpg", False),
        ("june/photo.jpg", "photos/photo.jpg", False),
        ("photo.jpg", "photo.JPG", True),
        ("Photo.JPEG", "photo.jpeg", True),
        ("photo", "photo.png", True),
        ("photo.v2", "photo.v2.jpg", True),
        ("photo.jpg", "photo.webp", True),
        (unicodedata.normalize("NFC", "café.jpg"), unicodedata.normalize("NFD", "café.jpg"), True),
    ],
)
def test_names_that_differ_from_the_files(tmp_path, name, file, is_noted):
    write_text(tmp_path / "captions.csv", table(f"{name},a special dog"))
    write_photos(tmp_path, [*NAMES, file])
    dataset = folder.open_dataset(tmp_path, folder.SPLITS, False)
    (path,) = [image.path for images in dataset.splits.values() for image in images if "special" in image.captions[0]]
    assert path == tmp_path / file
    assert any("1 photo has another name than in the captions, such as" in note for note in dataset.notes) == is_noted


def test_a_file_that_another_name_has_exactly_is_left_to_it(tmp_path):
    write_text(tmp_path / "captions.csv", table("0.png,a cat"))
    write_photos(tmp_path, NAMES)
    with pytest.raises(InputError, match=r"Split \w+ lacks 1 photo of \d+: 0\.png"):
        folder.open_dataset(tmp_path, folder.SPLITS, False)


@pytest.mark.parametrize(
    ("names", "files", "sentence"),
    [
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"], "a.jpg may be x/a.jpg or y/a.jpg; write the folder and the suffix"),
        (["a"], ["a.jpg", "a.png"], r"a may be (a.jpg or a.png|a.png or a.jpg); write the folder and the suffix"),
        (["A.jpg", "a.JPG"], ["a.jpg"], "A.jpg and a.JPG both name the photo a.jpg; use one spelling"),
    ],
)
def test_ambiguous_names(tmp_path, names, files, sentence):
    write_text(tmp_path / "captions.csv", table(*(f"{name},a cat" for name in names)))
    write_photos(tmp_path, [*NAMES, *files])
    with pytest.raises(InputError, match=sentence):
        folder.open_dataset(tmp_path, folder.SPLITS, False)


def test_files_that_are_no_photos_are_ignored(tmp_path):
    write_text(tmp_path / "captions.csv", table())
    write_photos(tmp_path, [*NAMES, "._0.jpg", "__MACOSX/0.jpg", ".trash/old.jpg", "Thumbs.db", "notes.txt"])
    assert folder.open_dataset(tmp_path, ("train",), False).notes == (SPLIT.format("captions.csv"),)


# Unusual lines that are noted

ODDITIES = {  # {kind: (further lines, the note)}
    "empty caption": ("3.jpg,\n3.jpg,  ", "Left out: 2 empty captions of captions.csv (first in line 18)."),
    "missing value": (
        "3.jpg,nan\n4.jpg,NULL",
        'Left out: 2 captions of captions.csv that a program wrote for a missing value, such as "nan" (first in line '
        "18).",
    ),
    "no word": ("3.jpg,...!", "Left out: 1 caption of captions.csv without any letter or digit (line 18)."),
    "repeated line": (
        "3.jpg,a dog runs",
        "captions.csv gives an image the same words again, in 1 caption (line 18); all of them count.",
    ),
    "line break": (
        '3.jpg,"a dog\nruns"',
        "captions.csv has a line break inside 1 caption (line 18); look for a quote that is never closed.",
    ),
    "swallowed lines": (
        '3.jpg,"a dog\n' + "4.jpg,a cat sits\n" * 40 + '5.jpg,a dog"',
        "captions.csv has more than 100 words in 1 caption (line 18); look for a quote that is never closed.",
    ),
    "control characters": (
        "3.jpg,a \x1b[2Jdog\x07",
        "captions.csv has control characters in 1 caption (line 18); they separate words.",
    ),
    "HTML": (
        "3.jpg,salt &amp; pepper\n4.jpg,a <b>big</b> dog\n5.jpg,Tom & Jerry; 1 < 2",
        "captions.csv has HTML in 2 captions (first in line 18), which is read as words; replace it by the characters "
        "that it stands for.",
    ),
    "lost characters": (
        "3.jpg,a caf\ufffd",
        "captions.csv has the sign for a lost character, \ufffd, in 1 caption (line 18); convert the original file to "
        "UTF-8 again.",
    ),
    "converted twice": (
        "3.jpg,a cafÃ©\n4.jpg,« un été » é\u00a0»\n5.jpg,it â€™s",
        "captions.csv has letters that were converted to UTF-8 twice, in 2 captions (first in line 18); convert the "
        "original file once.",
    ),
    "photo without caption": ("", "Left out: 1 photo without captions: sub/alone.jpg."),
    "name with a suffix of a second download": (
        "3.jpg.1,a dog",
        "Left out: the captions of 1 name with neither photo nor split.",
    ),
}


@pytest.mark.parametrize("kind", ODDITIES)
def test_dirt_that_is_noted(tmp_path, kind):
    lines, note = ODDITIES[kind]
    write_text(tmp_path / "captions.csv", table(lines))
    write_photos(tmp_path, [*NAMES, *(["sub/alone.jpg"] if kind == "photo without caption" else [])])
    notes = folder.open_dataset(tmp_path, folder.SPLITS, False).notes
    assert note in notes
    others = [other for other in notes if other not in (note, SPLIT.format("captions.csv"))]
    assert not others or kind == "swallowed lines"  # which also has a line break


@pytest.mark.parametrize("caption", ["一只狗在草地上奔跑", "犬が草の上を走っている", "สุนัขวิ่งบนหญ้า"])
def test_captions_without_blanks_are_noted(tmp_path, caption):
    write_text(tmp_path / "captions.csv", table(caption=caption))
    write_photos(tmp_path, NAMES)
    note = folder.open_dataset(tmp_path, ("train",), False).notes[-1]
    assert note.startswith(f"12 captions without a blank, such as {caption}: words are separated by blanks here")


# Lines that are refused

REFUSED = {  # {kind: (lines after the table, the sentence)}
    "too many fields": (
        "3.jpg,a dog, a cat",
        r"captions\.csv, line 18: expected 2 fields \(image, caption\), found 3; put a caption that holds commas in "
        "double quotes, and separate the fields by commas",
    ),
    "too few fields": ("3.jpg", r"captions\.csv, line 18: expected 2 fields \(image, caption\), found 1"),
    "neither name nor comma": ("4   a dog runs", r"line 18: expected 2 fields \(image, caption\), found 1"),
    "unclosed quote": ('3.jpg,"a dog\n4.jpg,a cat', r"line 18: unexpected end of data; correct the quotes there"),
    "text after a quote": ('3.jpg,"a dog" runs', r"line 18: ',' expected after '\"'; correct the quotes there"),
    "a caption that never ends": ('3.jpg,"' + 30_000 * "a dog\n", "line 18: field larger than field limit"),
    "no photo name": (" ,a dog", "line 18: a caption without the name of its photo; add the name"),
    "web address": (
        "https://example.org/a.jpg,a dog",
        r"line 18: https://example.org/a.jpg is a web address; download the photo and name its file",
    ),
    "missing photo": ("none.jpg,a dog", r"Split \w+ lacks 1 photo of \d+: none\.jpg; unpack .* --skip-missing"),
    "zero byte": ("3.jpg,a\0dog", "line 18: holds a zero byte, which text never does; the file is damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_dirt_that_is_refused(tmp_path, kind):
    lines, sentence = REFUSED[kind]
    write_text(tmp_path / "captions.csv", table(lines))
    write_photos(tmp_path, NAMES)
    with pytest.raises(InputError, match=sentence):
        folder.open_dataset(tmp_path, folder.SPLITS, False)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (table("3.jpg,a café").encode("latin-1"), r"line 18: the file is not UTF-8 text \(byte 0xe9\); save it as UTF"),
        (table("3.jpg,狗").encode("gb18030"), "line 18: the file is not UTF-8 text"),
        (table().replace("\n", "\r").encode() + b"\xff", "line 18: the file is not UTF-8 text"),
        (table().encode("utf-16"), r"captions\.csv is UTF-16 text; save it as UTF-8"),
        (b"PK\x03\x04" + bytes(100), "is a zip, not text; unpack or download the file again, or export it as CSV"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page, not text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"is a pointer of Git LFS .* git lfs pull"),
        (b"", 'line 1: expected a header such as "image,caption", found ""'),
        (b"image,caption\n", "holds no caption; add captions"),
        (b"id,url\n1,http\n", 'line 1: expected a header such as "image,caption", found "id,url"; name the column of'),
        (table(names=NAMES[:7]).encode(), "7 images with captions, too few to hold out some for validation"),
    ],
)
def test_files_that_are_refused(tmp_path, content, sentence):
    write_text(tmp_path / "captions.csv", content)
    write_photos(tmp_path, NAMES)
    with pytest.raises(InputError, match=sentence):
        folder.open_dataset(tmp_path, folder.SPLITS, False)


def test_folders_that_are_refused(tmp_path):
    with pytest.raises(InputError, match="name their folder with --root"):
        folder.open_dataset(None, ("train",), False)
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        folder.open_dataset(tmp_path / "nowhere", ("train",), False)
    with pytest.raises(InputError, match=r"holds no table of captions; put your photos and a file captions\.csv"):
        folder.open_dataset(tmp_path, ("train",), False)
    (tmp_path / "captions.csv").mkdir()
    with pytest.raises(InputError, match="holds no table of captions"):
        folder.open_dataset(tmp_path, ("train",), False)
    (tmp_path / "captions.csv").rmdir()
    write_text(tmp_path / "captions.csv", table())
    with pytest.raises(InputError, match="holds no photo; put your photos"):
        folder.open_dataset(tmp_path, ("train",), False)
    with pytest.raises(InputError, match="is a file, not a folder"):
        folder.open_dataset(tmp_path / "captions.csv", ("train",), False)
    write_photos(tmp_path, NAMES)
    with pytest.raises(InputError, match='no split "val"; choose among train, dev, test'):
        folder.open_dataset(tmp_path, ("val",), False)


def test_an_unreadable_folder_among_the_photos_is_skipped(tmp_path, deny):
    write_text(tmp_path / "captions.csv", table())
    write_photos(tmp_path, NAMES)
    deny(tmp_path / "private")
    assert folder.open_dataset(tmp_path, ("train",), False).notes == (SPLIT.format("captions.csv"),)


def test_links_that_lead_nowhere_are_skipped(tmp_path):
    write_text(tmp_path / "captions.csv", table())
    write_photos(tmp_path / "photos", NAMES)
    for name in ("0-itself", "1-itself"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "photos" / name)
    (tmp_path / "photos" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "photos" / "up").symlink_to(tmp_path)
    notes = folder.open_dataset(tmp_path, ("train",), False).notes
    assert notes == (SPLIT.format("captions.csv"), "Left out: 1 photo without captions: photos/gone.jpg.")
