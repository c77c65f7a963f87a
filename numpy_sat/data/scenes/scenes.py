"""Scenes: synthetic images of colored shapes, with captions and the bounding box of every object.

A seed determines the data set, so nothing is downloaded. The files have the layout of Flickr8k's archives, so the same
reader reads both. The boxes allow measuring how well attention locates the objects.
"""

import colorsys
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from numpy_sat.data import checked_folder
from numpy_sat.data.dataset import CaptionedImage, Dataset
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.scenes.scene_language import (
    BACKGROUNDS,
    COLORS,
    MARGIN,
    SHAPES,
    SIZES,
    Box,
    Caption,
    Group,
    Scene,
    SceneObject,
    describe,
    relation_between,
)
from numpy_sat.system import files, lock, machine, output, processes, progress
from numpy_sat.system.errors import InputError, writing

TASK = "captioning"
NAME = "scenes"  # of the data set; the names of its folders begin with it
SPLITS = flickr8k.SPLITS
read_captions = flickr8k.read_captions  # the files have the same layout
VERSION = 5  # increase it when the same seed gives different files
FILE = "scenes.json"  # the file of the scenes' contents in the data set's folder
SIDE = 128  # width and height of an image in pixels
EDGE = 2  # smallest gap in pixels between an object and the edge of the image
GAP = 3  # smallest gap in pixels between two objects
SIDES = {"small": (20, 24), "large": (32, 38)}  # smallest and largest side of an object's box, pixels
# Numbers of objects in the groups of a scene -> probability.
COUNTS = {
    (1,): 0.30,
    (2,): 0.08,
    (3,): 0.07,
    (4,): 0.05,
    (1, 1): 0.28,
    (1, 2): 0.06,
    (2, 1): 0.06,
    (2, 2): 0.02,
    (1, 3): 0.04,
    (3, 1): 0.04,
}
RGB = {
    "red": (215, 30, 40),
    "green": (25, 150, 55),
    "blue": (30, 80, 220),
    "yellow": (245, 220, 25),
    "purple": (130, 40, 170),
    "orange": (250, 130, 15),
}
SUPERSAMPLING = 8
PART = 1000  # images that a process draws at least: it starts in the time of 400


class Sample(NamedTuple):
    """One image with its scene and captions."""

    image: Image.Image
    scene: Scene
    captions: list[Caption]


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the scenes in a folder. Draw them first if they do not exist yet.

    Args:
        root: existing folder that contains the data set's folder; by default the cache.
        splits: the splits to read.
        skip_missing: leave out images whose files are missing.
    Raises:
        InputError: `root` does not exist or holds other things, or the scenes cannot be written or read.
    """
    if root:
        _refuse_wrong_root(Path(root))
    return flickr8k.read(ensure(Path(root or machine.cache_folder())), splits, skip_missing, NAME)


def _refuse_wrong_root(root):
    """Raise InputError if the folder for 16,000 new images is missing, or holds other things."""
    if not os.path.isdir(root):
        raise InputError(f"{root}: there is no such folder; create it to draw scenes there, or correct --root.")
    others = [name for name in sorted(os.listdir(root)) if not name.startswith((f"{NAME}-", "."))]
    if others and not os.path.isdir(root / f"{NAME}-{VERSION}-0"):
        raise InputError(
            f"{root}: holds {others[0]}, but no scenes; name an empty folder to draw them there, or correct --root."
        )


def sample(seed: int, index: int) -> Sample:
    """Return image number `index` of the unlimited series of a seed."""
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    image = draw(scene, rng)
    captions = describe(scene, rng)
    return Sample(image, scene._replace(links=tuple(caption.links for caption in captions)), captions)


# The contents of an image


def random_scene(rng: np.random.Generator) -> Scene:
    """Sample the groups, boxes and background of a scene. It has no captions yet."""
    counts = tuple(COUNTS)[rng.choice(len(COUNTS), p=tuple(COUNTS.values()))]
    groups = _random_groups(counts, rng)
    objects = None
    while objects is None:  # sampling the groups again would make crowded scenes rarer
        objects = _lay_out(groups, rng)
    return Scene(groups, objects, BACKGROUNDS[rng.integers(len(BACKGROUNDS))])


def _random_groups(counts: tuple[int, ...], rng: np.random.Generator) -> tuple[Group, ...]:
    # Without replacement, so that groups differ in color or shape.
    kinds = rng.choice(len(COLORS) * len(SHAPES), len(counts), replace=False)
    return tuple(
        Group(count, SIZES[rng.integers(len(SIZES))], COLORS[kind % len(COLORS)], SHAPES[kind // len(COLORS)])
        for count, kind in zip(counts, kinds, strict=True)
    )


def _lay_out(groups: tuple[Group, ...], rng: np.random.Generator) -> tuple[SceneObject, ...] | None:
    """Try to place the objects. Return None if they do not fit or if two groups have no clear relation."""
    areas = [(EDGE, EDGE, SIDE - EDGE, SIDE - EDGE)] if len(groups) == 1 else _two_areas(rng)
    objects = []
    for index, (group, area) in enumerate(zip(groups, areas, strict=True)):
        for _ in range(group.count):
            low, high = SIDES[group.size]
            box = _free_box(int(rng.integers(low, high + 1)), area, [item.box for item in objects], rng)
            if box is None:
                return None
            objects.append(SceneObject(index, box))
    boxes = [[item.box for item in objects if item.group == index] for index in range(len(groups))]
    return tuple(objects) if len(groups) == 1 or relation_between(*boxes) else None


def _two_areas(rng: np.random.Generator) -> list[Box]:
    """Split the image by a vertical or horizontal strip, and return the two areas in random order."""
    smallest = EDGE + SIDES["small"][1]
    low = int(rng.integers(smallest, SIDE - smallest - MARGIN))
    high, end = low + MARGIN, SIDE - EDGE
    if rng.random() < 0.5:
        areas = [(EDGE, EDGE, low, end), (high, EDGE, end, end)]
    else:
        areas = [(EDGE, EDGE, end, low), (EDGE, high, end, end)]
    return areas if rng.random() < 0.5 else areas[::-1]


def _free_box(side: int, area: Box, occupied: Sequence[Box], rng: np.random.Generator) -> Box | None:
    """Return a random square box inside the area, at least GAP from the occupied boxes, or None without room."""
    x0, y0, x1, y1 = area
    free = np.ones((max(y1 - y0 - side + 1, 0), max(x1 - x0 - side + 1, 0)), bool)  # [y, x] of the upper left corner
    for u0, v0, u1, v1 in occupied:
        rows = slice(max(v0 - GAP - side + 1 - y0, 0), max(v1 + GAP - y0, 0))
        columns = slice(max(u0 - GAP - side + 1 - x0, 0), max(u1 + GAP - x0, 0))
        free[rows, columns] = False
    candidates = np.flatnonzero(free)
    if not candidates.size:
        return None
    row, column = divmod(int(candidates[rng.integers(candidates.size)]), free.shape[1])
    return x0 + column, y0 + row, x0 + column + side, y0 + row + side


# Drawing


def draw(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Draw a scene. The colors of the background and the brightness of the objects are random."""
    image = Image.fromarray(_background(scene.background, rng))
    for group, box in scene.objects:
        color = np.array(RGB[scene.groups[group].color]) * rng.uniform(0.88, 1.04)
        paint = tuple(int(level) for level in color.clip(0, 255))
        image.paste(paint, box, _stencil(scene.groups[group].shape, box[2] - box[0]))
    return image


def _background(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return a (SIDE, SIDE, 3) uint8 image of two muted tones, less saturated than the color of any object."""
    hue, saturation = rng.random(), rng.uniform(0, 0.16)
    value = rng.uniform(0.55, 0.8)
    tones = [colorsys.hsv_to_rgb(hue, saturation, level) for level in (value, value + rng.uniform(0.12, 0.2))]
    blend = np.broadcast_to(_PATTERNS[kind](*_PIXELS, rng), (SIDE, SIDE))
    image, rest = np.empty((SIDE, SIDE, 3), np.uint8), 1 - blend
    for channel, (first, second) in enumerate(zip(*np.float32(tones), strict=True)):
        image[:, :, channel] = (255 * (first * rest + second * blend)).round()
    return image


# A pattern returns the share of the second tone in every pixel, from 0 to 1. x: (1, SIDE); y: (SIDE, 1).
_PIXELS = np.arange(SIDE, dtype=np.float32)[None, :], np.arange(SIDE, dtype=np.float32)[:, None]


def _plain(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full((1, 1), rng.random(), np.float32)


def _shaded(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    along = _along(x, y, rng)
    return (along - along.min()) / (along.max() - along.min())


def _striped(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _bands(_along(x, y, rng), rng.uniform(12, 22), rng.random())


def _checked(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(20, 36)
    columns, rows = _bands(x, period, rng.random()), _bands(y, period, rng.random())
    return columns + rows - 2 * columns * rows


def _dotted(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spacing = rng.uniform(11, 16)
    across = (x + spacing * rng.random()) % spacing - spacing / 2
    down = (y + spacing * rng.random()) % spacing - spacing / 2
    return (spacing * 0.27 - np.hypot(across, down) + 0.5).clip(0, 1)  # the edge of a dot is smooth and one pixel wide


_PATTERNS = {"plain": _plain, "shaded": _shaded, "striped": _striped, "checked": _checked, "dotted": _dotted}


def _along(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return each pixel's coordinate along a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))


def _bands(along: np.ndarray, period: float, phase: float) -> np.ndarray:
    """Return a square wave with smooth edges, one pixel wide."""
    turn = np.float32(2 * np.pi)
    wave = np.sin(along * (turn / np.float32(period)) + turn * np.float32(phase))
    return (wave * np.float32(period / turn) + np.float32(0.5)).clip(0, 1)


@cache
def _stencil(shape: str, side: int) -> Image.Image:
    """Return a shape as a mask with smooth edges. The shape touches all four sides of its box."""
    large = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    outline = _OUTLINES[shape]
    outline = (outline - outline.min(axis=0)) / np.ptp(outline, axis=0) * (side * SUPERSAMPLING - 1)
    ImageDraw.Draw(large).polygon([tuple(point) for point in outline], fill=255)
    return large.reduce(SUPERSAMPLING)


def _round_outlines() -> dict[str, np.ndarray]:
    """Return the outlines of circle and star as (points, 2) arrays of x and y."""
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    tips = np.arange(10) * np.pi / 5  # angles of a star's outer and inner corners in turn, from the top
    radius = np.where(np.arange(10) % 2, 0.42, 1)
    return {
        "circle": np.stack([np.cos(t), np.sin(t)], axis=1),
        "star": np.stack([radius * np.sin(tips), -radius * np.cos(tips)], axis=1),
    }


_OUTLINES = {
    **_round_outlines(),
    "square": np.array([(0, 0), (1, 0), (1, 1), (0, 1)]),
    "triangle": np.array([(0.5, 0), (1, 1), (0, 1)]),
}


# Files


def ensure(folder: Path, seed: int = 0) -> Path:
    """Return the data set's folder inside `folder`. Write the data set first if it does not exist or is damaged.

    Of several processes that need the data set, one writes it and the others wait.

    Raises:
        InputError: the data set cannot be written.
    """
    root = folder / f"{NAME}-{VERSION}-{seed}"
    if root.exists() and not checked_folder.differences(root):
        if _lock_path(root).exists():  # left by a process that was killed after drawing
            with suppress(OSError), _drawing_lock(root):
                pass
        return root
    with writing(root):
        folder.mkdir(parents=True, exist_ok=True)
        with _drawing_lock(root):
            if root.exists() and (names := checked_folder.differences(root)):
                _set_aside(root, names)
            if not root.exists():
                try:
                    write(root, seed)
                except InputError:
                    if not root.exists():  # otherwise another process has written it in the meantime
                        raise
    return root


@contextmanager
def _drawing_lock(root):
    """Let one process at a time write a data set. Remove what killed processes have left of it."""
    with lock.waiting_lock(_lock_path(root), "drawing scenes") as is_exclusive:
        if is_exclusive:
            for draft in root.parent.glob(f".{root.name}-*"):
                shutil.rmtree(draft, ignore_errors=True)
        yield


def _lock_path(root):
    return root.with_name(f".{root.name}.lock")


def _set_aside(root, names):
    """Rename a damaged data set, so that it can be written again and nothing in it is lost."""
    old = root.with_name(f"{root.name}-damaged")
    shutil.rmtree(old, ignore_errors=True)
    root.rename(old)
    example = f"{names[0]} and {len(names) - 1} more files are" if len(names) > 1 else f"{names[0]} is"
    output.show(
        f"{root}: {example} damaged; the scenes are drawn again, and the damaged ones are kept as {old.name}",
        sys.stderr,
    )


def write(root: Path, seed: int = 0, train: int = 15000, dev: int = 500, test: int = 500) -> None:
    """Write the data set in the layout of Flickr8k's archives, and the scenes in scenes.json.

    A temporary folder is renamed at the end, so `root` is either complete or absent.

    Args:
        root: folder to write.
        seed: seed of all images and captions.
        train: number of images in train.
        dev: number of images in dev.
        test: number of images in test.
    Raises:
        InputError: `root` exists or cannot be written.
    """
    if root.exists():
        raise InputError(f"{root} already exists; remove it to draw the scenes again")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as temporary_folder:
            draft = Path(temporary_folder) / root.name
            _write_all(draft, seed, {"train": train, "dev": dev, "test": test})
            draft.rename(root)
    except OSError as error:
        raise InputError(
            f"cannot write the scenes to {root}: {error.strerror or error}; choose another folder"
        ) from error


def _write_all(root: Path, seed: int, sizes: dict[str, int]) -> None:
    photos, texts = root / "Flicker8k_Dataset", root / "Flickr8k_text"  # the spelling of the archives
    photos.mkdir(parents=True)
    texts.mkdir()
    names = [_file_name(index) for index in range(sum(sizes.values()))]
    scenes, tokens = {}, []
    with _drawn(photos, seed, len(names)) as drawn:
        bar = progress.bar(drawn, desc="drawing scenes", total=len(names), unit="image")
        for name, (scene, captions) in zip(names, bar, strict=True):
            scenes[name] = scene
            tokens += [f"{name}#{number}\t{caption}\n" for number, caption in enumerate(captions)]
    (texts / "Flickr8k.token.txt").write_text("".join(tokens), encoding="utf-8")
    start = 0
    for split, size in sizes.items():
        lines = "".join(name + "\n" for name in names[start : start + size])
        (texts / f"Flickr_8k.{split}Images.txt").write_text(lines, encoding="utf-8")
        start += size
    (root / FILE).write_text(json.dumps(scenes), encoding="utf-8")
    checked_folder.seal(root)


def _drawn(photos, seed, count):
    """Return a context with an iterator over what `draw_part` yields for all images, drawn on all cores."""
    parts = processes.count(count, PART)
    if parts == 1:
        return nullcontext(draw_part(photos, seed, 0, count, 1))
    calls = [(str(photos), seed, first, count, parts) for first in range(parts)]
    return processes.alternating("drawing scenes", f"{__name__}:draw_part", calls)


def draw_part(photos: Path | str, seed: int, first: int, end: int, step: int) -> Iterator[tuple[dict, list[str]]]:
    """Draw the images number first, first + step, ... below `end`, and write their files.

    Args:
        photos: folder of the files.
        seed: seed of the data set.
        first, end, step: as in `range`.
    Yields:
        The scene in JSON's types, and the captions, of each image.
    """
    for index in range(first, end, step):
        image, scene, captions = sample(seed, index)
        image.save(os.path.join(photos, _file_name(index)), quality=95)
        yield _to_json(scene), [caption.text for caption in captions]


def _file_name(index):
    return f"scene_{index:05d}.jpg"


def read_examples(root: Path, split: str) -> list[CaptionedImage]:
    """Return the images of a split in a data set's folder, with their captions."""
    return flickr8k.read(root, [split], False, NAME).splits[split]


def read_scenes(root: Path) -> dict[str, Scene]:
    """Return the scenes in a data set's folder by image name.

    Raises:
        InputError: the scenes cannot be read.
    """
    path = root / FILE
    try:
        records = files.read_json(path)
        return {name: _from_json(record) for name, record in records.items()}
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; is {root} the folder of a scenes data set?"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} does not hold scenes; remove {root} to draw the scenes again") from error


def _to_json(scene: Scene) -> dict:
    return {
        "groups": [
            {"count": group.count, "size": group.size, "colour": group.color, "shape": group.shape}
            for group in scene.groups
        ],
        "objects": [scene_object._asdict() for scene_object in scene.objects],
        "background": scene.background,
        "links": scene.links,
    }


def _from_json(record: dict) -> Scene:
    return Scene(
        groups=tuple(
            Group(group["count"], group["size"], group["colour"], group["shape"]) for group in record["groups"]
        ),
        objects=tuple(SceneObject(item["group"], tuple(item["box"])) for item in record["objects"]),
        background=record["background"],
        # Keys in JSON are strings.
        links=tuple({int(noun): tuple(objects) for noun, objects in links.items()} for links in record["links"]),
    )


# Measuring attention


def cell_share(boxes: Sequence[Box], grid_h: int, grid_w: int) -> np.ndarray:
    """Compute the share of each grid cell that the union of the boxes covers.

    The mean of the shares is the attention that uniform weights put into the boxes, that is, the chance level.

    Args:
        boxes: the boxes in pixels.
        grid_h: number of rows of the grid over the image.
        grid_w: number of columns.
    Returns:
        (grid_h, grid_w) shares from 0 to 1.
    """
    covered = np.zeros((SIDE, SIDE))
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] = 1
    return _pixel_shares(grid_h) @ covered @ _pixel_shares(grid_w).T


def _pixel_shares(cells: int) -> np.ndarray:
    """Return the share of each cell that each pixel covers, along one side, as a (cells, SIDE) array."""
    edges = np.linspace(0, SIDE, cells + 1)
    pixels = np.arange(SIDE)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return overlap.clip(0) * cells / SIDE
