"""Test the data and the safety of HTML pages of captions. tests/test_browser.py opens them in a browser."""

import base64
import hashlib
import io
import re

import numpy as np
import pytest
from html_pages import data_of
from PIL import Image

from numpy_sat.data import images
from numpy_sat.decoding.trace import Beam, Trace, TracedWord
from numpy_sat.evaluation import page

HEADS, L = 4, 196


def make_word(rng, text, heads=0, location=None, locations=L):
    """Return a TracedWord with random attention."""
    alpha = rng.dirichlet(np.ones(locations))
    likeliest = tuple((f"word{k}", 0.5 / 2**k) for k in range(5))
    weights = rng.dirichlet(np.ones(locations), heads).reshape(heads, locations)
    beams = (Beam(("a",), -0.5), Beam(("the", "<end>"), -1.25))
    return TracedWord(text, 0.25, likeliest, 0.75, alpha, weights, location, beams)


def make_trace(rng, texts=("a", "dog", "<end>"), **options):
    """Return a Trace of words with random attention."""
    return Trace(tuple(make_word(rng, text, **options) for text in texts), -3.5)


def test_the_data_of_a_page(rng):
    trace = make_trace(rng, heads=2, location=17)
    (entry,) = data_of(page.text("title", [page.Entry("dog.jpg", trace, Image.new("RGB", (40, 30)), note="best")]))
    assert (entry["name"], entry["note"], entry["caption"], entry["log_p"]) == ("dog.jpg", "best", "a dog", -3.5)
    assert entry["grid"] == [14, 14] and entry["absence"] is None and entry["source"] == []
    for data, word in zip(entry["words"], trace.words, strict=True):
        assert (data["text"], data["probability"], data["beta"], data["location"]) == (word.text, 0.25, 0.75, 17)
        np.testing.assert_allclose(np.array(data["alpha"]) / page.UNIT, word.alpha, rtol=0, atol=0.5 / page.UNIT)
        np.testing.assert_allclose(np.array(data["heads"]) / page.UNIT, word.heads, rtol=0, atol=0.5 / page.UNIT)
        assert data["likeliest"] == [
            ["word0", 0.5],
            ["word1", 0.25],
            ["word2", 0.125],
            ["word3", 0.0625],
            ["word4", 0.03125],
        ]
        assert data["beams"] == [["a", -0.5], ["the <end>", -1.25]]
    with Image.open(io.BytesIO(base64.b64decode(entry["image"].partition(",")[2]))) as image:
        assert image.format == "JPEG" and image.size == (40, 30)


def test_script_and_python_use_the_same_unit():
    assert f"const UNIT = {page.UNIT:.0e}".replace("e+0", "e") in (page.FOLDER / "page.js").read_text(encoding="utf-8")


def test_a_model_without_attention_has_no_maps(rng):
    trace = make_trace(rng, locations=0)
    (entry,) = data_of(page.text("title", [page.Entry("dog.jpg", trace, absence="this model has no attention.")]))
    assert entry["absence"] == "this model has no attention." and entry["image"] is None
    assert all(word["alpha"] == word["heads"] == [] for word in entry["words"])


@pytest.mark.parametrize(
    "bad", ["</script><script>alert(1)</script>", "<!--<script>", "{data}", "\x1b[2J\u202e", "&amp;"]
)
def test_names_and_words_cannot_break_out(rng, bad):
    """Check that the page has two scripts, whose policy allows one of them, and that the data come back unchanged."""
    entries = [page.Entry(bad, make_trace(rng, ("a", bad, "<end>")), note=bad)]
    text = page.text(bad, entries)
    assert len(re.findall("<script", text)) == 2 == len(re.findall("</script>", text)) and "\x1b" not in text
    (entry,) = data_of(text)
    expected = bad.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert entry["name"] == entry["note"] == entry["words"][1]["text"] == expected
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_a_page_names_no_address(rng):
    text = page.text("title", [page.Entry("dog.jpg", make_trace(rng), Image.new("RGB", (40, 30)))])
    assert not re.search(r"https?:|//\w+\.\w|url\(|@import|\bfetch\b|XMLHttpRequest", re.sub(r'"data:[^"]*"', "", text))


def test_a_dozen_noisy_photos_stay_below_2_megabytes(rng, tmp_path):
    """Check the largest page: photos of noise, which JPEG cannot compress, and four heads."""
    Image.fromarray(rng.integers(0, 256, (1200, 1600, 3), dtype=np.uint8)).save(tmp_path / "noise.jpg", quality=95)
    photo = images.read_small(tmp_path / "noise.jpg", page.SIDE)
    assert photo.size == (480, 360)
    trace = make_trace(rng, texts=["word"] * 15, heads=HEADS)
    page.write(tmp_path / "look.html", "title", [page.Entry("noise.jpg", trace, photo)] * 12)
    assert (tmp_path / "look.html").stat().st_size < 2e6
