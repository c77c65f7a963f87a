"""Fetching Flickr8k: from a mirror that breaks off, is gone or sends something else, and zips that are not to be
trusted. The mirror is a server on this machine, its zips are made here.
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

from numpy_sat import flickr8k as command
from numpy_sat.data.flickr8k import download, flickr8k
from numpy_sat.system.errors import InputError

TEXT, PHOTOS = "Flickr8k_text.zip", "Flickr8k_Dataset.zip"
LISTS = {"train": "abc", "dev": "d", "test": "e"}
NOISE = np.random.default_rng(0).bytes(60_000)  # a photo that takes several reads


def zipped(members):
    """A zip of members by name; a name that ends in -> is a symbolic link."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name.removesuffix("->"))
            member.external_attr = (stat.S_IFLNK if name.endswith("->") else stat.S_IFREG) << 16 | 0o644 << 16
            archive.writestr(member, content)
    return file.getvalue()


def the_zips():
    """The authors' two zips, small, with what macOS left in them."""
    captions = "".join(f"{name}.jpg#{i}\tImage {name} , caption {i} .\n" for name in "abcde" for i in range(5))
    lists = {
        f"Flickr_8k.{split}Images.txt": "".join(f"{name}.jpg\n" for name in names) for split, names in LISTS.items()
    }
    litter = {"__MACOSX/._Flickr8k.token.txt": b"\0\5\x16\7", ".DS_Store": b"\0"}
    photos = {f"Flicker8k_Dataset/{name}.jpg": NOISE for name in "abcde"}
    return {
        TEXT: zipped({"Flickr8k.token.txt": captions, **lists, **litter}),
        PHOTOS: zipped({"Flicker8k_Dataset/": b"", **photos, "__MACOSX/Flicker8k_Dataset/._a.jpg": b"\0\5\x16\7"}),
    }


class Mirror(ThreadingHTTPServer):
    """Serves files; how badly, is set in its attributes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = the_zips()
        self.ranges, self.lengths, self.redirects = True, True, False
        self.breaks = []  # after how many bytes the next answers break off; None: not at all
        self.status = 200
        self.asked = []  # name, range

    def handle_error(self, *_):
        """Say nothing of clients that hang up."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirror, name = self.server, self.path.rpartition("/")[2]
        if mirror.redirects and not self.path.startswith("/elsewhere/"):
            return self._head(302, {"Location": f"{mirror.url}/elsewhere/{name}"})
        mirror.asked.append((name, self.headers.get("Range")))
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
        """Keep quiet."""

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
def root(tmp_path):
    return tmp_path / "flickr 8k"


@pytest.fixture
def run(root, capsys):
    """Runs the command: exit code, what it prints, what it says on stderr."""

    def run(*more):
        code = command.main(["--root", str(root), *more])
        return code, *capsys.readouterr()

    return run


def names_in(root):
    return {path.name for path in root.iterdir()}


def refused(run, *more):
    """The sentence of a run that fails, without the bar."""
    code, _, err = run("--download", *more)
    assert code == 2
    return err[err.index("error: ") :]


# From the mirror to the training command


def test_the_whole_way(mirror, root, run):
    code, out, _ = run("--download")
    assert code == 0
    assert names_in(root) == {TEXT, PHOTOS, "Flickr8k_text", "Flickr8k_Dataset"}
    assert names_in(root / "Flickr8k_text") == {"Flickr8k.token.txt"} | {
        f"Flickr_8k.{split}Images.txt" for split in LISTS
    }
    assert names_in(root / "Flickr8k_Dataset") == {"Flicker8k_Dataset"}
    found = flickr8k.read(root, flickr8k.SPLITS)
    assert {split: len(images) for split, images in found.splits.items()} == {"train": 3, "dev": 1, "test": 1}
    assert found.notes == () and found.splits["dev"][0].path.read_bytes() == NOISE
    assert "research and teaching only" in out.splitlines()[0] and "Hodosh" in out
    assert "train: 3 images, 15 captions (the official split: 6,000 images)\n" in out
    assert out.endswith(f"  python -m numpy_sat.train --small --data flickr8k --root '{root}'\n")

    mirror.asked.clear()
    code, out, _ = run("--download")
    assert code == 0 and "holds a copy, so nothing is fetched" in out and mirror.asked == []


def test_the_command_by_its_name(root, run, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "numpy_sat.flickr8k"],
        env={**os.environ, "NUMPY_SAT_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'cache' / 'flickr8k'}: there is no such folder; --download fetches the data" in done.stderr


def test_what_is_known_of_the_real_zips():
    assert [archive.name for archive in download.ARCHIVES] == [TEXT, PHOTOS]
    assert all(re.fullmatch("[0-9a-f]{32}", archive.md5) for archive in download.ARCHIVES)
    assert download.MIRROR == "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"


def test_a_redirected_download_goes_on_too(mirror, run):
    mirror.redirects, mirror.breaks = True, [None, 20_000]
    assert run("--download")[0] == 0
    assert mirror.asked == [(TEXT, None), (PHOTOS, None), (PHOTOS, "bytes=20000-")]


# Broken off


def test_a_broken_transfer_is_taken_up_where_it_ended(mirror, root, run):
    mirror.breaks = [100, None, 20_000, 30_000]
    assert run("--download")[0] == 0
    assert mirror.asked == [
        *[(TEXT, None), (TEXT, "bytes=100-")],
        *[(PHOTOS, None), (PHOTOS, "bytes=20000-"), (PHOTOS, "bytes=50000-")],
    ]
    assert (root / PHOTOS).read_bytes() == mirror.files[PHOTOS]


def test_a_transfer_without_a_length_is_taken_up_too(mirror, run):
    mirror.lengths, mirror.breaks = False, [None, 20_000]
    assert run("--download")[0] == 0
    assert mirror.asked[1:] == [(PHOTOS, None), (PHOTOS, "bytes=20000-")]


def test_a_transfer_that_gets_no_further_is_kept_for_the_next_run(mirror, root, run):
    mirror.breaks = [None, 20_000, 0]
    whole = len(mirror.files[PHOTOS])
    said = refused(run)
    assert f"{PHOTOS} broke off after 20,000 of {whole:,} bytes (the connection was closed). They are kept" in said
    assert f"get {TEXT} and {PHOTOS} from elsewhere, put them into {root}" in said
    assert names_in(root) == {TEXT, "Flickr8k_text", PHOTOS + ".part"}
    mirror.asked.clear()
    assert run("--download")[0] == 0
    assert mirror.asked == [(PHOTOS, "bytes=20000-")]


def test_a_server_without_ranges_begins_anew(mirror, run):
    mirror.ranges, mirror.breaks = False, [None, 20_000, 40_000]
    code, _, err = run("--download")
    assert code == 0 and f"\r{PHOTOS}: 100%" in err
    assert mirror.asked[1:] == [(PHOTOS, None), (PHOTOS, "bytes=20000-"), (PHOTOS, "bytes=40000-")]


def test_a_server_that_always_breaks_off_is_not_asked_for_ever(mirror, run):
    mirror.ranges, mirror.breaks = False, [None] + [20_000] * 50
    assert "broke off after 20,000 of" in refused(run)
    assert len(mirror.asked) == 3


def test_interrupted_and_gone_on_with(mirror, root, run, monkeypatch):
    update, calls = download.tqdm.update, []

    def interrupted(bar, n=1):
        calls.append(n)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return update(bar, n)

    monkeypatch.setattr(download.tqdm, "update", interrupted)
    code, _, err = run("--download")
    assert code == 130
    assert f"Go on with: python -m numpy_sat.flickr8k --download --root '{root}'" in err
    part = root / f"{PHOTOS}.part"
    come = part.stat().st_size
    assert come > 0 and part.read_bytes() == mirror.files[PHOTOS][:come]
    mirror.asked.clear()
    assert run("--download")[0] == 0
    assert mirror.asked == [(PHOTOS, f"bytes={come}-")]


# Gone, or something else


def test_the_mirror_is_gone(mirror, root, run):
    mirror.files.clear()
    said = refused(run)
    assert f"{TEXT} is gone (HTTP Error 404: Not Found); get {TEXT} and {PHOTOS} from elsewhere, put them into" in said
    assert "is named by --root" in said
    assert names_in(root) == set() and len(mirror.asked) == 1


def test_the_mirror_is_gone_in_the_middle(mirror, root, run):
    mirror.breaks = [None, 20_000]
    del mirror.files[TEXT]
    (root / "Flickr8k_text").mkdir(parents=True)
    part = root / f"{PHOTOS}.part"
    part.write_bytes(mirror.files.pop(PHOTOS)[:7000])
    assert f"{PHOTOS} is gone" in refused(run)
    assert part.stat().st_size == 7000


@pytest.mark.parametrize("status", [403, 503])
def test_the_mirror_refuses(mirror, run, status):
    mirror.status = status
    assert re.search(rf"{TEXT} cannot be fetched \(HTTP Error {status}: .*\)\. Try later, or get", refused(run))
    assert len(mirror.asked) == 1


def test_nobody_answers(mirror, run, monkeypatch):
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        monkeypatch.setattr(download, "MIRROR", f"http://127.0.0.1:{once.getsockname()[1]}")
    assert re.search(rf"{TEXT} cannot be fetched \(\[Errno \d+\] .*refused\)\. Try later, or get", refused(run))


def test_a_page_instead_of_the_zip(mirror, root, run):
    mirror.files[TEXT] = b"<html>Accept our terms to use this network</html>"
    said = refused(run)
    assert "what came is not a zip but text/html, perhaps a page of the network you are in" in said
    assert names_in(root) == set()


def test_another_length(mirror, root, run):
    known = len(mirror.files[TEXT])
    mirror.files[TEXT] += b"more"
    assert f"the mirror has another file now, of {known + 4:,} bytes, not {known:,}; get" in refused(run)
    assert names_in(root) == set()


def test_another_length_while_going_on(mirror, root, run):
    root.mkdir()
    (root / f"{TEXT}.part").write_bytes(mirror.files[TEXT][:100])
    mirror.files[TEXT] += b"more"
    assert "the mirror has another file now" in refused(run)


def test_more_than_announced(mirror, root, run):
    mirror.lengths = False
    mirror.files[TEXT] += bytes(1_000_000)
    assert "what came is damaged" in refused(run)
    assert names_in(root) == set()


def test_other_bytes_of_the_same_length(mirror, root, run):
    whole = mirror.files[TEXT]
    mirror.files[TEXT] = whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]
    assert re.search("what came is damaged .its MD5 is .*, not .*. and was removed. Try once more", refused(run))
    assert names_in(root) == set()


# What is there already


def test_zips_put_there_by_hand_are_used(mirror, root, run):
    root.mkdir()
    for name, content in mirror.files.items():
        (root / name).write_bytes(content)
    assert run("--download")[0] == 0
    assert mirror.asked == []


def test_a_zip_put_there_that_is_cut_short(mirror, root, run):
    root.mkdir()
    (root / TEXT).write_bytes(mirror.files[TEXT][:-1])
    assert re.search(rf"{TEXT} is not the zip of the mirror: .* bytes, not .*\. Remove it", refused(run))
    assert (root / TEXT).exists() and mirror.asked == []


def test_only_what_is_missing_is_fetched(mirror, root, run):
    assert run("--download")[0] == 0
    for path in (root / "Flickr8k_text").iterdir():
        path.unlink()
    (root / "Flickr8k_text").rmdir()
    (root / TEXT).unlink()
    mirror.asked.clear()
    assert run("--download")[0] == 0
    assert mirror.asked == [(TEXT, None)]


def test_photos_unpacked_by_hand_want_only_their_captions(mirror, root, run):
    root.mkdir()
    with zipfile.ZipFile(io.BytesIO(mirror.files[PHOTOS])) as archive:
        archive.extractall(root)
    assert run("--download")[0] == 0
    assert mirror.asked == [(TEXT, None)]


def test_a_folder_in_the_way(mirror, root, run):
    (root / "Flickr8k_Dataset").mkdir(parents=True)
    assert "Flickr8k_Dataset was there before, but not whole; move it away" in refused(run)


def test_a_file_in_the_way(mirror, root, run):
    root.write_text("")
    assert "flickr 8k: cannot be written (File exists)" in refused(run)


# Unpacking


@pytest.fixture
def bad(tmp_path):
    """Unpacks a zip of members that is to be refused; returns the sentence."""

    def bad(members, change=lambda content: content):
        path, folder = tmp_path / "inside" / "bad.zip", tmp_path / "inside" / "bad"
        path.parent.mkdir()
        path.write_bytes(change(zipped(members)))
        with pytest.raises(InputError) as caught:
            download.unpack(path, folder)
        assert names_in(path.parent) == {"bad.zip"} and names_in(tmp_path) == {"inside"}
        return str(caught.value)

    return bad


@pytest.mark.parametrize("name", ["../out", "in/../../out", "..", "/tmp/numpy_sat-out", "..\\out", "C:\\out", "C:out"])
def test_a_member_that_would_land_outside(bad, name):
    said = bad({"Flicker8k_Dataset/a.jpg": b"harmless", name: b"harm"})
    assert f"bad.zip: its member {name} would land outside the folder; do not trust this zip" in said


def test_a_symbolic_link(bad):
    said = bad({"Flicker8k_Dataset->": b"/etc", "Flicker8k_Dataset/passwd": b"harm"})
    assert "bad.zip: its member Flicker8k_Dataset is a symbolic link; do not trust this zip." in said


def test_litter_may_do_as_it_likes(tmp_path):
    (tmp_path / "odd.zip").write_bytes(zipped({"a": b"a", "__MACOSX/../../out": b"harm", "b/.DS_Store": b"harm"}))
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
def test_not_a_whole_zip(bad, change):
    assert "bad.zip is not a whole zip (" in bad({"a.jpg": NOISE, "b.jpg": NOISE}, change)


def test_a_full_disk_while_unpacking(bad, monkeypatch):
    def full(archive, member, aside):
        (aside / member.filename).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extract", full)
    said = bad({"a.jpg": NOISE})
    assert re.search(r"bad: cannot be unpacked \(No space left on device\); free some space\. .*bad\.zip is kept", said)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the disk that is always full is Linux's")
def test_a_full_disk_while_fetching(mirror, root, run):
    root.mkdir()
    (root / f"{TEXT}.part").symlink_to("/dev/full")
    assert "Flickr8k_text.zip.part: cannot be written (No space left on device); free some space" in refused(run)


def test_killed_while_unpacking(mirror, root, run, monkeypatch):
    """What a killed run leaves aside is not taken for data, and is removed by the next."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(download.shutil, "rmtree", lambda *_, **__: None)  # nobody cleans up after a kill
        patched.setattr(download.Path, "rename", killed)
        assert run("--download")[0] == 130
    left = root.joinpath(*download.ASIDE)
    assert "Flickr8k.token.txt" in names_in(left)
    left.joinpath("Flicker8k_Dataset").mkdir()
    for name in "abcde":
        left.joinpath("Flicker8k_Dataset", f"{name}.jpg").write_bytes(NOISE)
    with pytest.raises(InputError, match="does not hold the data set"):
        flickr8k.read(root)
    assert run("--download")[0] == 0
    assert names_in(root) == {TEXT, PHOTOS, "Flickr8k_text", "Flickr8k_Dataset"}
    assert names_in(root / "Flickr8k_Dataset" / "Flicker8k_Dataset") == {f"{name}.jpg" for name in "abcde"}


# Looking at a copy one has


def test_a_copy_of_the_later_layout(root, run):
    (root / "Images").mkdir(parents=True)
    names = [f"{i}.jpg" for i in range(16)]
    (root / "captions.txt").write_text("image,caption\n" + "".join(f"{name},a dog\n" for name in names))
    for name in names:
        (root / "Images" / name).write_bytes(NOISE)
    code, out, _ = run()
    assert code == 0
    assert "train: 12 images, 12 captions" in out and "were split 12/2/2 (train/dev/test)" in out


def test_a_copy_that_lacks_photos(mirror, root, run):
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


def test_a_folder_that_holds_something_else(root, run):
    root.mkdir()
    code, _, err = run()
    assert code == 2 and "does not hold the data set" in err
