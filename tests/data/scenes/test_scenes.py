"""Test the images of scenes, their files, and the measures on their boxes."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from numpy_sat.data.scenes import scene_language as language
from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Group, Scene, SceneObject
from numpy_sat.system import machine, processes
from numpy_sat.system.errors import InputError

SIZES = {"train": 12, "dev": 4, "test": 3}


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "new folder" / "scenes"
    scenes.write(root, seed=3, **SIZES)
    return root


@pytest.fixture(scope="module")
def many():
    return [scenes.random_scene(np.random.default_rng([7, index])) for index in range(500)]


def test_same_seed_gives_same_bytes(root, tmp_path):
    scenes.write(tmp_path / "again", seed=3, **SIZES)
    assert contents(tmp_path / "again") == contents(root)


@pytest.fixture
def two_processes(monkeypatch):
    """Draw every data set in two processes."""
    monkeypatch.setattr(machine, "THREADS", 2)
    monkeypatch.setattr(scenes, "PART", 5)


def test_two_processes_write_the_same_bytes(root, tmp_path, two_processes):
    scenes.write(tmp_path / "again", seed=3, **SIZES)
    assert contents(tmp_path / "again") == contents(root)


def test_a_process_that_draws_needs_no_kernels():
    code = "import sys; from numpy_sat.data.scenes import scenes; print({'numba', 'matplotlib'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_an_error_of_a_process_leaves_no_files(tmp_path, two_processes, monkeypatch):
    monkeypatch.setattr(processes, "CODE", "import os; os._exit(3)")
    with pytest.raises(InputError, match="drawing scenes: a process ended with exit code 3"):
        scenes.write(tmp_path / "scenes", **SIZES)
    assert not list(tmp_path.iterdir())


def test_different_seeds_give_different_images(root, tmp_path):
    scenes.write(tmp_path / "other", seed=4, **SIZES)
    files, other_files = contents(root), contents(tmp_path / "other")
    assert not any(files[name] == other_files[name] for name in files if name.endswith(".jpg"))


def test_captions_of_a_seed_never_change():
    """Check the captions of 30 scenes. If they change on purpose, scenes.VERSION and this digest change, too."""
    captions = "\n".join(caption.text for index in range(30) for caption in scenes.sample(0, index)[2])
    assert (scenes.VERSION, hashlib.sha256(captions.encode()).hexdigest()[:16]) == (5, "6d4482a28a05184d")


def test_layout_equals_flickr8k(root):
    names = [path.name for path in sorted((root / "Flicker8k_Dataset").iterdir())]
    assert len(names) == sum(SIZES.values())
    split_names = []
    for split, size in SIZES.items():
        lines = (root / "Flickr8k_text" / f"Flickr_8k.{split}Images.txt").read_text().splitlines()
        assert len(lines) == size
        split_names += lines
    assert split_names == names
    tokens = [line.split("\t") for line in (root / "Flickr8k_text" / "Flickr8k.token.txt").read_text().splitlines()]
    assert [key for key, _ in tokens] == [f"{name}#{number}" for name in names for number in range(5)]
    with Image.open(root / "Flicker8k_Dataset" / names[0]) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (128, 128), "RGB")
    assert [path.name for path in root.parent.iterdir()] == [root.name]  # the draft is removed


def test_scenes_and_links_on_disk_match_the_captions_on_disk(root):
    scene_of = scenes.read_scenes(root)
    for line in (root / "Flickr8k_text" / "Flickr8k.token.txt").read_text().splitlines():
        key, caption = line.split("\t")
        name, number = key.split("#")
        verdict = language.judge(caption.lower()[:-2].split(), scene_of[name])
        assert verdict.complete
        assert verdict.links == scene_of[name].links[int(number)]


def test_scenes_survive_json_exactly(root):
    expected = {f"scene_{index:05d}.jpg": scenes.sample(3, index).scene for index in range(sum(SIZES.values()))}
    scene_of = scenes.read_scenes(root)
    assert scene_of == expected
    assert repr(scene_of) == repr(expected)  # the types are equal, too


def test_no_scene_is_repeated_across_splits(root):
    all_scenes = [scene._replace(links=()) for scene in scenes.read_scenes(root).values()]
    assert len(set(all_scenes)) == len(all_scenes)


def test_an_interrupted_run_leaves_no_files(tmp_path, monkeypatch):
    def interrupt(seed, index):
        if index == 2:
            raise KeyboardInterrupt
        return sample(seed, index)

    sample = scenes.sample
    monkeypatch.setattr(scenes, "sample", interrupt)
    with pytest.raises(KeyboardInterrupt):
        scenes.write(tmp_path / "scenes", **SIZES)
    assert not list(tmp_path.iterdir())


def test_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.below"):
        scenes.ensure(tmp_path / "file" / "below")


def test_write_does_not_touch_an_existing_folder(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(InputError, match="mine"):
        scenes.write(tmp_path / "mine", **SIZES)
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("text", [None, "{", "[]", '{"a": {"groups": []}}', "[" * 100_000])
def test_unreadable_scenes_are_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "scenes.json").write_text(text)
    with pytest.raises(InputError, match=r"scenes\.json"):
        scenes.read_scenes(tmp_path)


def test_ensure_writes_only_a_missing_data_set(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(scenes, "write", lambda root, seed: (calls.append((root, seed)), root.mkdir()))
    root = scenes.ensure(tmp_path, seed=5)
    assert root == scenes.ensure(tmp_path, seed=5) == tmp_path / f"scenes-{scenes.VERSION}-5"
    assert calls == [(root, 5)]


def test_ensure_accepts_a_data_set_written_by_another_process(tmp_path, monkeypatch):
    def write_too_late(root, seed):
        root.mkdir()
        raise InputError("cannot write the scenes")

    monkeypatch.setattr(scenes, "write", write_too_late)
    assert scenes.ensure(tmp_path).is_dir()


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Return a folder with a small data set that `ensure` has written."""
    write = scenes.write
    monkeypatch.setattr(scenes, "write", lambda root, seed: write(root, seed, **SIZES))
    scenes.ensure(tmp_path)
    return tmp_path


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [zero, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize(
    "name", ["scenes.json", "Flicker8k_Dataset/scene_00007.jpg", "Flickr8k_text/Flickr8k.token.txt", "checksums.json"]
)
def test_a_damaged_data_set_is_drawn_again(drawn, name, damage, capsys):
    """Check that the damaged one is kept. Without the list of checksums, nothing can be compared."""
    root = scenes.ensure(drawn)
    before = contents(root)
    damage(root / name)
    scenes.ensure(drawn)
    if (root / name).exists() or name != "checksums.json":
        assert contents(root) == before
        assert f"{root}: {name} is damaged; the scenes are drawn again" in capsys.readouterr().err
        assert sorted(path.name for path in drawn.iterdir()) == [root.name, f"{root.name}-damaged"]
    capsys.readouterr()
    scenes.ensure(drawn)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["5", "{", '{"scenes.json": 3}', '{"scenes.json": [1, 2, 3]}', "[" * 100_000])
def test_a_damaged_list_of_checksums(drawn, text, capsys):
    root = scenes.ensure(drawn)
    before = contents(root)
    (root / "checksums.json").write_text(text)
    scenes.ensure(drawn)
    assert contents(root) == before and "the scenes are drawn again" in capsys.readouterr().err


def test_a_copy_with_other_times_is_not_drawn_again(drawn, capsys):
    root = scenes.ensure(drawn)
    for path in root.rglob("*.jpg"):
        path.touch()
    capsys.readouterr()
    assert scenes.ensure(drawn) == root
    assert capsys.readouterr().err == "" and [path.name for path in drawn.iterdir()] == [root.name]


def test_the_draft_of_a_killed_process_is_removed(tmp_path, monkeypatch):
    (tmp_path / f".scenes-{scenes.VERSION}-0-abc" / "below").mkdir(parents=True)
    monkeypatch.setattr(scenes, "write", lambda root, seed: root.mkdir())
    scenes.ensure(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"scenes-{scenes.VERSION}-0"]


def test_what_a_process_left_that_was_killed_after_drawing_is_removed(drawn):
    root = scenes.ensure(drawn)
    (drawn / f".{root.name}-abc").mkdir()
    (drawn / f".{root.name}.lock").touch()
    scenes.ensure(drawn)
    assert [path.name for path in drawn.iterdir()] == [root.name]


def test_every_aspect_occurs(many):
    groups = [group for scene in many for group in scene.groups]
    assert {group.shape for group in groups} == set(language.SHAPES) and len(language.SHAPES) == 4
    assert {group.color for group in groups} == set(language.COLORS) and len(language.COLORS) == 6
    assert {group.size for group in groups} == {"small", "large"}
    assert {scene.background for scene in many} == set(language.BACKGROUNDS)
    counts = {tuple(group.count for group in scene.groups) for scene in many}
    assert counts == {(1,), (2,), (3,), (4,), (1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1)}
    pairs = [scene for scene in many if len(scene.groups) == 2]
    relations = {language.relation_between(scene.boxes([0]), scene.boxes([1])) for scene in pairs}
    assert relations == {"left", "right", "above", "below"}


def test_two_groups_differ_and_are_clearly_separated(many):
    for scene in many:
        if len(scene.groups) == 2:
            first, second = scene.groups
            assert (first.color, first.shape) != (second.color, second.shape)
            first_boxes, second_boxes = np.array(scene.boxes([0])), np.array(scene.boxes([1]))
            gaps = {
                "left": second_boxes[:, 0].min() - first_boxes[:, 2].max(),
                "right": first_boxes[:, 0].min() - second_boxes[:, 2].max(),
                "above": second_boxes[:, 1].min() - first_boxes[:, 3].max(),
                "below": first_boxes[:, 1].min() - second_boxes[:, 3].max(),
            }
            assert gaps[language.relation_between(first_boxes.tolist(), second_boxes.tolist())] >= 6


def test_objects_are_inside_the_image_and_do_not_overlap(many):
    for scene in many:
        covered = np.zeros((128, 128), int)
        for x0, y0, x1, y1 in scene.boxes(range(2)):
            assert 0 <= x0 < x1 <= 128 and 0 <= y0 < y1 <= 128
            covered[y0:y1, x0:x1] += 1
        assert covered.max() == 1
        assert [scene_object.group for scene_object in scene.objects] == [
            i for i, group in enumerate(scene.groups) for _ in range(group.count)
        ]


def test_boxes_are_small_and_sizes_differ(many):
    sides = {"small": [], "large": []}
    for scene in many:
        for group, box in scene.objects:
            sides[scene.groups[group].size].append(box[2] - box[0])
    assert np.mean(np.square(sides["small"] + sides["large"])) < 0.08 * 128**2
    assert max(sides["small"]) + 8 <= min(sides["large"])


@pytest.mark.parametrize("shape", language.SHAPES)
@pytest.mark.parametrize("side", [20, 23, 38])
def test_box_is_tight_around_the_shape(shape, side):
    box = (31, 17, 31 + side, 17 + side)
    scene = Scene((Group(1, "small", "blue", shape),), (SceneObject(0, box),), "plain")
    pixels = np.asarray(scenes.draw(scene, np.random.default_rng(0))).astype(int)
    y, x = np.nonzero(np.abs(pixels - pixels[0, 0]).max(axis=2))
    assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == box


@pytest.mark.parametrize("background", language.BACKGROUNDS)
def test_backgrounds_are_muted_and_objects_vivid(background):
    for index in range(10):
        image = scenes.draw(Scene((), (), background), np.random.default_rng(index))
        assert np.asarray(image.convert("HSV"))[:, :, 1].max() < 0.2 * 255
    for rgb in scenes.RGB.values():
        assert Image.new("RGB", (1, 1), rgb).convert("HSV").getpixel((0, 0))[1] > 0.7 * 255


def test_backgrounds_vary_and_show_their_pattern():
    images = {}
    for background in language.BACKGROUNDS:
        samples = [scenes.draw(Scene((), (), background), np.random.default_rng(index)) for index in range(10)]
        images[background] = np.stack([np.asarray(sample).astype(float).mean(axis=2) for sample in samples])
        assert len(np.unique(images[background].reshape(10, -1), axis=0)) == 10
    contrasts = {background: np.ptp(gray, axis=(1, 2)) for background, gray in images.items()}
    assert (contrasts.pop("plain") == 0).all()
    assert all((contrast > 20).all() for contrast in contrasts.values())


def test_shapes_differ_at_the_input_size():
    """Check that any two small shapes differ in a tenth of their box or more in an image of 64 x 64."""
    masks = []
    for shape in language.SHAPES:
        scene = Scene((Group(1, "small", "red", shape),), (SceneObject(0, (50, 50, 70, 70)),), "plain")
        image = scenes.draw(scene, np.random.default_rng(0)).resize((64, 64), Image.Resampling.BOX)
        pixels = np.asarray(image).astype(float)[25:35, 25:35]
        red = pixels[:, :, 0] - pixels[:, :, 1]
        masks.append(red / red.max())
    for i, mask in enumerate(masks):
        assert all(np.abs(mask - other).mean() > 0.1 for other in masks[:i])


@pytest.mark.parametrize("grid", [(7, 7), (14, 9), (128, 128), (200, 3)])
def test_cell_share_keeps_the_area(grid):
    boxes = [(3, 10, 40, 31), (30, 20, 60, 50)]  # they overlap
    share = scenes.cell_share(boxes, *grid)
    assert share.shape == grid
    assert share.min() >= 0 and share.max() <= 1 + 1e-12
    union = 37 * 21 + 30 * 30 - 10 * 11
    assert share.mean() == pytest.approx(union / 128**2, abs=1e-12)


def test_cell_share_of_known_cells():
    share = scenes.cell_share([(32, 0, 80, 16)], 4, 4)  # cells of 32 pixels
    expected = np.zeros((4, 4))
    expected[0] = [0, 0.5, 0.25, 0]
    np.testing.assert_allclose(share, expected, atol=1e-12)
    np.testing.assert_allclose(scenes.cell_share([(0, 0, 64, 128)], 1, 3), [[1, 0.5, 0]], atol=1e-12)
    assert not scenes.cell_share([], 2, 2).any()
