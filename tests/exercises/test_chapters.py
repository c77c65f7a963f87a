"""Test the chapters: length, index, exercises, mathematics, printed numbers and figures.

test_pages.py checks their links, files, commands and settings, as those of all pages.
"""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from pages import ROOT, names, prose, run_python
from PIL import Image

from exercises.chapters import figures
from exercises.chapters.figures import __main__ as command

FOLDER = ROOT / "exercises" / "chapters"
INDEX = FOLDER / "README.md"
CHAPTERS = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
DRAWERS = figures.drawers()
MOST_BYTES = 60_000  # of an image
MACROS = set(  # GitHub draws these; it refuses some others, such as \operatorname
    """
    alpha beta gamma delta epsilon varepsilon eta theta lambda mu nu pi rho sigma tau phi psi omega Delta Sigma Phi
    frac tfrac sqrt sum prod int log exp ln tanh max min arg cos sin Pr lim
    cdot cdots ldots dots times odot circ star top partial nabla infty approx propto equiv sim pm in notin neq ne le leq
    ge geq lt gt ll gg to mapsto leftarrow rightarrow Rightarrow qquad quad text mathrm mathbf mathbb mathcal bar hat
    tilde vec dot overline underline underbrace overbrace left right bigl bigr Bigl Bigr lVert rVert lvert rvert mid
    begin end forall exists ell prime langle rangle big Big displaystyle textstyle lfloor rfloor
    """.split()
)


def chapters(function):
    """Run a test for each chapter."""
    return pytest.mark.parametrize("path", CHAPTERS, ids=names(CHAPTERS))(function)


def mathematics(text):
    """Return the formulas of a page: those in blocks of mathematics, and those in text, which Markdown reads first."""
    in_blocks = re.findall(r"^```math\n(.*?)^```$", text, re.S | re.M)
    text = re.sub(r"(?<!\$)`[^`\n]*`(?!\$)", "", prose(text))
    in_blocks += re.findall(r"\$`([^`]*)`\$", text)
    text = re.sub(r"\$`[^`]*`\$", "", text)
    in_text = re.findall(r"^\$\$\n(.*?)^\$\$$", text, re.S | re.M)
    text = re.sub(r"^\$\$\n.*?^\$\$$", "", text, flags=re.S | re.M)
    dollars = text.count("$")
    inline = re.findall(r"(?<![^\s(\[])\$([^$\n]*)\$(?![^\s.,;:?!)\]])", text)
    return in_blocks, in_text + inline, dollars - 2 * len(inline), inline


def is_balanced(formula):
    """Return True if braces close, and each \\begin and each \\left has its end."""
    plain, depth = re.sub(r"\\[{}]", "", formula), 0
    for character in re.findall(r"[{}]", plain):
        depth += 1 if character == "{" else -1
        if depth < 0:
            return False
    begins, ends = (re.findall(rf"\\{word}{{(\w+)}}", formula) for word in ("begin", "end"))
    lefts, rights = (len(re.findall(rf"\\{word}(?![a-z])", formula)) for word in ("left", "right"))
    return not depth and sorted(begins) == sorted(ends) and lefts == rights


def complaints_about_mathematics(text):
    """Return a sentence for each formula that GitHub does not draw."""
    in_blocks, in_text, other_dollars, inline = mathematics(text)
    complaints = [f"{other_dollars} dollar signs begin or end no formula"] if other_dollars else []
    for formula in in_blocks + in_text:
        complaints += [f"unknown macro \\{name}" for name in set(re.findall(r"\\([A-Za-z]+)", formula)) - MACROS]
        complaints += [] if is_balanced(formula) else [f"unbalanced: {formula}"]
    for formula in in_text:  # put a formula with such characters into a block ```math or between $` and `$
        if re.search(r"\\[^A-Za-z\s]|\*|\W_|^_|<[A-Za-z/]|\|", formula):
            complaints.append(f"Markdown reads a part of {formula}")
    complaints += [f"a space beside a dollar sign: {formula}" for formula in inline if formula != formula.strip()]
    return complaints


@chapters
def test_length(path):
    assert 100 <= len(path.read_text("utf-8").splitlines()) <= 250


@chapters
def test_numbers(path):
    """Run all blocks in one namespace, and compare what they print with the text blocks below them."""
    pairs = run_python(path.read_text("utf-8"))
    assert sum(bool(expected) for _, expected in pairs) >= 3
    for output, expected in pairs:
        assert output == expected


@chapters
def test_every_output_is_computed(path):
    """Check that each text block stands below a block of Python or of shell commands."""
    text = path.read_text("utf-8")
    text_blocks = re.findall(r"^```text$", text, re.M)
    assert len(re.findall(r"^```(?:python|sh)\n[^`]*?^```\n\n```text$", text, re.M)) == len(text_blocks)


@chapters
def test_links_an_exercise_and_its_check(path):
    text = path.read_text("utf-8")
    files = re.findall(r"\]\(\.\./(ex(\d\d)_\w+\.py)\)", text)
    assert files
    assert any(f"python -m exercises check {int(number)}" in text for _, number in files)


@chapters
def test_mathematics_is_as_github_draws_it(path):
    assert not complaints_about_mathematics(path.read_text("utf-8"))


def test_mathematics_that_github_does_not_draw():
    good = "The sum $x_i + y_{ij}$, ($\\alpha_t$) and `$HOME`:\n\n```math\n\\{a\\}\\, b*c\n```\n"
    assert complaints_about_mathematics(good)[:1] == []
    for bad in (
        "costs $ 5$ here",
        "an $x$y",
        "a $\\operatorname{softmax}(x)$",
        "$\\bar{a}_i$",
        "$a * b$",
        "$\\frac{a}{b$",
        "$\\{a\\}$",
        "```math\n\\begin{aligned} a\n```\n",
        "a price of $5",
    ):
        assert complaints_about_mathematics(bad), bad


@chapters
def test_shows_a_figure_with_a_description(path):
    images = re.findall(r"!\[([^\]]*)\]\((images/\w+\.png)\)", path.read_text("utf-8"))
    assert images
    for description, name in images:
        assert len(description) > 20
        assert (FOLDER / name).exists()


def test_index_lists_every_chapter():
    rows = re.findall(r"^\| \[[^\]]+\]\((\w+\.md)\)", INDEX.read_text("utf-8"), re.M)
    assert sorted(rows) == [path.name for path in CHAPTERS]


def test_every_image_has_its_function_and_its_chapter():
    text = "".join(path.read_text("utf-8") for path in CHAPTERS)
    images = {path.stem for path in (FOLDER / "images").iterdir()}
    assert images == DRAWERS.keys() == set(re.findall(r"\]\(images/(\w+)\.png\)", text))


@pytest.mark.drawn
@pytest.mark.parametrize("name", DRAWERS)
def test_figure(name, tmp_path):
    figure = DRAWERS[name]()
    assert isinstance(figure, Figure)
    paths = tmp_path / "figure.png", FOLDER / "images" / f"{name}.png"
    figures.save(figure, paths[0])
    assert max(path.stat().st_size for path in paths) <= MOST_BYTES
    new_size, stored_size = (Image.open(path).size for path in paths)
    # Versions of matplotlib round the size of 4.1 inches differently.
    assert np.allclose(new_size, stored_size, rtol=0, atol=1), "run python -m exercises.chapters.figures"


def test_command_draws_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "IMAGES", tmp_path)
    name = min(DRAWERS)
    assert command.main([name]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
    with pytest.raises(SystemExit):
        command.main(["unknown"])
    assert "unknown is no figure" in capsys.readouterr().err
