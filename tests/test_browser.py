"""Open pages in a real browser: the map under the pointer, the keyboard, light and dark, no requests, and serve."""

import base64
import io
import threading

import browsers
import numpy as np
import pytest
from PIL import Image

from numpy_sat.decoding.trace import Beam, Trace, TracedWord
from numpy_sat.evaluation import page
from numpy_sat.experiment import runs
from numpy_sat.tasks.serve import Server

pytestmark = pytest.mark.slow
SIDE = 5  # rows and columns of an attention map
CELLS = (0, 4, 12, 20)  # where each word has its attention
LOUD = "<img src=x onerror=alert(1)><script>alert(2)<.jpg"  # a file's name
TEXTS = ("a", "dog", "runs", "<end>")


@pytest.fixture(scope="module")
def browser():
    driver = browsers.start()
    yield driver
    driver.quit()


def one_hot(cell, L=SIDE * SIDE):
    """Return attention weights of which most are in one cell."""
    alpha = np.full(L, 0.1 / (L - 1))
    alpha[cell] = 0.9
    return alpha


def make_trace(cells=CELLS, heads=0, hard=False, L=SIDE * SIDE):
    """Return a Trace whose words attend to cells. Head k looks k cells further; hard attention reads one cell."""
    words = [
        TracedWord(
            text,
            0.5,
            ((text, 0.5), ("cat", 0.25), ("the", 0.125), ("of", 0.0625), ("<unk>", 0.0005)),
            None if hard else 0.8,
            one_hot(cell, L),
            np.array([one_hot((cell + k) % L, L) for k in range(heads)]).reshape(heads, L),
            cell if hard else None,
            (Beam(TEXTS[:t], -0.7 * t), Beam(("the",), -1.5)),
        )
        for t, (text, cell) in enumerate(zip(TEXTS, cells, strict=True))
    ]
    return Trace(tuple(words), -2.8)


@pytest.fixture(scope="module")
def entries(browser, tmp_path_factory):
    """Open a page of five captions, and return their elements: soft, heads, hard, without attention, a phrase."""
    photo = Image.new("RGB", (300, 200), (90, 90, 90))
    source = ("un", "cane", "corre", "<end>")
    path = tmp_path_factory.mktemp("page") / "look.html"
    page.write(
        path,
        "Captions",
        [
            page.Entry("soft.jpg", make_trace(), photo, note="best"),
            page.Entry("heads.jpg", make_trace(heads=3), photo),
            page.Entry("hard.jpg", make_trace(hard=True), photo),
            page.Entry("tell.jpg", make_trace((0,) * 4, L=4), photo, absence="this model has no attention."),
            page.Entry("un cane corre", make_trace((0, 1, 2, 3), heads=2, L=4), source=source),
        ],
    )
    browser.get(path.as_uri())
    return browser.find_elements("css selector", "article")


def find(entry, selector):
    """Return all elements below an entry that a CSS selector names."""
    return entry.find_elements("css selector", selector)


def words_of(entry):
    """Return the buttons of an entry: the image alone, then the words."""
    return find(entry, ".words button")


def pixels(element):
    """Return the screenshot of an element as (H, W) gray values."""
    element.parent.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    with Image.open(io.BytesIO(element.screenshot_as_png)) as image:
        return np.asarray(image.convert("L")).astype(int)


def brightest_cell(gray):
    """Return the cell of a SIDE x SIDE grid with the highest mean of an image."""
    rows = np.array_split(gray, SIDE, axis=0)
    means = [block.mean() for row in rows for block in np.array_split(row, SIDE, axis=1)]
    return int(np.argmax(means))


def hover(browser, element):
    """Move the pointer over an element."""
    from selenium.webdriver import ActionChains

    ActionChains(browser, duration=0).move_to_element(element).perform()


def press(browser, *keys):
    """Press keys on the element that has the focus."""
    from selenium.webdriver import ActionChains

    ActionChains(browser, duration=0).send_keys(*keys).perform()


def test_the_map_follows_the_pointer(browser, entries):
    soft = entries[0]
    image, *words = words_of(soft)
    image.click()
    (photo,) = find(soft, ".photo")
    alone = pixels(photo)
    assert np.ptp(alone) < 10  # the gray photo without a map
    for word, cell in zip(words, CELLS, strict=True):
        hover(browser, word)
        gray = pixels(photo)
        assert gray.shape == alone.shape and np.abs(gray - alone).mean() > 20
        assert brightest_cell(gray) == cell
        assert word.get_attribute("aria-pressed") == "true"
    assert soft.find_element("css selector", ".largest").text == "0.90"
    assert "attention weight alpha" in soft.find_element("css selector", ".scale").text


def test_what_the_page_says_about_a_word(browser, entries):
    soft = entries[0]
    hover(browser, words_of(soft)[2])
    status = soft.find_element("css selector", "[role=status]").text
    assert status.startswith('"dog", word 2 of 4: probability 50 %.') and "0.90, in row 1 of 5, column 5 of 5" in status
    rows = [row.text.split() for row in find(soft, ".likeliest tr")]
    assert rows == [
        ["dog", "50", "%"],
        ["cat", "25", "%"],
        ["the", "13", "%"],
        ["of", "6.3", "%"],
        ["<unk>", "<", "0.1", "%"],
    ]
    assert soft.find_element("css selector", ".gate").text.split() == ["Gate", "beta", "0.80"]
    beams = find(soft, ".beams li")
    assert not beams[0].is_displayed()
    soft.find_element("css selector", ".beams summary").click()
    assert [beam.text for beam in find(soft, ".beams li")] == ["a (log p -0.70)", "the (log p -1.50)"]
    assert [beam.get_attribute("class") for beam in beams] == ["chosen", ""]


def test_the_keyboard_alone(browser, entries):
    """Step through words with arrows, and with Tab to the heads, the beams and the next caption."""
    from selenium.webdriver import Keys

    heads = entries[1]
    words = words_of(heads)
    browser.execute_script("arguments[0].focus()", words[0])
    (photo,) = find(heads, ".photo")
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == words[2] and brightest_cell(pixels(photo)) == CELLS[1]
    press(browser, Keys.END)
    assert browser.switch_to.active_element == words[-1] and brightest_cell(pixels(photo)) == CELLS[3]
    press(browser, Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == words[-1]
    press(browser, Keys.HOME, Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == words[1]
    press(browser, Keys.TAB)  # the radio buttons of the heads
    assert browser.switch_to.active_element.get_attribute("type") == "radio"
    press(browser, Keys.ARROW_DOWN, Keys.ARROW_DOWN)  # head 2 looks one cell further
    assert brightest_cell(pixels(photo)) == CELLS[0] + 1
    press(browser, Keys.TAB, Keys.ENTER)
    assert browser.switch_to.active_element.tag_name == "summary" and find(heads, ".beams li")[0].is_displayed()
    press(browser, Keys.TAB)
    assert browser.switch_to.active_element in words_of(entries[2])
    browser.execute_script("arguments[0].focus()", words[1])
    press(browser, Keys.ESCAPE)
    assert browser.switch_to.active_element == words[0] and np.ptp(pixels(photo)) < 10


def test_a_screen_reader_gets_names_and_states(browser, entries):
    words_of(entries[0])[1].click()
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    assert ("button", "word 2 of 4: dog") in nodes and ("button", "the image alone") in nodes
    assert ("toolbar", "Words of the caption") in nodes and ("image", "The image soft.jpg") in nodes
    assert ("table", "Attention weights: a row for each written word, a column for each read word") in nodes
    assert ("status", "") in nodes and ("meter", "Gate beta") in nodes and ("heading", "soft.jpg") in nodes


def test_hard_attention_marks_the_location_it_read(browser, entries):
    hard = entries[2]
    hover(browser, words_of(hard)[3])
    location, photo = (hard.find_element("css selector", name).rect for name in (".location", ".photo"))
    column, row = CELLS[2] % SIDE, CELLS[2] // SIDE
    assert location["x"] - photo["x"] == pytest.approx(column * photo["width"] / SIDE, abs=1)
    assert location["y"] - photo["y"] == pytest.approx(row * photo["height"] / SIDE, abs=1)
    assert "read only the location in row 3 of 5, column 3 of 5" in hard.find_element("css selector", ".status").text
    assert not hard.find_element("css selector", ".gate").is_displayed()  # it has none
    words_of(hard)[0].click()
    assert not hard.find_element("css selector", ".location").is_displayed()


def test_a_model_without_attention_says_so(browser, entries):
    tell = entries[3]
    words_of(tell)[1].click()
    assert tell.find_element("css selector", ".absence").text == "No attention map: this model has no attention."
    assert np.ptp(pixels(tell.find_element("css selector", ".photo"))) < 10
    assert not tell.find_element("css selector", ".scale").is_displayed()
    assert tell.find_element("css selector", ".status").text == '"a", word 1 of 4: probability 50 %.'


def test_the_alignment_of_a_translation(browser, entries):
    phrase = entries[4]
    hover(browser, words_of(phrase)[2])
    assert [head.text for head in find(phrase, ".alignment thead th")] == ["un", "cane", "corre", "<end>"]
    rows = find(phrase, ".alignment tbody tr")
    assert [row.text.split() for row in rows][1] == ["dog", "0.03", "0.90", "0.03", "0.03"]
    assert [row.get_attribute("class") for row in rows] == ["", "chosen", "", ""]
    bright = [pixels(cell).mean() for cell in find(rows[1], "td")]
    assert np.argmax(bright) == 1 and bright[1] > 150 > 60 > bright[0]
    assert 'The largest attention weight is 0.90, on "cane".' in phrase.find_element("css selector", ".status").text
    find(phrase, ".heads input")[2].click()  # head 2 looks one word further
    assert find(phrase, ".alignment tbody tr")[1].text.split()[1:] == ["0.03", "0.03", "0.90", "0.03"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
def test_schemes_and_widths(browser, entries, scheme, width):
    """Check the contrast of text, and that nothing is wider than the window."""
    browsers.emulate(browser, scheme, width)
    try:
        colors = browser.execute_script(
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        )
        ink, paper = (np.mean([int(part) for part in color[4:-1].split(",")]) for color in colors)
        assert (ink < 60 and paper > 200) if scheme == "light" else (ink > 200 and paper < 60)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browsers.emulate(browser)


def test_no_requests_and_no_console_errors(browser, entries):
    """Check the log of all tests above: the page asks for itself and its own data alone."""
    assert all(address.startswith(("file:", "data:")) for address in browsers.requests(browser))
    assert browser.get_log("browser") == []
    # The page's policy blocks addresses that a caption could inject.
    browser.execute_script("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]


# The page of `serve`


@pytest.fixture
def served(browser, trained):
    """Open the page of a server with two tiny models, and return the server."""
    models = {"first": runs.load_model(trained), "tell": runs.load_model(trained.parent / "tell")}
    with Server(0, models) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        browsers.requests(browser)
        browser.get_log("browser")
        browser.get(f"http://127.0.0.1:{server.server_port}/")
        yield server
        server.shutdown()
        thread.join()
        assert all(address.startswith((browser.current_url, "data:")) for address in browsers.requests(browser))


DROP = """
const [content, name, type] = arguments, data = new DataTransfer();
data.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, {type: "image/jpeg"}));
const options = type === "paste" ? {clipboardData: data} : {dataTransfer: data};
const Kind = type === "paste" ? ClipboardEvent : DragEvent;
document.body.dispatchEvent(new Kind(type, {...options, bubbles: true, cancelable: true}));
"""


def drop(browser, content, name, kind="drop"):
    """Drop or paste a file."""
    browser.execute_script(DROP, base64.b64encode(content).decode("ascii"), name, kind)


def wait(browser, articles, errors=0):
    """Wait until the page shows so many captions and errors, and return their elements."""
    from selenium.webdriver.support.wait import WebDriverWait

    def found(driver):
        both = find(driver, "article"), find(driver, ".errors li")
        return both if (len(both[0]), len(both[1])) == (articles, errors) else None

    return WebDriverWait(browser, 60, 0.05).until(found)


def test_photos_are_dropped_pasted_and_chosen(browser, served, root):
    """Read the caption, see the map change under the pointer, and choose another model."""
    photos = sorted((root / "Flicker8k_Dataset").iterdir())[:3]
    drop(browser, photos[0].read_bytes(), LOUD)
    (entry,), _ = wait(browser, 1)
    image, first, *_ = words_of(entry)
    assert find(entry, "h2")[0].text == LOUD and first.text
    hover(browser, image)
    (photo,) = find(entry, ".photo")
    alone = pixels(photo)
    hover(browser, first)
    assert np.abs(pixels(photo) - alone).mean() > 5
    drop(browser, photos[1].read_bytes(), "pasted.jpg", "paste")
    entries, _ = wait(browser, 2)
    assert [find(entry, "h2")[0].text for entry in entries] == ["pasted.jpg", LOUD]
    browser.find_element("name", "model").send_keys("tell")
    browser.find_element("name", "photos").send_keys(str(photos[2]))
    entries, _ = wait(browser, 3)
    assert find(entries[0], ".absence")[0].text == "No attention map: this model has no attention."
    assert browser.get_log("browser") == []


def test_damaged_and_huge_photos_get_a_sentence(browser, served, root, tmp_path):
    drop(browser, b"no image", LOUD)
    _, (error,) = wait(browser, 0, 1)
    assert error.text == f"{LOUD} is not an image, or its format is not supported; use JPEG or PNG."
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(200 * 2**20)
    browser.find_element("name", "photos").send_keys(str(tmp_path / "huge.jpg"))
    _, (error,) = wait(browser, 0, 1)
    assert not find(browser.find_element("tag name", "body"), ".errors img, .errors script")
    assert error.text == "huge.jpg has more than 50 MB; make it smaller first."


def test_30_photos_in_one_go(browser, served, root):
    photos = sorted((root / "Flicker8k_Dataset").iterdir())[:30]
    browser.find_element("name", "photos").send_keys("\n".join(map(str, photos)))
    entries, _ = wait(browser, 30)
    assert [find(entry, "h2")[0].text for entry in entries] == [photo.name for photo in reversed(photos)]
    assert browser.find_element("css selector", ".progress").text == "30 of 30 photos done."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_served_page_is_narrow_too(browser, served, scheme):
    browsers.emulate(browser, scheme, 320)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 320
    finally:
        browsers.emulate(browser)
