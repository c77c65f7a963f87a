"""Test reading images of all formats, the refusal of other files, and the cache of decoded images."""

import os
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from thread_ranks import on_ranks

import numpy_sat
from numpy_sat.data import array_file, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.data.images import load_images, open_image, read_image
from numpy_sat.system import ranks
from numpy_sat.system.errors import InputError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.array([[RED, GREEN, GREEN], [BLUE, WHITE, WHITE]], np.uint8)  # different in all eight orientations


def save(image, path, **options):
    image.save(path, **options)
    return path


def pixels(path):
    image = open_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def png_header(path, width, height):
    """Write a PNG with a header but without pixels, and return its path."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "bmp", "gif", "ppm"])
def test_rgb_of_every_format(tmp_path, kind):
    options = {"lossless": True} if kind == "webp" else {}
    assert np.array_equal(pixels(save(Image.fromarray(CORNERS), tmp_path / f"x.{kind}", **options)), CORNERS)


def test_only_raster_formats_are_opened():
    """Check that every way from a file to an image names the formats: Pillow would also try EPS and others."""
    package = Path(numpy_sat.__file__).parents[1]
    sources = [*package.glob("numpy_sat/**/*.py"), *package.glob("exercises/**/*.py")]
    calls = [line for path in sources for line in path.read_text("utf-8").splitlines() if "Image.open(" in line]
    assert calls and all("formats=" in line for line in calls)


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, CORNERS),
        (2, CORNERS[:, ::-1]),
        (3, CORNERS[::-1, ::-1]),
        (4, CORNERS[::-1]),
        (5, CORNERS.swapaxes(0, 1)),
        (6, np.rot90(CORNERS)),
        (7, np.rot90(CORNERS, 2).swapaxes(0, 1)),
        (8, np.rot90(CORNERS, -1)),
    ],
)
def test_images_are_rotated_upright(tmp_path, kind, orientation, stored):
    exif = Image.Exif()
    exif[images.ORIENTATION_TAG] = orientation
    path = save(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / f"x.{kind}", exif=exif)
    assert np.array_equal(pixels(path), CORNERS)


def test_a_rotated_jpeg_is_upright_when_resized(tmp_path):
    exif = Image.Exif()
    exif[images.ORIENTATION_TAG] = 6
    upright = np.zeros((600, 400, 3), np.uint8)
    upright[:300] = RED
    path = save(Image.fromarray(np.rot90(upright).copy()), tmp_path / "x.jpg", exif=exif, quality=95)
    square = read_image(path, 8).astype(int)
    assert np.abs(square[:3] - RED).max() < 5 and square[5:].max() < 5  # the filter mixes the rows in between


def test_a_damaged_exif_block_is_ignored(tmp_path):
    path = save(Image.new("RGB", (4, 4), RED), tmp_path / "x.png", exif=b"Exif\x00\x00garbage")
    assert np.array_equal(pixels(path)[0, 0], RED)


def test_damaged_metadata_gives_no_warning(tmp_path):
    path = save(Image.fromarray(CORNERS), tmp_path / "x.tiff", compression="raw", software="a" * 20)
    content = path.read_bytes()
    entry = content.index(struct.pack("<HHI", 305, 2, 21))  # of the tag `software`, whose length becomes too large
    path.write_bytes(content[:entry] + struct.pack("<HHI", 305, 2, 2_000_000) + content[entry + 8 :])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(pixels(path), CORNERS)


def test_gray_and_black_and_white(tmp_path):
    gray = np.array([[0, 100, 255]], np.uint8)
    assert np.array_equal(pixels(save(Image.fromarray(gray), tmp_path / "l.png")), np.stack([gray] * 3, -1))
    assert pixels(save(Image.new("1", (1, 1), 1), tmp_path / "1.png")).tolist() == [[[255] * 3]]


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_16_bit_gray_is_scaled(tmp_path, kind):
    gray = np.array([[0, 255, 128 * 257, 65535, 300]], np.uint16)
    assert pixels(save(Image.fromarray(gray), tmp_path / f"x.{kind}"))[0, :, 0].tolist() == [0, 1, 128, 255, 1]


def test_mode_i_is_scaled(tmp_path):
    gray = np.array([[0, 128 * 257, 65535]], np.int32)
    assert pixels(save(Image.fromarray(gray), tmp_path / "x.tiff"))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("values", [np.array([[70000]], np.int32), np.array([[-1]], np.int32), np.zeros((1, 1), "f4")])
def test_gray_without_a_defined_white_is_refused(tmp_path, values):
    with pytest.raises(InputError, match=r"x\.tiff cannot be decoded \(.* for which white is undefined\)"):
        open_image(save(Image.fromarray(values), tmp_path / "x.tiff"))


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.fromarray(CORNERS).quantize(4)
    assert np.array_equal(pixels(save(image, tmp_path / "p.png")), CORNERS)
    transparent = image.getpixel((0, 0))
    on_white = CORNERS.copy()
    on_white[0, 0] = WHITE
    assert np.array_equal(pixels(save(image, tmp_path / "index.png", transparency=transparent)), on_white)
    alphas = bytes(0 if i == transparent else 255 for i in range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(pixels(save(image, tmp_path / "bytes.png", transparency=alphas)), on_white)


def test_transparency_is_composited_on_white(tmp_path):
    rgba = save(Image.new("RGBA", (1, 1), (255, 0, 0, 51)), tmp_path / "rgba.png")
    assert pixels(rgba).tolist() == [[[255, 204, 204]]]
    assert pixels(save(Image.new("LA", (1, 1), (0, 51)), tmp_path / "la.png")).tolist() == [[[204] * 3]]
    rgb = save(Image.new("RGB", (1, 1), RED), tmp_path / "rgb.png", transparency=RED)
    assert pixels(rgb).tolist() == [[[255] * 3]]


def test_cmyk(tmp_path):
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "x.jpg", quality=95)
    assert np.abs(pixels(path).astype(int) - RED).max() < 5


@pytest.mark.parametrize("size", [(1, 1), (20_000, 3), (3, 20_000)])
def test_extreme_shapes(tmp_path, size):
    path = save(Image.new("RGB", size, BLUE), tmp_path / "x.png")
    assert open_image(path).size == size
    assert np.array_equal(read_image(path, 16), np.broadcast_to(np.uint8(BLUE), (16, 16, 3)))


def test_read_image_gives_a_plain_array(tmp_path):
    square = read_image(save(Image.fromarray(CORNERS), tmp_path / "x.png"), 5)
    assert (square.shape, square.dtype, square.flags.c_contiguous) == ((5, 5, 3), np.uint8, True)
    assert square.flags.writeable


def test_images_are_resized_and_not_cropped(tmp_path):
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, :10], wide[:, 30:] = RED, GREEN  # a center crop would remove both
    square = read_image(save(Image.fromarray(wide), tmp_path / "x.png"), 8)
    assert np.array_equal(square[4, 0], RED) and np.array_equal(square[4, -1], GREEN)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_resizing_averages(tmp_path, kind):
    board = np.indices((512, 512)).sum(axis=0) % 2 * np.uint8(255)
    square = read_image(save(Image.fromarray(board.astype(np.uint8)), tmp_path / f"x.{kind}"), 16)
    assert np.abs(square.astype(int) - 128).max() <= 3


def test_decoding_a_large_jpeg_smaller_changes_little(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    path = save(Image.fromarray(noise).resize((1600, 1200)), tmp_path / "x.jpg", quality=95)
    full = np.asarray(open_image(path).resize((64, 64), Image.Resampling.BILINEAR), int)
    assert np.abs(read_image(path, 64) - full).max() <= 3


@pytest.mark.parametrize("read", [open_image, lambda path: read_image(path, 8)], ids=["open", "read"])
class TestRefusals:
    def test_missing(self, tmp_path, read):
        with pytest.raises(InputError, match=r"nothing\.jpg cannot be found .*check its name and folder"):
            read(tmp_path / "nothing.jpg")

    def test_folder(self, tmp_path, read):
        with pytest.raises(InputError, match="is a folder; name an image in it"):
            read(tmp_path)

    def test_empty(self, tmp_path, read):
        (tmp_path / "x.jpg").touch()
        with pytest.raises(InputError, match=r"x\.jpg is empty; get the file again"):
            read(tmp_path / "x.jpg")

    def test_no_image(self, tmp_path, read):
        (tmp_path / "x.jpg").write_text("<html>404 Not Found</html>")
        with pytest.raises(InputError, match=r"x\.jpg is not an image"):
            read(tmp_path / "x.jpg")

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"\0\0\0\x18ftypheic", "is an HEIC photo, the format of iPhones; install the reader"),
            (b"\0\0\0\x18ftypmp42", "is a video; save one of its frames"),
            (b"RIFF\0\0\0\0AVI LIST", "is a video; save one of its frames"),
            (b"\x1a\x45\xdf\xa3", "is a video; save one of its frames"),
            (b"%PDF-1.7", "is not an image of a supported format but a PDF document"),
            (b"<svg xmlns=''/>", "is not an image of a supported format but an SVG drawing"),
            (b"\xff\xd8\xff\xe0", "cannot be decoded; it is damaged or cut short"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cannot be decoded"),
        ],
    )
    def test_other_formats_are_named(self, tmp_path, read, no_heif, content, sentence):
        (tmp_path / "x.jpg").write_bytes(content.ljust(200, b"\0"))
        with pytest.raises(InputError, match=rf"x\.jpg {sentence}"):
            read(tmp_path / "x.jpg")

    def test_web_address(self, tmp_path, read):
        with pytest.raises(InputError, match=r"^https://example\.org/a/b\.jpg is a web address; download the image"):
            read(Path("https://example.org/a/b.jpg"))

    def test_eps_never_reaches_ghostscript(self, tmp_path, read, monkeypatch):
        monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was called"))
        save(Image.new("RGB", (8, 8), RED), tmp_path / "x.jpg", format="EPS")
        with pytest.raises(InputError, match=r"x\.jpg is not an image of a supported format but an EPS"):
            read(tmp_path / "x.jpg")

    @pytest.mark.parametrize("kind", ["jpg", "png"])
    def test_truncated(self, tmp_path, read, kind):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        path = save(Image.fromarray(noise), tmp_path / f"x.{kind}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError, match=rf"x\.{kind} cannot be decoded \(.*\); it may be damaged or cut short"):
            read(path)

    @pytest.mark.parametrize("unlimited", [False, True])
    def test_bomb(self, tmp_path, read, unlimited, monkeypatch):
        if unlimited:
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        with pytest.raises(InputError, match=r"x\.png has more than 178,956,970 pixels; make it smaller first"):
            read(png_header(tmp_path / "x.png", 13_378, 13_378))

    def test_half_of_the_limit_gives_no_warning(self, tmp_path, read):
        limit = Image.MAX_IMAGE_PIXELS
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(InputError, match="damaged or cut short"):  # past the size check, at the missing pixels
                read(png_header(tmp_path / "x.png", 13_377, 13_377))
        assert caught == [] and limit == Image.MAX_IMAGE_PIXELS


@pytest.fixture
def examples(tmp_path):
    """Return five images of one color each."""
    paths = [save(Image.new("RGB", (9, 7), (50 * i, 0, 255)), tmp_path / f"{i}.png") for i in range(5)]
    return [CaptionedImage(path.name, path, ("a",)) for path in paths]


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "below"


@pytest.fixture
def decoded_names(monkeypatch):
    """Return the list of the names of decoded images, in the order of the calls."""
    names = []

    def recording(path, size, read=read_image):
        names.append(path.name)
        return read(path, size)

    monkeypatch.setattr(images, "read_image", recording)
    return names


def test_images_are_loaded_in_order(examples, cache):
    array = load_images(examples, 6, cache)
    assert (array.shape, array.dtype) == ((5, 6, 6, 3), np.uint8)
    assert array[:, 0, 0, 0].tolist() == [0, 50, 100, 150, 200]
    assert isinstance(array, np.memmap) and not array.flags.writeable


def test_the_second_load_decodes_nothing(examples, cache, monkeypatch):
    first = load_images(examples, 6, cache)
    monkeypatch.setattr(images, "read_image", lambda path, size: pytest.fail("decoded again"))
    assert np.array_equal(load_images(examples, 6, cache), first)


def test_a_rank_that_looked_before_another_host_wrote_the_cache(examples, cache, monkeypatch):
    expected, open_array, early = load_images(examples, 6, cache), array_file.open_array, [1]  # the rank

    def open_too_early(*arguments):
        if ranks.current().rank in early:
            early.clear()
            return None
        return open_array(*arguments)

    monkeypatch.setattr(array_file, "open_array", open_too_early)
    for array in on_ranks(2, lambda: load_images(examples, 6, cache)):
        assert np.array_equal(array, expected)


def test_only_the_cache_file_remains_and_progress_is_shown(examples, cache, capsys):
    load_images(examples, 6, cache)
    (file,) = cache.iterdir()
    assert file.match("pictures-*-*.npy")
    out, err = capsys.readouterr()
    assert out == "" and "reading images: 100%" in err


def test_a_changed_source_replaces_the_cache(examples, cache, decoded_names):
    load_images(examples, 6, cache)
    (old,) = cache.iterdir()
    os.utime(examples[2].path, ns=(0, 1))
    load_images(examples, 6, cache)
    (new,) = cache.iterdir()
    assert new != old and len(decoded_names) == 10


def test_new_pixels_are_read(examples, cache):
    load_images(examples, 6, cache)
    save(Image.new("RGB", (90, 70), GREEN), examples[2].path)
    assert np.array_equal(load_images(examples, 6, cache)[2, 0, 0], GREEN)


def test_copies_of_a_data_set_do_not_remove_each_others_caches(examples, cache, decoded_names, tmp_path):
    (tmp_path / "copy").mkdir()
    copies = [example._replace(path=tmp_path / "copy" / example.name) for example in examples]
    for copy in copies:
        save(Image.new("RGB", (9, 7), GREEN), copy.path)
    for _ in range(2):
        assert load_images(examples, 6, cache)[4, 0, 0, 0] == 200
        assert load_images(copies, 6, cache)[4, 0, 0, 1] == 255
    assert len(decoded_names) == 10 and len(list(cache.iterdir())) == 2


def test_a_cache_that_nobody_opens_is_removed_in_the_end(examples, cache, tmp_path):
    load_images(examples, 6, cache)
    (old,) = cache.iterdir()
    (tmp_path / "moved").mkdir()
    moved = [example._replace(path=example.path.rename(tmp_path / "moved" / example.name)) for example in examples]
    os.utime(old, (0, 0))
    load_images(moved, 6, cache)
    assert len(list(cache.iterdir())) == 1 and not old.exists()


def test_the_same_files_by_another_path_need_no_decoding(examples, cache, decoded_names, tmp_path):
    load_images(examples, 6, cache)
    load_images([p._replace(path=tmp_path / ".." / tmp_path.name / p.name) for p in examples], 6, cache)
    assert len(decoded_names) == 5


@pytest.mark.parametrize(
    "change", [lambda examples: (examples, 7), lambda examples: (examples[:4], 6), lambda examples: (examples[::-1], 6)]
)
def test_another_size_set_or_order_has_its_own_cache(examples, cache, decoded_names, change):
    load_images(examples, 6, cache)
    changed, size = change(examples)
    array = load_images(changed, size, cache)
    assert array.shape == (len(changed), size, size, 3)
    assert array[0, 0, 0, 0] == 50 * int(changed[0].name[0])
    assert len(list(cache.iterdir())) == 2 and len(decoded_names) == 5 + len(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: b"",
        lambda content: b"no array" * 100,
        lambda content: content.replace(b"(5, 6, 6, 3)", b"(4, 6, 6, 3)"),
        lambda content: content.replace(b"|u1", b"|i1"),
        lambda content: content.replace(b"6, 3)", b"6, 3("),  # for which tokenize raises an exception of its own
    ],
)
def test_a_damaged_cache_is_rebuilt(examples, cache, decoded_names, damage, capsys):
    first = np.array(load_images(examples, 6, cache))
    (file,) = cache.iterdir()
    capsys.readouterr()
    file.write_bytes(damage(file.read_bytes()))
    assert np.array_equal(load_images(examples, 6, cache), first)
    assert len(decoded_names) == 10
    assert f"{file}: the cache file is damaged; it is made again" in capsys.readouterr().err


def test_zeros_of_a_power_failure_are_noticed_although_the_time_is_right(examples, cache, decoded_names):
    first = np.array(load_images(examples, 6, cache))
    (file,) = cache.iterdir()
    content, status = file.read_bytes(), file.stat()
    file.write_bytes(content[:128] + bytes(first.nbytes) + content[128 + first.nbytes :])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert np.array_equal(load_images(examples, 6, cache), first)
    assert len(decoded_names) == 10


def test_a_copied_cache_file_is_believed_after_a_comparison(examples, cache, decoded_names):
    load_images(examples, 6, cache)
    (file,) = cache.iterdir()
    stamp = file.stat().st_mtime_ns
    os.utime(file)
    load_images(examples, 6, cache)
    assert len(decoded_names) == 5 and file.stat().st_mtime_ns == stamp


def test_what_a_killed_process_left_is_removed(examples, cache):
    load_images(examples, 6, cache)
    (file,) = cache.iterdir()
    leftover = file.rename(file.with_name(f"{file.name}.0123456789ab.part"))
    os.utime(leftover, (0, 0))  # on Windows, only old files are removed
    load_images(examples, 6, cache)
    assert list(cache.iterdir()) == [file]
    (cache / f"{file.name.rpartition('-')[0]}.lock").touch()  # of a process that was killed after writing
    load_images(examples, 6, cache)
    assert list(cache.iterdir()) == [file]


def test_an_unfinished_cache_file_that_nobody_completes_is_removed(examples, cache):
    load_images(examples, 6, cache)
    (file,) = cache.iterdir()
    leftover = cache / "pictures-0123456789abcdef-0123.npy.0123456789ab.part"
    leftover.touch()
    os.utime(leftover, (time.time() - images.UNUSED - 60,) * 2)
    load_images(examples[:3], 6, cache)
    assert file.exists() and not leftover.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_processes_at_once_and_one_is_killed(examples, cache, tmp_path):
    """Start three processes that need the same cache. Kill the one that writes it."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom numpy_sat.data import images\n"
        "from numpy_sat.data.dataset import CaptionedImage\nread = images.read_image\n"
        "def read_after_the_kill(path, size):\n"
        "    while not Path(sys.argv[3]).exists(): time.sleep(0.01)\n"
        "    return read(path, size)\n"
        "images.read_image = read_after_the_kill\n"
        "some = [CaptionedImage(f'{i}.png', Path(sys.argv[1]) / f'{i}.png', ('a',)) for i in range(5)]\n"
        "print(images.load_images(some, 6, Path(sys.argv[2]))[:, 0, 0, 0].tolist())"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(cache), str(tmp_path / "killed")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    deadline = time.monotonic() + 60
    while not list(cache.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    (holder,) = [int(path.read_text().split()[1]) for path in cache.glob("*.lock")]
    os.kill(holder, signal.SIGKILL)
    (tmp_path / "killed").touch()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.pid == holder or out == "[0, 50, 100, 150, 200]\n", err
    assert sum(process.returncode == 0 for process in processes) == 2
    assert [path.suffix for path in cache.iterdir()] == [".npy"]


def test_a_bad_image_is_named_and_no_cache_remains(examples, cache):
    examples[3].path.write_text("no image")
    with pytest.raises(InputError, match=r"3\.png is not an image"):
        load_images(examples, 6, cache)
    assert list(cache.iterdir()) == []


def test_a_missing_image_is_named(examples, cache):
    examples[3].path.unlink()
    with pytest.raises(InputError, match=r"3\.png cannot be found"):
        load_images(examples, 6, cache)


def test_a_cache_that_cannot_be_written(examples, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.* cannot be written \(.*\); .* NUMPY_SAT_CACHE"):
        load_images(examples, 6, tmp_path / "file" / "cache")


def test_a_full_disk_is_reported_and_no_cache_remains(examples, cache, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images.os, "replace", fail)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); free some space"):
        load_images(examples, 6, cache)
    assert list(cache.iterdir()) == []


def test_photos_at_full_size(photos):
    for path in photos[:3]:
        assert max(open_image(path).size) == 500
        square = read_image(path, 112)
        assert np.array_equal(square, open_image(path).resize((112, 112), Image.Resampling.BILINEAR))
