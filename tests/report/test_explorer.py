"""The page in a real browser: it is quiet, fetches nothing, and follows the pointer."""

import base64
import io
import shutil

import numpy as np
import pytest
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the PATH (Debian: apt install chromium)"
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, page):
    """Opens the page in a context; at the end it must have been quiet throughout."""
    contexts, complaints, requests = [], [], []

    def open_page(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(page.as_uri())
        tab.wait_for_function("document.querySelector('#latent-x').textContent")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    fetched = [url for url in requests if not url.startswith("data:")]
    assert len(fetched) == len(contexts)
    assert all(url.startswith("file://") for url in fetched)


def picture(page):
    """The decoded image as a PNG file, as the browser has it."""
    url = page.evaluate("document.getElementById('decoded').toDataURL('image/png')")
    return base64.b64decode(url.removeprefix("data:image/png;base64,"))


def point(page, across, down):
    """Moves the pointer to a place on the plane, in parts of its width and height."""
    plane = page.locator("#plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    page.mouse.move(
        box["x"] + across * box["width"], box["y"] + down * box["height"], steps=3
    )


def coordinates(page):
    texts = [page.locator(f"#latent-{axis}").inner_text() for axis in "xy"]
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_follows_the_pointer(opened, scheme):
    tab = opened(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    seen, where = [], []
    for place in ((0.02, 0.02), (0.5, 0.5), (0.98, 0.98)):
        point(tab, *place)
        seen.append(picture(tab))
        where.append(coordinates(tab))
    assert seen[0] != seen[1]
    assert seen[1] != seen[2]
    assert seen[0] != seen[2]
    # To the right the first latent grows, downwards the second falls.
    assert where[0][0] < where[1][0] < where[2][0]
    assert where[0][1] > where[1][1] > where[2][1]
    point(tab, 0.02, 0.02)
    assert picture(tab) == seen[0]


def test_the_picture_is_the_cell_of_the_sheet(opened, page):
    """The corner shows the first image that the run has decoded, dot by dot."""
    tab = opened()
    point(tab, 0.01, 0.01)
    shown = np.asarray(Image.open(io.BytesIO(picture(tab))).convert("L"))
    with np.load(page.parent / "arrays" / "explorer.npz") as file:
        image = file["images"][0, ..., 0]
    scale = len(shown) // len(image)
    np.testing.assert_array_equal(shown, image.repeat(scale, 0).repeat(scale, 1))


def test_arrow_keys_walk(opened):
    tab = opened()
    tab.locator("#plane").focus()
    start, seen = coordinates(tab), picture(tab)
    for key in ("ArrowRight", "Shift+ArrowUp"):
        tab.keyboard.press(key)
    x, y = coordinates(tab)
    assert x > start[0]
    assert y > start[1]
    for _ in range(30):
        tab.keyboard.press("ArrowLeft")
    assert picture(tab) != seen


def test_a_finger_walks_on_a_phone(opened):
    tab = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = tab.locator("#plane").bounding_box()
    pictures = []
    for part in (0.05, 0.95):
        tab.locator("#plane").tap(
            position={"x": part * box["width"], "y": part * box["height"]}
        )
        pictures.append(picture(tab))
    assert pictures[0] != pictures[1]
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_a_class_is_picked_out(opened):
    tab = opened()
    count = "() => plane.toDataURL()"
    button = tab.get_by_role("button", name="3", exact=True)
    before = tab.evaluate(count)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert tab.evaluate(count) != before
    button.click()
    assert tab.evaluate(count) == before


def test_a_figure_is_enlarged_and_closed(opened):
    tab = opened()
    tab.locator("figure picture").first.click()
    assert tab.locator("dialog").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog").is_visible()
