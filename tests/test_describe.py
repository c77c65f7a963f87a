"""Test the command that describes a data set of photos, and a run on a user's own photos from start to end."""

import json
import shlex

import numpy as np
import pytest
from copies import write_text
from PIL import Image

from numpy_sat import caption, describe, evaluate, train
from numpy_sat.data import catalog
from numpy_sat.data.flickr8k import flickr8k


@pytest.fixture
def folder(tmp_path, tiny_preset):
    """Return a folder of 24 small photos with two captions each."""
    root = tmp_path / "my photos"
    rng = np.random.default_rng(0)
    lines = ["photo;caption"]
    for k in range(24):
        (root / "2024").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(root / "2024" / f"{k}.png")
        lines += [f"{k}.png;a dog runs on the grass", f"{k}.png;two dogs, number {k}"]
    write_text(root / "captions.csv", "\n".join(lines))
    return root


def described(capsys, *argv):
    """Run the command, and return its exit code and what it prints, its error message after the rest."""
    capsys.readouterr()
    code = describe.main([str(argument) for argument in argv])
    captured = capsys.readouterr()
    return code, captured.out + captured.err * (code != 0)


def test_a_folder_from_its_description_to_a_caption(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = described(capsys, "--root", folder)
    assert code == 0
    assert "train: 18 images, 36 captions\ndev: 3 images, 6 captions\ntest: 3 images, 6 captions\n" in text
    command = text.splitlines()[-1]
    assert command == f"  python -m numpy_sat.train --small --data folder --root '{folder}'"
    assert train.main([*shlex.split(command)[3:], "--epochs", "1", "--set", "min_word_count=1"]) == 0
    run = tmp_path / "runs" / "folder-small"
    # The paper's rows are not printed for users' own photos, even if the photos have the names of Flickr8k's.
    monkeypatch.setattr(flickr8k, "is_official", lambda split, names: True)
    assert evaluate.main([str(run), "--split", "test"]) == 0
    printed = " ".join(capsys.readouterr().out.split())  # long lines are wrapped
    assert "its captions of folder, test" in printed and "Xu et al." not in printed
    rows = json.loads((run / "evaluate-test.json").read_text())["rows"]
    assert rows and not any(row["kind"] == "paper" for row in rows)
    assert caption.main([str(run), str(folder / "2024" / "3.png")]) == 0


def test_damaged_and_missing_photos_are_reported(folder, capsys):
    (folder / "2024" / "5.png").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert "Split train has damaged photos, 1 of 18; left out: 5.png." in described(capsys, "--root", folder)[1]
    (folder / "2024" / "6.png").unlink()
    code, text = described(capsys, "--root", folder)
    assert code == 0 and "lacks 1 photo of" in text and "left out: 6.png." in text
    assert text.endswith(f"--data folder --root '{folder}' --skip-missing --skip-damaged\n")


def test_the_photos_of_the_test_set_are_not_needed(folder, capsys):
    for image in catalog.open_dataset("folder", folder, ("test",)).splits["test"]:
        image.path.unlink()
    code, text = described(capsys, "--root", folder)
    assert code == 0 and "test:" not in text and "Split test, not used here, lacks 3 photos of 3." in text
    assert text.endswith(f"--root '{folder}'\n")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "--data folder reads your own photos and captions: name their folder with --root"),
        (["--root", "nowhere"], "nowhere: there is no such folder"),
        (["--data", "flickr30k", "--root", "."], "does not hold the data set: looked for dataset_flickr30k.json"),
        (["--data", "coco"], "there is no such folder"),
    ],
)
def test_folders_that_cannot_be_described(argv, sentence, capsys, tiny_preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = described(capsys, *argv)
    assert code == 2 and sentence in text


@pytest.mark.parametrize("name", ["flickr30k", "coco", "folder"])
def test_the_data_sets_of_photos_share_recipes(name, capsys):
    for more in (["--small"], [], ["--encoder", "lite0"]):
        with pytest.raises(SystemExit):
            train.main(["--data", name, *more, "--set", "help"])
        text = capsys.readouterr().out
        with pytest.raises(SystemExit):
            train.main(["--data", "flickr8k", *more, "--set", "help"])
        assert capsys.readouterr().out == text != ""
