"""Figures whose states a script computes: it says and draws what the function in Python does.

They are looked at as the library makes them, without the site; that they answer on its pages as
well is seen by `site_helpers.move_figures`.
"""

import re
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from recsys_lib.show import arrows, choosing, dying, forecasts, logits, mixing, walks

CAPTION = "What one sees."
SHARES = {"Heads & tails < 1": 0.5, "Rain": 0.2, "Snow in June": 0.013}
CURVE = [
    {"share": k / 10, "mean": 0.19 - ((k - 6) / 60) ** 2, "low": 0.15, "high": 0.2}
    for k in range(11)
]
MIXED = {"GMF + MLP": CURVE, "GMF + <GMF>": CURVE[::-1]}
MIXED["GMF + <GMF>"] = [row | {"share": k / 10} for k, row in enumerate(CURVE[::-1])]
NAMES = [("GMF", "MLP"), ("GMF", "<GMF>")]
RNG = np.random.default_rng(0)
WAYS, METRICS = {"few": "a few", "all": "all of them"}, ["hr@10", "ndcg@5", "ndcg@10"]


def measured(*epochs: str) -> dict:
    """Figures at random, for a run of the game."""
    return {
        epoch: {way: {m: round(RNG.uniform(0.1, 0.6), 5) for m in METRICS} for way in WAYS}
        for epoch in epochs
    }


RUNS = {name: [measured("validation", "test") for _ in range(3)] for name in ("iALS", "A & B")}
RUNS["EASE"] = [measured("validation")]
HONEST = {name: f"What holds of {name}." for name in RUNS}
FIGURES = {
    "dying": (dying.dying(CAPTION), dying.drawn),
    "mixing": (
        mixing.mixing(MIXED, CAPTION),
        partial(
            mixing.drawn,
            curves=list(MIXED.values()),
            names=NAMES,
            plane=mixing._plane(list(MIXED.values())),
        ),
    ),
    "choosing": (
        choosing.choosing(RUNS, WAYS, METRICS, HONEST, CAPTION),
        partial(
            choosing.drawn,
            runs=RUNS,
            ways=list(WAYS),
            metrics=METRICS,
            honest=list(HONEST.values()),
        ),
    ),
    "arrows": (arrows.arrows(CAPTION), arrows.drawn),
    "walks": (walks.walks(CAPTION), walks.drawn),
    "logits": (logits.logits(CAPTION), logits.drawn),
    "forecasts": (
        forecasts.forecasts(SHARES, CAPTION),
        partial(forecasts.drawn, shares=list(SHARES.values())),
    ),
}
TABLE = ("model", "run", "epoch", "rivals", "way", "metric")
STATES = {
    "dying": [
        {"eta": eta, "t": t}
        for eta, t in ((2, 1), (2, 0), (0.5, 40), (2, 7), (7.5, 40), (10, 2), (10, 40), (12, 5))
    ],
    "mixing": [{"pair": p, "first": x} for p, x in ((0, 0), (0, 0.5), (1, 0.3), (1, 1), (0, 0.9))],
    "choosing": [
        dict(zip(TABLE, chosen, strict=True))
        for chosen in (
            (0, 0, 0, 0, 0, 0),
            (1, 0, 0, 0, 0, 0),
            (1, 2, 1, 0, 1, 2),
            (2, 3, 1, 1, 0, 1),
            (2, 0, 1, 1, 1, 0),
            (0, 2, 1, 1, 1, 1),
        )
    ],
    "arrows": [
        {"angle": angle, "length": length}
        for angle, length in ((40, 3), (0, 1), (90, 5), (137, 2.3), (180, 4.1))
    ],
    "walks": [
        {"p": 0.1, "q": -0.05, "eta": 0.1, "lam": 0.1},
        {"p": 1, "q": -1, "eta": 0.1, "lam": 0.1},
        {"p": 0, "q": 0, "eta": 0.1, "lam": 0},
        {"p": 2.5, "q": 1.3, "eta": 0.02, "lam": 0},
        {"p": -2.4, "q": 2.4, "eta": 0.9, "lam": 0.5},
        {"p": -1.2, "q": -0.35, "eta": 0.5, "lam": 1.9},
        {"p": 2, "q": 1, "eta": 0.06, "lam": 2},
        {"p": 0.1, "q": -0.05, "eta": 0.6, "lam": 0.1},
        {"p": 0.1, "q": -0.05, "eta": 0.54, "lam": 0.1},
        {"p": 0.1, "q": -0.05, "eta": 0.1, "lam": 1.9},
        {"p": 2, "q": 1, "eta": 0.1, "lam": 3},
    ],
    "logits": [{"x": x, "r": r} for x in (-8, -6, -0.1, 0, 2.7, 8) for r in (1, 0)],
    "forecasts": [
        {"p0": 50, "p1": 50, "p2": 50},
        {"p0": 50, "p1": 20, "p2": 1},
        {"p0": 1, "p1": 99, "p2": 37},
    ],
}
HEIGHT = "() => document.querySelector('figure').getBoundingClientRect().height"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

SET = """([name, value]) => {
  for (const i of document.querySelectorAll(`[data-name="${name}"]`)) {
    if (i.type === "radio" && +i.value !== value) continue;
    if (i.type === "radio") i.checked = true; else i.value = value;
    i.dispatchEvent(new Event("input", {bubbles: true}));
  }
}"""
PARTS = """() => Object.fromEntries([...document.querySelectorAll("[data-part]")].map(e => [
  e.dataset.part,
  {text: e.textContent, ...Object.fromEntries([...e.attributes].map(a => [a.name, a.value]))},
]))"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    assert page.errors == []
    page.close()


def show(page: Page, name: str) -> None:
    page.set_content(f"<!doctype html><body>{FIGURES[name][0].data}</body>")


def see(page: Page, name: str, values: dict[str, float]) -> None:
    """Hold what is drawn to what the function in Python draws, to a tenth of a pixel."""
    found = page.evaluate(PARTS)
    for part, attributes in FIGURES[name][1](values).items():
        for key, wanted in attributes.items():
            said = found[part][key]
            if key == "text":
                assert said == wanted, (part, values)
                continue
            assert NUMBER.sub("#", said) == NUMBER.sub("#", wanted), (part, key, values)
            there, here = ([float(x) for x in NUMBER.findall(text)] for text in (said, wanted))
            assert there == pytest.approx(here, abs=0.11), (part, key, values)


@pytest.mark.parametrize("name", FIGURES)
def test_the_script_draws_what_python_draws(page: Page, name: str):
    show(page, name)
    for values in (STATES[name][0], *STATES[name][::-1]):  # the first stands there at once
        if values is not STATES[name][0] or page.evaluate("window.moved"):
            for control in values.items():
                page.evaluate(SET, list(control))
            page.evaluate("window.moved = true")
        see(page, name, values)


@pytest.mark.parametrize("name", FIGURES)
def test_what_stands_below_does_not_move(page: Page, name: str):
    show(page, name)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    heights = {page.evaluate(HEIGHT)}
    for values in STATES[name]:
        for control in values.items():
            page.evaluate(SET, list(control))
        heights.add(page.evaluate(HEIGHT))
    assert max(heights) - min(heights) < 1


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_is_moved_by_keyboard(page: Page, name: str):
    show(page, name)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    for control in page.locator("input[type=range]").all():
        before = page.evaluate(PARTS)
        control.press("ArrowRight")
        assert page.evaluate(PARTS) != before
        value = control.input_value().replace("-", "\u2212")
        assert control.locator("+ span").inner_text() == value
    for button in page.locator("input[type=radio]:not(:checked)").all():
        before = page.locator("output").inner_text()
        button.press("Space")
        assert page.locator("output").inner_text() != before
    for menu in page.locator("select").all():
        before = page.evaluate(PARTS)
        menu.press("ArrowDown")
        assert menu.input_value() == "1"
        assert page.evaluate(PARTS) != before


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a point of the plane is on the screen."""
    at = page.evaluate(
        """([x, y]) => {
          const svg = document.querySelector("svg[data-plane]");
          const [x0, dx, y0, dy] = JSON.parse(svg.dataset.plane);
          const at = new DOMPoint(x0 + dx * x, y0 + dy * y).matrixTransform(svg.getScreenCTM());
          return [at.x, at.y];
        }""",
        [x, y],
    )
    return at[0], at[1]


def now(page: Page, *names: str) -> list[float]:
    return [float(page.locator(f"input[data-name={name}]").input_value()) for name in names]


def test_a_walk_starts_where_one_clicks(page: Page):
    show(page, "walks")
    page.mouse.click(*place(page, -1.5, 2.0))
    assert now(page, "p", "q") == pytest.approx([-1.5, 2.0], abs=0.051)
    see(page, "walks", dict(zip(("p", "q"), now(page, "p", "q"), strict=True), eta=0.1, lam=0.1))


def test_an_arrow_follows_its_tip_and_stays_in_the_half_plane(page: Page):
    show(page, "arrows")
    page.mouse.move(*place(page, 0.7, 2.9))
    page.mouse.down()
    page.mouse.move(*place(page, -3.0, 4.0))
    page.mouse.move(*place(page, -4.0, -3.0))
    page.mouse.up()
    angle, length = now(page, "angle", "length")
    assert (angle, length) == pytest.approx((180, 5), abs=1.1)
    see(page, "arrows", {"angle": angle, "length": length})


def test_a_logit_is_dragged(page: Page):
    show(page, "logits")
    page.mouse.move(*place(page, -6, 3))
    page.mouse.down()
    page.mouse.move(*place(page, 3, 5))
    page.mouse.up()
    assert now(page, "x") == pytest.approx([3], abs=0.11)
    page.mouse.move(*place(page, 0, 5))  # let go
    assert now(page, "x") == pytest.approx([3], abs=0.11)


CUT = """() => {
  const plane = JSON.parse(document.querySelector("svg[data-plane]").dataset.plane);
  const curve = document.querySelector("[data-curve]");
  const hole = document.querySelector("clipPath rect");
  const at = x => (x - plane[0]) / plane[1], from = +hole.getAttribute("x");
  return [at(from), at(from + +hole.getAttribute("width")), getComputedStyle(curve).clipPath];
}"""


def test_a_curve_that_answers_a_guess_appears_as_far_as_one_has_moved(page: Page):
    show(page, "mixing")
    share, (one, other) = page.locator("input[type=range]"), page.locator("input[type=radio]").all()

    def seen() -> list[float]:
        *ends, clip = page.evaluate(CUT)
        assert clip == 'url("#been-1")'
        return pytest.approx(ends, abs=0.01)

    assert seen() == [0, 0]  # nothing before the first move
    for _ in range(4):
        share.press("ArrowRight")
    assert seen() == [0, 0.4]
    share.press("ArrowLeft")
    assert seen() == [0, 0.4]  # what has been seen stays
    other.press("Space")
    assert seen() == [0.3, 0.3]  # another curve has not been seen
    share.press("Home")
    assert seen() == [0, 0.3]
    one.press("Space")
    assert seen() == [0, 0.4]
    page.emulate_media(media="print")
    assert page.evaluate(CUT)[2] == "none"  # on paper it is there as a whole
    page.emulate_media(media="screen")


def test_a_finger_that_scrolls_moves_nothing_and_one_that_taps_does(browser: Browser):
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    show(page, "walks")
    x, y = place(page, 1.5, 1.5)
    page.locator("svg").first.dispatch_event(
        "pointerdown", {"pointerType": "touch", "pointerId": 5, "clientX": x, "clientY": y}
    )
    assert now(page, "p", "q") == [0.1, -0.05]
    page.touchscreen.tap(x, y)
    assert now(page, "p", "q") == pytest.approx([1.5, 1.5], abs=0.051)
    page.close()


@pytest.mark.parametrize("name", FIGURES)
def test_letters_can_be_read_on_a_phone_and_nothing_is_wider(page: Page, name: str):
    show(page, name)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("svg text")].map(text =>
          parseFloat(getComputedStyle(text).fontSize) * Math.hypot(
            text.getScreenCTM().a, text.getScreenCTM().b))"""
    )
    assert min(sizes) >= 9
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
