"""Open the page of `serve` in a browser: verdicts, heat maps, curves, the keyboard, light and dark, no requests."""

import json
import threading

import browsers
import numpy as np
import pytest

from exercises.runner import lessons, plug, serve

pytestmark = pytest.mark.slow
NUMBERS = (3, 11, 14)
RIGHT, WITH_ATTENTION = (lessons.load(number).solution.read_text(encoding="utf-8") for number in (3, 11))
LOUD = "<img src=x onerror=alert(1)><script>alert(2)</script>"
WRONG = RIGHT.replace("    db = drows", f"    print('{LOUD}')\n    db = 2 * drows")
WRONG_ATTENTION = WITH_ATTENTION.replace("dkeys = dsum.sum(axis=1)", "dkeys = dsum.mean(axis=1)")


@pytest.fixture(scope="module")
def browser():
    driver = browsers.start()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory):
    """Serve exercises of which 3 and 11 are wrong, and return their folder."""
    folder = tmp_path_factory.mktemp("learner")
    names = lessons.names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "names", lambda: names)  # of modules in lessons.EXERCISES
        patch.setattr(lessons, "EXERCISES", folder)
        patch.setenv("NUMPY_SAT_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        lessons.load(3).file.write_text(WRONG)
        lessons.load(11).file.write_text(WRONG_ATTENTION)
        with serve.Server(0, list(NUMBERS)) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            browsers.requests(browser)  # forget earlier ones
            browser.get(f"http://127.0.0.1:{server.server_port}/")
            yield folder
            server.shutdown()
            thread.join()


def find(browser, selector):
    """Return all elements that a CSS selector names."""
    return browser.find_elements("css selector", selector)


def text(browser, selector):
    """Return the text of the first element that a CSS selector names, as its own document has it."""
    return browser.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def wait(browser, condition):
    """Wait until a condition holds, and return its value."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 90, 0.05).until(lambda _: condition())


def choose(browser, number):
    """Open an exercise by its address, and wait until the page shows it."""
    browser.execute_script("location.hash = arguments[0]", str(number))
    wait(browser, lambda: text(browser, "h2").startswith(f"Exercise {number}:"))


def numbers_of(panel):
    """Return the cells of a panel as an array."""
    rows = [
        [float(cell.text) for cell in row.find_elements("tag name", "td")]
        for row in panel.find_elements("css selector", "tbody tr")
    ]
    return np.array(rows)


def test_a_wrong_exercise_has_its_verdict_and_heat_maps(browser, served):
    choose(browser, 3)
    wait(browser, lambda: find(browser, ".panel"))
    assert "1 right, 1 wrong" in text(browser, ".outcome")
    assert "WRONG    linear_backward" in text(browser, ".verdict") and "right    linear_forward" in text(
        browser, ".verdict"
    )
    assert text(browser, ".arrays h4") == "db (O) of linear_backward"
    yours, right, difference = map(numbers_of, find(browser, ".panel"))
    assert np.allclose(yours, 2 * right, rtol=0.02) and np.allclose(difference, right, rtol=0.02)
    colors = [cell.value_of_css_property("background-color") for cell in find(browser, ".panel:nth-child(3) td")[1:]]
    reds, blues = zip(
        *([int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3:2]] for color in colors), strict=True
    )
    assert all(
        (red > blue) == (value > 0)
        for red, blue, value in zip(reds[-right.size :], blues[-right.size :], right.flat, strict=True)
    )
    worst = find(browser, ".panel:nth-child(3) td.worst")
    assert len(worst) == 1 and abs(float(worst[0].text)) == np.abs(difference).max()


def test_what_the_code_prints_is_text(browser, served):
    choose(browser, 3)
    wait(browser, lambda: find(browser, ".panel"))
    assert LOUD in text(browser, ".printed pre") and not find(browser, ".printed img, .printed script")


def test_other_slices_of_an_array(browser, served):
    from selenium.webdriver.support.select import Select

    choose(browser, 11)
    wait(browser, lambda: find(browser, ".arrays select"))
    assert text(browser, ".arrays h4") == "dkeys (N, L, A) of score_backward"
    before = numbers_of(find(browser, ".panel")[0])
    select = Select(find(browser, ".arrays select")[0])
    assert [option.text for option in select.options] == ["dkeys[0, :, :]", "dkeys[1, :, :]"]
    other = 1 - int(select.first_selected_option.get_attribute("value"))
    assert len(find(browser, "td.worst")) == 3
    select.select_by_index(other)
    assert not np.array_equal(numbers_of(find(browser, ".panel")[0]), before) and not find(browser, "td.worst")


def test_mathematics(browser, served):
    choose(browser, 11)
    assert "∑i αbi ai" in text(browser, ".text")
    assert [element.text for element in find(browser, ".text sub")][:2] == ["i", "bi"]
    lines = {line.text: line for line in find(browser, ".layout .line")}
    starts = [
        [cell.rect["x"] for cell in line.find_elements("css selector", ".cell")][1]
        for content, line in lines.items()
        if content.startswith(("caption 1", "caption 2"))
    ]
    assert len(starts) == 2 and abs(starts[0] - starts[1]) < 1  # the columns of the drawing


def test_a_saved_file_changes_the_page(browser, served):
    choose(browser, 3)
    find(browser, ".printed summary")[0].click()
    lessons.load(3).file.write_text(RIGHT)
    wait(browser, lambda: "solved." in text(browser, ".outcome"))
    assert not find(browser, ".panel") and not find(browser, ".printed")[0].is_displayed()
    assert [mark.text for mark in find(browser, ".board a[aria-current] span")] == ["3", "The affine map", "solved"]
    assert find(browser, "button.start")[0].is_enabled()
    curves = {"the captioner, adam": {"with the library's functions": [3, 2, 1.5], "with your functions": [3, 2, 1.4]}}
    path = plug.folder_of(3) / plug.CURVES
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(curves))
    figure = wait(browser, lambda: find(browser, "svg.curve"))[0]
    assert "your loss goes from 3 to 1.4 in 3 steps; the library's ends at 1.5" in figure.get_attribute("aria-label")


def test_the_keyboard_alone(browser, served):
    from selenium.webdriver import ActionChains, Keys

    def press(*keys):
        ActionChains(browser, duration=0).send_keys(*keys).perform()

    choose(browser, 3)
    browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    find(browser, "h1")[0].click()
    browser.execute_script("document.querySelector('.skip').focus()")
    press(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "exercise"
    assert text(browser, "h2").startswith("Exercise 3:")
    browser.execute_script("document.querySelector('.board a').focus()")
    press(Keys.TAB, Keys.ENTER)
    wait(browser, lambda: text(browser, "h2").startswith("Exercise 11:"))
    wait(browser, lambda: find(browser, ".panel"))
    terms = find(browser, ".terms")[0]
    browser.execute_script("document.querySelector('.terms summary').focus()")
    press(Keys.ENTER)
    assert terms.get_attribute("open") and "sum" in terms.text


def test_names_for_a_screen_reader(browser, served):
    choose(browser, 11)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    assert ("navigation", "Exercises") in nodes and ("region", "Your result") in nodes
    assert ("button", "Train the small model") in nodes and any(role == "status" for role, _ in nodes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 320])
def test_schemes_and_widths(browser, served, scheme, width):
    choose(browser, 11)
    wait(browser, lambda: find(browser, ".panel"))
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


def test_no_requests_to_others_and_no_console_errors(browser, served):
    """Check the log of all tests above, and that the page's policy blocks addresses that a text could inject."""
    addresses = [address for address in browsers.requests(browser) if not address.startswith("data:")]
    assert len(addresses) > 9 and all(address.startswith(browser.current_url.split("#")[0]) for address in addresses)
    assert browser.get_log("browser") == []
    browser.execute_script("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]
