"""Test the download of Flickr8k: interrupted transfers, a missing mirror, wrong files and unsafe zips.

The mirror is a server on this machine that serves zips made here.
"""

import hashlib
import io
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from numpy_sat import flickr8k as command
from numpy_sat.data.flickr8k import download, flickr8k
from numpy_sat.system.errors import InputError

TEXT, PHOTOS = "Flickr8k_text.zip", "Flickr8k_Dataset.zip"
LISTS = {"train": "abc", "dev": "d", "test": "e"}


def photo_of_noise():
    """Return the bytes of a photo that takes several reads."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (140, 140, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


NOISE = photo_of_noise()


def zip_bytes(members):
    """Return the bytes of a zip.

    Args:
        members: content by name; a name that ends in -> is a symbolic link.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name.removesuffix("->"))
            member.external_attr = (stat.S_IFLNK if name.endswith("->") else stat.S_IFREG) << 16 | 0o644 << 16
            archive.writestr(member, content)
    return file.getvalue()


def make_zips():
    """Return small versions of the authors' two zips, with the files that macOS adds."""
    captions = "".join(f"{name}.jpg#{i}\tImage {name} , caption {i} .\n" for name in "abcde" for i in range(5))
    lists = {
        f"Flickr_8k.{split}Images.txt": "".join(f"{name}.jpg\n" for name in names) for split, names in LISTS.items()
    }
    litter = {"__MACOSX/._Flickr8k.token.txt": b"\0\5\x16\7", ".DS_Store": b"\0"}
    photos = {f"Flicker8k_Dataset/{name}.jpg": NOISE for name in "abcde"}
    return {
        TEXT: zip_bytes({"Flickr8k.token.txt": captions, **lists, **litter}),
        PHOTOS: zip_bytes({"Flicker8k_Dataset/": b"", **photos, "__MACOSX/Flicker8k_Dataset/._a.jpg": b"\0\5\x16\7"}),
    }


class Mirror(ThreadingHTTPServer):
    """A server of files. Its attributes set the faults of its answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = make_zips()
        self.ranges, self.lengths, self.redirects = True, True, False
        self.breaks = []  # lengths in bytes at which the next answers are cut; None: complete
        self.status = 200
        self.requests = []  # (name, range) of each request

    def handle_error(self, *_):
        """Print nothing about clients that close the connection."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirror, name = self.server, self.path.rpartition("/")[2]
        if mirror.redirects and not self.path.startswith("/elsewhere/"):
            return self._head(302, {"Location": f"{mirror.url}/elsewhere/{name}"})
        mirror.requests.append((name, self.headers.get("Range")))
        if mirror.status != 200 or name not in mirror.files:
            return self.send_error(mirror.status if mirror.status != 200 else 404)
        content, start = mirror.files[name], 0
        headers = {"Content-Type": "text/html" if content.startswith(b"<") else "application/octet-stream"}
        if mirror.ranges and "Range" in self.headers:
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if mirror.lengths:
            headers["Content-Length"] = len(content) - start
        self._head(206 if "Content-Range" in headers else 200, headers)
        cut = mirror.breaks.pop(0) if mirror.breaks else None
        self.wfile.write(content[start:] if cut is None else content[start : start + cut])

    def log_message(self, *_):
        """Print no log."""

    def _head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()


@pytest.fixture
def mirror(monkeypatch):
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    archives = [
        download.Archive(name, len(content), hashlib.md5(content).hexdigest()) for name, content in server.files.items()
    ]
    monkeypatch.setattr(download, "ARCHIVES", archives)
    monkeypatch.setattr(download, "MIRROR", server.url)
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setattr(download, "CHUNK", 5000)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "flickr 8k"


@pytest.fixture
def run(root, capsys):
    """Return a function that runs the command and returns its exit code, stdout and stderr."""

    def run(*options):
        code = command.main(["--root", str(root), *options])
        return code, *capsys.readouterr()

    return run


def names_in(root):
    return {path.name for path in root.iterdir()}


def failed_download(run, *options):
    """Return the error message of a download that fails, without the progress bar."""
    code, _, err = run("--download", *options)
    assert code == 2
    return err[err.index("error: ") :]


# Complete downloads


def test_download_from_mirror_to_training_command(mirror, root, run):
    code, out, _ = run("--download")
    assert code == 0
    assert names_in(root) == {TEXT, PHOTOS, "Flickr8k_text", "Flickr8k_Dataset"}
    assert names_in(root / "Flickr8k_text") == {"Flickr8k.token.txt"} | {
        f"Flickr_8k.{split}Images.txt" for split in LISTS
    }
    assert names_in(root / "Flickr8k_Dataset") == {"Flicker8k_Dataset"}
    dataset = flickr8k.read(root, flickr8k.SPLITS)
    assert {split: len(images) for split, images in dataset.splits.items()} == {"train": 3, "dev": 1, "test": 1}
    assert dataset.notes == () and dataset.splits["dev"][0].path.read_bytes() == NOISE
    assert "research and teaching only" in out.splitlines()[0] and "Hodosh" in out
    assert "train: 3 images, 15 captions\n" in out
    assert out.endswith(f"  python -m numpy_sat.train --small --data flickr8k --root '{root}'\n")

    mirror.requests.clear()
    code, out, _ = run("--download")
    assert code == 0 and "already holds a copy, so nothing is downloaded" in out and mirror.requests == []


def test_command_as_a_module(root, run, tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "numpy_sat.flickr8k"],
        env={**os.environ, "NUMPY_SAT_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    assert (
        f"{tmp_path / 'cache' / 'flickr8k'}: there is no such folder; use --download to download the" in process.stderr
    )


def test_constants_of_the_real_zips():
    assert [archive.name for archive in download.ARCHIVES] == [TEXT, PHOTOS]
    assert all(re.fullmatch("[0-9a-f]{32}", archive.md5) for archive in download.ARCHIVES)
    assert download.MIRROR == "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"


def test_a_redirected_download_continues(mirror, run):
    mirror.redirects, mirror.breaks = True, [None, 20_000]
    assert run("--download")[0] == 0
    assert mirror.requests == [(TEXT, None), (PHOTOS, None), (PHOTOS, "bytes=20000-")]


# Interrupted transfers


def test_an_interrupted_transfer_continues_where_it_stopped(mirror, root, run):
    mirror.breaks = [100, None, 20_000, 30_000]
    assert run("--download")[0] == 0
    assert mirror.requests == [
        *[(TEXT, None), (TEXT, "bytes=100-")],
        *[(PHOTOS, None), (PHOTOS, "bytes=20000-"), (PHOTOS, "bytes=50000-")],
    ]
    assert (root / PHOTOS).read_bytes() == mirror.files[PHOTOS]


def test_a_transfer_without_a_length_continues(mirror, run):
    mirror.lengths, mirror.breaks = False, [None, 20_000]
    assert run("--download")[0] == 0
    assert mirror.requests[1:] == [(PHOTOS, None), (PHOTOS, "bytes=20000-")]


def test_a_transfer_without_progress_is_kept_for_the_next_run(mirror, root, run):
    mirror.breaks = [None, 20_000, 0]
    size = len(mirror.files[PHOTOS])
    message = failed_download(run)
    assert (
        f"{PHOTOS}: the download stopped after 20,000 of {size:,} bytes (the connection was closed). They are kept"
        in message
    )
    assert f"get {TEXT} and {PHOTOS} from elsewhere, put them into {root}" in message
    assert names_in(root) == {TEXT, "Flickr8k_text", PHOTOS + ".part"}
    mirror.requests.clear()
    assert run("--download")[0] == 0
    assert mirror.requests == [(PHOTOS, "bytes=20000-")]


def test_a_server_without_range_requests_starts_again(mirror, run):
    mirror.ranges, mirror.breaks = False, [None, 20_000, 40_000]
    code, _, err = run("--download")
    assert code == 0 and f"\r{PHOTOS}: 100%" in err
    assert mirror.requests[1:] == [(PHOTOS, None), (PHOTOS, "bytes=20000-"), (PHOTOS, "bytes=40000-")]


def test_requests_to_a_server_that_always_fails_end(mirror, run):
    mirror.ranges, mirror.breaks = False, [None] + [20_000] * 50
    assert "the download stopped after 20,000 of" in failed_download(run)
    assert len(mirror.requests) == 3


def test_an_interrupted_run_is_continued_by_the_next(mirror, root, run, monkeypatch):
    update, calls = download.tqdm.update, []

    def interrupt(bar, n=1):
        calls.append(n)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return update(bar, n)

    monkeypatch.setattr(download.tqdm, "update", interrupt)
    code, _, err = run("--download")
    assert code == 130
    assert f"Continue with: python -m numpy_sat.flickr8k --download --root '{root}'" in err
    part = root / f"{PHOTOS}.part"
    size = part.stat().st_size
    assert size > 0 and part.read_bytes() == mirror.files[PHOTOS][:size]
    mirror.requests.clear()
    assert run("--download")[0] == 0
    assert mirror.requests == [(PHOTOS, f"bytes={size}-")]


# A missing mirror, or other files


def test_the_mirror_no_longer_exists(mirror, root, run):
    mirror.files.clear()
    message = failed_download(run)
    assert f"{TEXT} no longer exists (HTTP Error 404: Not Found); get {TEXT} and {PHOTOS} from elsewhere" in message
    assert "name it with --root" in message
    assert names_in(root) == set() and len(mirror.requests) == 1


def test_the_mirror_vanishes_during_a_download(mirror, root, run):
    mirror.breaks = [None, 20_000]
    del mirror.files[TEXT]
    (root / "Flickr8k_text").mkdir(parents=True)
    part = root / f"{PHOTOS}.part"
    part.write_bytes(mirror.files.pop(PHOTOS)[:7000])
    assert f"{PHOTOS} no longer exists" in failed_download(run)
    assert part.stat().st_size == 7000


@pytest.mark.parametrize("status", [403, 503])
def test_the_mirror_refuses(mirror, run, status):
    mirror.status = status
    assert re.search(
        rf"{TEXT} cannot be downloaded \(HTTP Error {status}: .*\)\. Try later, or get", failed_download(run)
    )
    assert len(mirror.requests) == 1


def test_no_server_answers(mirror, run, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(download, "MIRROR", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert re.search(
        rf"{TEXT} cannot be downloaded \(\[Errno \d+\] .*refused\)\. Try later, or get", failed_download(run)
    )


def test_a_page_instead_of_the_zip(mirror, root, run):
    mirror.files[TEXT] = b"<html>Accept our terms to use this network</html>"
    message = failed_download(run)
    assert "the answer is not a zip but text/html, perhaps a login page of your network" in message
    assert names_in(root) == set()


def test_a_different_length(mirror, root, run):
    size = len(mirror.files[TEXT])
    mirror.files[TEXT] += b"more"
    assert f"the mirror now has a different file, of {size + 4:,} bytes, not {size:,}; get" in failed_download(run)
    assert names_in(root) == set()


def test_a_different_length_of_a_continued_transfer(mirror, root, run):
    root.mkdir()
    (root / f"{TEXT}.part").write_bytes(mirror.files[TEXT][:100])
    mirror.files[TEXT] += b"more"
    assert "the mirror now has a different file" in failed_download(run)


def test_more_bytes_than_expected(mirror, root, run):
    mirror.lengths = False
    mirror.files[TEXT] += bytes(1_000_000)
    assert "the downloaded file is damaged" in failed_download(run)
    assert names_in(root) == set()


def test_different_bytes_of_the_same_length(mirror, root, run):
    content = mirror.files[TEXT]
    mirror.files[TEXT] = content[:100] + bytes([content[100] ^ 1]) + content[101:]
    assert re.search(
        "the downloaded file is damaged .its MD5 is .*, not .*. and was removed. Try once more", failed_download(run)
    )
    assert names_in(root) == set()


# Existing files


def test_existing_zips_are_used(mirror, root, run):
    root.mkdir()
    for name, content in mirror.files.items():
        (root / name).write_bytes(content)
    assert run("--download")[0] == 0
    assert mirror.requests == []


def test_an_existing_zip_that_is_cut_short(mirror, root, run):
    root.mkdir()
    (root / TEXT).write_bytes(mirror.files[TEXT][:-1])
    assert re.search(rf"{TEXT} is not the mirror's zip: .* bytes, not .*\. Remove it", failed_download(run))
    assert (root / TEXT).exists() and mirror.requests == []


def test_only_missing_parts_are_downloaded(mirror, root, run):
    assert run("--download")[0] == 0
    for path in (root / "Flickr8k_text").iterdir():
        path.unlink()
    (root / "Flickr8k_text").rmdir()
    (root / TEXT).unlink()
    mirror.requests.clear()
    assert run("--download")[0] == 0
    assert mirror.requests == [(TEXT, None)]


def test_only_the_captions_are_downloaded_for_unpacked_photos(mirror, root, run):
    root.mkdir()
    with zipfile.ZipFile(io.BytesIO(mirror.files[PHOTOS])) as archive:
        archive.extractall(root)
    assert run("--download")[0] == 0
    assert mirror.requests == [(TEXT, None)]


def test_an_incomplete_folder_is_refused(mirror, root, run):
    (root / "Flickr8k_Dataset").mkdir(parents=True)
    assert "Flickr8k_Dataset already exists but is incomplete; move it away" in failed_download(run)


def test_a_file_instead_of_the_folder_is_refused(mirror, root, run):
    root.write_text("")
    assert "flickr 8k: cannot be written (File exists)" in failed_download(run)


# Unpacking


@pytest.fixture
def unpack_error(tmp_path):
    """Return a function that unpacks a bad zip and returns the error message."""

    def unpack_error(members, change=lambda content: content):
        path, folder = tmp_path / "inside" / "bad.zip", tmp_path / "inside" / "bad"
        path.parent.mkdir()
        path.write_bytes(change(zip_bytes(members)))
        with pytest.raises(InputError) as caught:
            download.unpack(path, folder)
        assert names_in(path.parent) == {"bad.zip"} and names_in(tmp_path) == {"inside"}
        return str(caught.value)

    return unpack_error


@pytest.mark.parametrize("name", ["../out", "in/../../out", "..", "/tmp/numpy_sat-out", "..\\out", "C:\\out", "C:out"])
def test_a_member_outside_the_folder_is_refused(unpack_error, name):
    message = unpack_error({"Flicker8k_Dataset/a.jpg": b"harmless", name: b"harm"})
    assert f"bad.zip: its member {name} would be written outside the folder; do not trust this zip" in message


def test_a_symbolic_link_is_refused(unpack_error):
    message = unpack_error({"Flicker8k_Dataset->": b"/etc", "Flicker8k_Dataset/passwd": b"harm"})
    assert "bad.zip: its member Flicker8k_Dataset is a symbolic link; do not trust this zip." in message


def test_files_of_macos_are_not_unpacked(tmp_path):
    (tmp_path / "odd.zip").write_bytes(zip_bytes({"a": b"a", "__MACOSX/../../out": b"harm", "b/.DS_Store": b"harm"}))
    download.unpack(tmp_path / "odd.zip", tmp_path / "odd")
    assert names_in(tmp_path) == {"odd.zip", "odd"} and names_in(tmp_path / "odd") == {"a"}


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-30],
        lambda content: b"<html></html>",
        lambda content: content.replace(NOISE[:100], NOISE[100:200]),
    ],
    ids=["cut short", "no zip", "damaged"],
)
def test_a_damaged_zip_is_refused(unpack_error, change):
    assert "bad.zip is damaged or not a zip (" in unpack_error({"a.jpg": NOISE, "b.jpg": NOISE}, change)


def test_a_full_disk_while_unpacking(unpack_error, monkeypatch):
    def fail(archive, member, folder):
        (folder / member.filename).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extract", fail)
    message = unpack_error({"a.jpg": NOISE})
    assert re.search(
        r"bad: cannot be unpacked \(No space left on device\); free some space\. .*bad\.zip is kept", message
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_full_disk_while_downloading(mirror, root, run):
    root.mkdir()
    (root / f"{TEXT}.part").symlink_to("/dev/full")
    assert "Flickr8k_text.zip.part: cannot be written (No space left on device); free some space" in failed_download(
        run
    )


def test_killed_while_unpacking(mirror, root, run, monkeypatch):
    """Check that the draft of a killed run is not read as data, and that the next run removes it."""

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(download.shutil, "rmtree", lambda *_, **__: None)  # a killed run does not clean up
        patched.setattr(download.Path, "rename", kill)
        assert run("--download")[0] == 130
    draft = root.joinpath(*download.DRAFT)
    assert "Flickr8k.token.txt" in names_in(draft)
    draft.joinpath("Flicker8k_Dataset").mkdir()
    for name in "abcde":
        draft.joinpath("Flicker8k_Dataset", f"{name}.jpg").write_bytes(NOISE)
    with pytest.raises(InputError, match="does not hold the data set"):
        flickr8k.read(root)
    assert run("--download")[0] == 0
    assert names_in(root) == {TEXT, PHOTOS, "Flickr8k_text", "Flickr8k_Dataset"}
    assert names_in(root / "Flickr8k_Dataset" / "Flicker8k_Dataset") == {f"{name}.jpg" for name in "abcde"}


# Describing a copy


def test_a_copy_of_the_later_layout(root, run):
    (root / "Images").mkdir(parents=True)
    names = [f"{i}.jpg" for i in range(16)]
    (root / "captions.txt").write_text("image,caption\n" + "".join(f"{name},a dog\n" for name in names))
    for name in names:
        (root / "Images" / name).write_bytes(NOISE)
    code, out, _ = run()
    assert code == 0
    assert "train: 12 images, 12 captions" in out and "were split 12/2/2 (train/dev/test)" in out


@pytest.mark.parametrize(("name", "is_of_flickr8k"), [("{}_33d305cf0{}.jpg", True), ("holiday {}{}.jpg", False)])
def test_official_sizes_stand_beside_photos_of_flickr8k_only(root, run, name, is_of_flickr8k):
    (root / "Images").mkdir(parents=True)
    names = [name.format(2513260012, k) for k in range(9)]
    (root / "captions.txt").write_text("image,caption\n" + "".join(f"{name},a dog\n" for name in names))
    for photo in names:
        (root / "Images" / photo).write_bytes(NOISE)
    code, out, _ = run()
    assert code == 0 and ("the official split has 6,000." in out) == is_of_flickr8k


def test_a_copy_without_some_photos(mirror, root, run):
    run("--download")
    photos = root / "Flickr8k_Dataset" / "Flicker8k_Dataset"
    (photos / "e.jpg").unlink()
    _, out, _ = run()
    assert "Split test, not used here, lacks 1 photo of 1." in out and out.endswith(f"--root '{root}'\n")
    (photos / "a.jpg").unlink()
    code, out, _ = run()
    assert code == 0
    assert "train: 2 images" in out and "Split train lacks 1 photo of 3; left out: a.jpg." in out
    assert out.endswith(f"--root '{root}' --skip-missing\n")


def test_a_folder_with_other_files(root, run):
    root.mkdir()
    code, _, err = run()
    assert code == 2 and "does not hold the data set" in err
