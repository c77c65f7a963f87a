"""Scenes: images of colored shapes drawn from a seed, with captions and the box of every object they name.

They need no download, are written in the layout of Flickr8k's archives so that one reader serves both, and their boxes
let attention be measured instead of admired.
"""

import colorsys
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from numpy_sat.data.dataset import Dataset
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
from numpy_sat.system import machine, progress
from numpy_sat.system.errors import InputError

TASK = "captioning"
SPLITS = flickr8k.SPLITS
VERSION = 5  # raise it when the same seed no longer gives the same files
SIDE = 128  # pixels of an image, each way
EDGE = 2  # pixels between an object and the edge of the image
GAP = 3  # least pixels between two objects
SIDES = {"small": (20, 24), "large": (32, 38)}  # least and greatest side of an object's box
# How many objects the groups have, and how often.
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


class Sample(NamedTuple):
    """One image with all there is to know about it."""

    image: Image.Image
    scene: Scene
    captions: list[Caption]


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Read the scenes that are kept in a folder, by default the cache; draw them if they are not there yet."""
    return flickr8k.read(ensure(Path(root or machine.cache_folder())), splits, skip_missing, "scenes")


def sample(seed: int, index: int) -> Sample:
    """Return image number index of the endless series that belongs to the seed."""
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    image = draw(scene, rng)
    captions = describe(scene, rng)
    return Sample(image, scene._replace(links=tuple(caption.links for caption in captions)), captions)


# What is in the image


def random_scene(rng: np.random.Generator) -> Scene:
    """Choose what an image shows and where; it has no captions yet."""
    counts = tuple(COUNTS)[rng.choice(len(COUNTS), p=tuple(COUNTS.values()))]
    groups = _random_groups(counts, rng)
    objects = None
    while objects is None:  # choosing the groups anew instead would make crowded scenes rarer
        objects = _lay_out(groups, rng)
    return Scene(groups, objects, BACKGROUNDS[rng.integers(len(BACKGROUNDS))])


def _random_groups(counts: tuple[int, ...], rng: np.random.Generator) -> tuple[Group, ...]:
    kinds = rng.choice(len(COLORS) * len(SHAPES), len(counts), replace=False)  # groups differ in color or shape
    return tuple(
        Group(count, SIZES[rng.integers(len(SIZES))], COLORS[kind % len(COLORS)], SHAPES[kind // len(COLORS)])
        for count, kind in zip(counts, kinds, strict=True)
    )


def _lay_out(groups: tuple[Group, ...], rng: np.random.Generator) -> tuple[SceneObject, ...] | None:
    """Try to place the groups' objects; None if they do not fit or two groups have no clear relation."""
    areas = [(EDGE, EDGE, SIDE - EDGE, SIDE - EDGE)] if len(groups) == 1 else _two_areas(rng)
    objects = []
    for place, (group, area) in enumerate(zip(groups, areas, strict=True)):
        for _ in range(group.count):
            low, high = SIDES[group.size]
            box = _free_box(int(rng.integers(low, high + 1)), area, [thing.box for thing in objects], rng)
            if box is None:
                return None
            objects.append(SceneObject(place, box))
    boxes = [[thing.box for thing in objects if thing.group == place] for place in range(len(groups))]
    return tuple(objects) if len(groups) == 1 or relation_between(*boxes) else None


def _two_areas(rng: np.random.Generator) -> list[Box]:
    """Cut the image in two by a strip, upright or level, and return the halves in random order."""
    smallest = EDGE + SIDES["small"][1]
    low = int(rng.integers(smallest, SIDE - smallest - MARGIN))
    high, end = low + MARGIN, SIDE - EDGE
    if rng.random() < 0.5:
        areas = [(EDGE, EDGE, low, end), (high, EDGE, end, end)]
    else:
        areas = [(EDGE, EDGE, end, low), (EDGE, high, end, end)]
    return areas if rng.random() < 0.5 else areas[::-1]


def _free_box(side: int, area: Box, taken: Sequence[Box], rng: np.random.Generator) -> Box | None:
    """Return a random square box inside the area and clear of those taken, or None if there is no room."""
    x0, y0, x1, y1 = area
    free = np.ones((max(y1 - y0 - side + 1, 0), max(x1 - x0 - side + 1, 0)), bool)  # [y, x] of the upper left corner
    for u0, v0, u1, v1 in taken:
        rows = slice(max(v0 - GAP - side + 1 - y0, 0), max(v1 + GAP - y0, 0))
        columns = slice(max(u0 - GAP - side + 1 - x0, 0), max(u1 + GAP - x0, 0))
        free[rows, columns] = False
    places = np.flatnonzero(free)
    if not places.size:
        return None
    row, column = divmod(int(places[rng.integers(places.size)]), free.shape[1])
    return x0 + column, y0 + row, x0 + column + side, y0 + row + side


# Drawing


def draw(scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Draw a scene; hues of the background and brightness of the objects are random."""
    image = Image.fromarray(_background(scene.background, rng))
    for group, box in scene.objects:
        color = np.array(RGB[scene.groups[group].color]) * rng.uniform(0.88, 1.04)
        paint = tuple(int(level) for level in color.clip(0, 255))
        image.paste(paint, box, _stencil(scene.groups[group].shape, box[2] - box[0]))
    return image


def _background(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return an (SIDE, SIDE, 3) uint8 image of two muted tones; no object's color is as weak in saturation."""
    hue, saturation = rng.random(), rng.uniform(0, 0.16)
    value = rng.uniform(0.55, 0.8)
    tones = [colorsys.hsv_to_rgb(hue, saturation, level) for level in (value, value + rng.uniform(0.12, 0.2))]
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    blend = _PATTERNS[kind](x, y, rng)[:, :, None]
    image = 255 * (np.float32(tones[0]) * (1 - blend) + np.float32(tones[1]) * blend)
    return image.round().astype(np.uint8)


# A pattern returns, for every pixel, how much of the second tone it has, 0 to 1.


def _plain(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full_like(x, rng.random())


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
    return (spacing * 0.27 - np.hypot(across, down) + 0.5).clip(0, 1)  # a pixel wide, the dot's edge is smooth


_PATTERNS = {"plain": _plain, "shaded": _shaded, "striped": _striped, "checked": _checked, "dotted": _dotted}


def _along(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return each pixel's coordinate along a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))


def _bands(along: np.ndarray, period: float, phase: float) -> np.ndarray:
    """Return a square wave with smooth edges a pixel wide."""
    turn = np.float32(2 * np.pi)
    wave = np.sin(along * (turn / np.float32(period)) + turn * np.float32(phase))
    return (wave * np.float32(period / turn) + np.float32(0.5)).clip(0, 1)


@cache
def _stencil(shape: str, side: int) -> Image.Image:
    """Return the shape as a mask with smooth edges that touches all four sides of its box."""
    large = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    outline = _OUTLINES[shape]
    outline = (outline - outline.min(axis=0)) / np.ptp(outline, axis=0) * (side * SUPERSAMPLING - 1)
    ImageDraw.Draw(large).polygon([tuple(point) for point in outline], fill=255)
    return large.reduce(SUPERSAMPLING)


def _round_outlines() -> dict[str, np.ndarray]:
    """Return the outlines that a formula gives: points (x, y) of circle and star."""
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    tips = np.arange(10) * np.pi / 5  # of a star: outer and inner in turn, from the top
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


# On disk


def ensure(folder: Path, seed: int = 0) -> Path:
    """Return the data set's folder inside this one, making the data set if it is not there yet.

    Raises InputError if it cannot be written.
    """
    root = folder / f"scenes-{VERSION}-{seed}"
    if not root.exists():
        try:
            write(root, seed)
        except InputError:
            if not root.exists():  # otherwise another process made the same at the same time
                raise
    return root


def write(root: Path, seed: int = 0, train: int = 15000, dev: int = 500, test: int = 500) -> None:
    """Write the data set in the layout of Flickr8k's archives, and scenes.json beside it.

    It is written aside and renamed at the end, so that root is whole or absent. Raises InputError if root exists
    or cannot be written.
    """
    if root.exists():
        raise InputError(f"{root} exists already; remove it to have it drawn again")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as aside:
            draft = Path(aside) / root.name
            _write_all(draft, seed, {"train": train, "dev": dev, "test": test})
            draft.rename(root)
    except OSError as error:
        raise InputError(
            f"cannot write the scenes to {root}: {error.strerror or error}; choose another folder"
        ) from error


def _write_all(root: Path, seed: int, sizes: dict[str, int]) -> None:
    photos, texts = root / "Flicker8k_Dataset", root / "Flickr8k_text"  # the archives' own spelling
    photos.mkdir(parents=True)
    texts.mkdir()
    names = [f"scene_{index:05d}.jpg" for index in range(sum(sizes.values()))]
    found, tokens = {}, []
    for index, name in enumerate(progress.bar(names, desc="drawing scenes", unit="image")):
        image, scene, captions = sample(seed, index)
        image.save(photos / name, quality=95)
        found[name] = _to_json(scene)
        tokens += [f"{name}#{number}\t{caption.text}\n" for number, caption in enumerate(captions)]
    (texts / "Flickr8k.token.txt").write_text("".join(tokens), encoding="utf-8")
    start = 0
    for split, size in sizes.items():
        lines = "".join(name + "\n" for name in names[start : start + size])
        (texts / f"Flickr_8k.{split}Images.txt").write_text(lines, encoding="utf-8")
        start += size
    (root / "scenes.json").write_text(json.dumps(found), encoding="utf-8")


def read_scenes(root: Path) -> dict[str, Scene]:
    """Return the scene of every image by the image's name; raises InputError if root does not hold them."""
    path = root / "scenes.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: _from_json(scene) for name, scene in found.items()}
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; is {root} the folder of a scenes data set?"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not hold scenes; remove {root} to have it drawn again") from error


def _to_json(scene: Scene) -> dict:
    return {
        "groups": [
            {"count": group.count, "size": group.size, "colour": group.color, "shape": group.shape}
            for group in scene.groups
        ],
        "objects": [thing._asdict() for thing in scene.objects],
        "background": scene.background,
        "links": scene.links,
    }


def _from_json(found: dict) -> Scene:
    return Scene(
        groups=tuple(
            Group(group["count"], group["size"], group["colour"], group["shape"]) for group in found["groups"]
        ),
        objects=tuple(SceneObject(thing["group"], tuple(thing["box"])) for thing in found["objects"]),
        background=found["background"],
        # JSON's keys are strings.
        links=tuple({int(place): tuple(named) for place, named in links.items()} for links in found["links"]),
    )


# Measuring attention


def cell_share(boxes: Sequence[Box], grid_h: int, grid_w: int) -> np.ndarray:
    """Return the share of each cell of a (grid_h, grid_w) grid over the image that the boxes cover together.

    The mean is what attention spread evenly puts into the boxes: the level of chance.
    """
    covered = np.zeros((SIDE, SIDE))
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] = 1
    return _pixel_shares(grid_h) @ covered @ _pixel_shares(grid_w).T


def _pixel_shares(cells: int) -> np.ndarray:
    """Return (cells, SIDE): the share of each of the cells, laid along one side, that each pixel makes up."""
    edges = np.linspace(0, SIDE, cells + 1)
    pixels = np.arange(SIDE)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return overlap.clip(0) * cells / SIDE
