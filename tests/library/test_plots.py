"""What the figures share: names at the ends of lines, and drawings that fit a page and a phone."""

import re
import textwrap
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from recsys_lib.data import DataError
from recsys_lib.models import EASE, NotFittedError
from recsys_lib.show import clouds, drawings, pickers, plots
from recsys_lib.show.labels import _apart
from recsys_lib.show.pickers import neighbors

from model_suite import planted

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style()
        yield
        plt.close("all")


def lines(names, ends):
    fig, ax = plt.subplots()
    for name, end in zip(names, ends, strict=True):
        ax.plot([0, 1, 2], [0, 0.5, end], label=name)
    plots.label_lines(ax)
    return fig


def texts(drawing):
    """Return each text of a drawing with its height on the page, from the top."""
    found = {}
    for text in ElementTree.fromstring(drawing).iter(f"{SVG}text"):
        x, y = text.get("x"), text.get("y")
        if y is None:
            x, y = re.search(r"translate\(([\d.]+) ([\d.]+)\)", text.get("transform")).groups()
        found["".join(text.itertext())] = float(x), float(y)
    return found


def test_a_name_stands_at_the_end_of_its_line():
    fig = lines(["low", "high"], [0.0, 1.0])
    (x, low), (_, high) = (texts(plots.svg(fig))[name] for name in ("low", "high"))
    right = max(x for x, _ in (texts(plots.svg(fig))[f"{tick:.2f}"] for tick in (0, 1, 2)))
    assert x > right
    assert low > high + 100


def test_names_that_would_touch_are_moved_apart_in_their_order():
    found = texts(plots.svg(lines(["a", "b", "c"], [1.0, 1.001, 0.999])))
    heights = [found[name][1] for name in ("b", "a", "c")]
    assert (np.diff(heights) > 11).all()


HEIGHTS = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)  # points, as drawn


@given(st.lists(HEIGHTS, min_size=1, max_size=8), st.floats(0.1, 20))
def test_apart_keeps_the_distance_and_moves_no_more_than_it_must(wanted, room):
    wanted = np.sort(wanted)
    found = _apart(wanted, room)
    assert (np.diff(found) >= room - 1e-6).all()
    if (np.diff(wanted) >= room).all():
        np.testing.assert_allclose(found, wanted)
    assert abs(found.mean() - wanted.mean()) < 1e-6  # nobody is pushed more than the others


def test_a_line_that_stops_early_and_one_across_the_axes_have_their_names():
    fig, ax = plt.subplots()
    ax.plot([0, 1, 2], [1, 2, np.nan], label="stops")
    ax.axhline(0.5, label="across")
    ax.errorbar([0, 2], [0, 1], yerr=0.1, label="bars")
    plots.label_lines(ax)
    found = texts(plots.svg(fig))
    assert found["stops"][0] < found["across"][0]
    assert {"stops", "across", "bars"} <= set(found)


def test_a_narrow_figure_is_one_drawing_and_the_same_each_time():
    drawing = plots.svg(lines(["one"], [1]))
    assert drawing.startswith("<svg")
    assert drawing.count("<svg") == 1
    assert "<metadata>" not in drawing
    assert drawing == plots.svg(lines(["one"], [1]))


def test_panels_side_by_side_stand_below_each_other_on_a_phone():
    fig, axes = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
    for ax, title in zip(axes, ("left panel", "right panel"), strict=True):
        ax.plot([0, 1], [0, 1])
        ax.set_title(title)
    axes[0].set_ylabel("loss")
    root = ElementTree.fromstring(plots.svg(fig))
    wide, narrow = root.findall(f"{SVG}svg")
    assert (wide.get("class"), narrow.get("class")) == ("wide", "narrow")
    assert narrow.get("display") == "none"  # who knows nothing of the classes shows the first
    assert root.get("viewBox") == wide.get("viewBox")
    sides, stacked = (texts(ElementTree.tostring(one, "unicode")) for one in (wide, narrow))
    assert sides["left panel"][1] == sides["right panel"][1]
    assert stacked["right panel"][1] > stacked["left panel"][1] + 100
    assert float(narrow.get("viewBox").split()[2]) < 300
    labels = ["".join(text.itertext()) for text in narrow.iter(f"{SVG}text")]
    assert labels.count("loss") == 2  # each has its own now


def test_a_wide_panel_alone_and_its_color_bar_become_narrow():
    fig, ax = plt.subplots(figsize=(8, 4))
    fig.colorbar(ax.imshow(np.eye(3)), label="share")
    narrow = ElementTree.fromstring(plots.svg(fig)).findall(f"{SVG}svg")[1]
    assert float(narrow.get("viewBox").split()[2]) < 300
    assert "share" in "".join(narrow.itertext())


def test_a_panel_without_rows_and_one_with_long_names_become_narrow():
    figure, (empty, named) = plt.subplots(1, 2, figsize=(8, 3))
    empty.set_yticks([])
    named.set_yticks([0, 1], ["short", "a name of a row that is far too long"])
    drawings._stack(figure)
    assert [label.get_text() for label in named.get_yticklabels()] == ["short", ""]
    lines = [(text.get_text(), text.get_horizontalalignment()) for text in named.texts]
    assert lines == [("a name of a row that", "right"), ("is far too long", "right")]
    high, low = (text.get_window_extent() for text in named.texts)
    assert high.y0 >= low.y1 - 1


def test_a_figure_without_a_grid_is_drawn_as_it_is():
    fig = plt.figure(figsize=(8, 3), layout="none")
    fig.add_axes([0.1, 0.1, 0.8, 0.8]).plot([0, 1])
    assert plots.svg(fig).count("<svg") == 1
    assert plots.svg(plt.figure(figsize=(8, 3), layout="none")).startswith("<svg")


def test_a_name_keeps_clear_of_error_bars():
    places = []
    for bars in (None, 0.1):
        fig, ax = plt.subplots()
        ax.errorbar([0, 1], [0, 1], yerr=bars and [bars, bars], label="line")
        ax.errorbar([0, 1], [0, 0.9], yerr=bars and [bars, bars], label="other")
        plots.label_lines(ax)
        plots.svg(fig)  # where names are moved apart
        places += [text.xyann[0] for text in ax.texts]
    assert places == [15, 15, 15, 15]
    fig = lines(["plain"], [1.0])
    plots.svg(fig)
    assert fig.axes[0].texts[0].xyann[0] == 6


@pytest.mark.parametrize(
    ("options", "anchor"),
    [
        ({}, "start"),
        ({"ha": "center"}, "middle"),
        ({"ha": "right"}, "end"),
        ({"rotation": 90, "va": "center"}, "middle"),
        ({"rotation": 90, "va": "top"}, "end"),
        ({"rotation": 90, "ha": "center", "rotation_mode": "anchor"}, "middle"),
    ],
)
def test_a_formula_says_which_of_its_points_stays(options, anchor):
    fig, ax = plt.subplots()
    ax.text(0.5, 0.5, "$p^2$", **options)
    ax.text(0.5, 0.2, "plain", ha="center")
    names = re.findall(r'<g id="(\w+)-formula_\d+"', plots.svg(fig))
    assert names == [anchor]


def test_a_line_that_is_not_drawn_has_no_name():
    _, ax = plt.subplots()
    ax.plot([0, 1], [np.nan, np.nan], label="nowhere")
    ax.plot([0, 1], [0, 1], label="somewhere")
    plots.label_lines(ax)
    assert [text.get_text() for text in ax.texts] == ["somewhere"]


def test_a_dense_cloud_is_a_picture_inside_the_drawing():
    fig, (few, many) = plt.subplots(1, 2, figsize=(5, 2))
    few.scatter(range(10), range(10))
    many.scatter(range(2000), range(2000))
    drawing = plots.svg(fig)
    assert drawing.count("<image") == 1
    assert drawing.count("<use") < 100


CLOUD = {"People": {"one": np.array([[4.0, 0, 0]]), "two": np.array([[0.0, 0, 1]])}}


def test_clouds_draw_points_where_the_script_would():
    page = clouds(CLOUD, "two points", "They turn.").data
    assert "http" not in page
    assert 'aria-label="People: two points"' in page
    assert "<figcaption>They turn.</figcaption>" in page
    # The farther point at 120 pixels, the other at the root of a quarter of that: 60.
    assert "[[[[120,0,0]],[[0,0,60]]]]" in page
    assert 'd="M98 21h0"' in page  # 120 cos 35, 120 sin 35 sin 18
    assert 'd="M0 -57h0"' in page  # -60 cos 18
    # As high as the axes and the points need: from 120 cos 18 up to 120 sin 18 down, and names.
    assert 'viewBox="-150 -138 300 199"' in page


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "panels must have the same groups, at least one panel"),
        (CLOUD | {"Films": {"one": np.zeros((1, 3))}}, "panels must have the same groups"),
        ({"a": {"b": np.zeros((2, 2))}}, r"panels\['a'\]\['b'\] must be rows of three finite"),
        ({"a": {"b": np.full((1, 3), np.nan)}}, "rows of three finite numbers"),
    ],
)
def test_clouds_of_something_else_are_refused(panels, message):
    with pytest.raises(DataError, match=message):
        clouds(panels, "nothing")


def titled():
    train = planted().train
    names = [f"Film <{i}>" for i in range(train.n_items)]
    return replace(train, items=pd.DataFrame({"title": names}))


def test_picked_films_show_the_neighbors_of_the_model():
    ratings = titled()
    model = EASE(10.0).fit(ratings)
    page = neighbors(model, ratings, "Pick:", "Nearest:", n_items=7, k=3).data
    assert page.count("<option") == 7
    assert page.count("<option selected") == 1
    first = int(np.argmax(ratings.item_counts))
    near, _ = model.similar_items(np.array([first]), 3)
    seen, unseen = page.split('<ol class="room"')  # which holds the place of longer titles
    assert "aria-hidden" in unseen
    shown = re.findall(r"<li>(.*?)</li>", seen)
    assert shown == [f"Film &lt;{item}&gt;" for item in near[0]]


def test_the_film_that_is_shown_first_can_be_chosen_among_those_offered():
    ratings = titled()
    model, often = EASE(10.0).fit(ratings), np.argsort(-ratings.item_counts, kind="stable")
    third, last = (f"Film <{often[k]}>" for k in (2, -1))
    page = neighbors(model, ratings, "Pick:", "Nearest:", n_items=7, k=3, first=third).data
    assert re.findall(r"<option selected>(.*?)<", page) == [f"Film &lt;{often[2]}&gt;"]
    shown = re.findall(r"<li>(.*?)</li>", page.split('<ol class="room"')[0])
    near, _ = model.similar_items(often[2:3], 3)
    assert shown == [f"Film &lt;{item}&gt;" for item in near[0]]
    with pytest.raises(DataError, match=f"first must be among the 7 .*'{last}' is not"):
        neighbors(model, ratings, "Pick:", "Nearest:", n_items=7, first=last)


def test_at_any_width_there_is_room_for_the_list_with_the_most_lines():
    """One title that is very long needs fewer lines than several that are just too long."""
    names = ["a " * 60, *(f"{k} " * 16 for k in range(5)), "b", *(f"{k} " * 9 for k in range(5))]
    lists = [[0, 6, 6, 6, 6], [1, 2, 3, 4, 5], [7, 8, 9, 10, 11]]

    def lines(titles, width):
        return sum(len(textwrap.wrap(title, width)) for title in titles)

    rooms = re.findall(r"<ol(.*?)</ol>", pickers._room(names, lists))
    held = [re.findall(r"<li>(.*?)</li>", one) for one in rooms]
    for width in range(16, 61, 2):
        wanted = max(lines([names[item] for item in one], width) for one in lists)
        assert max(lines(one, width) for one in held) == wanted, width


def test_a_model_that_is_not_fitted_has_no_neighbors():
    with pytest.raises(NotFittedError):
        neighbors(EASE(), titled(), "Pick:", "Nearest:")
    with pytest.raises(ValueError, match="n_items must be at least 1"):
        neighbors(EASE().fit(titled()), titled(), "Pick:", "Nearest:", n_items=0)


@pytest.mark.parametrize("color", ["black", plots.RED])
def test_a_prime_in_a_formula_is_no_zero(color):
    figure, ax = plt.subplots()
    ax.set_title(r"$\sigma'(x)$", color=color)
    drawn = plots.svg(figure)
    assert ">\N{PRIME}<" in drawn
    assert 'cmsy10">0<' not in drawn


@pytest.mark.parametrize("rows", [1, 3, 30])
def test_intervals_leave_no_more_room_beside_the_rows_than_between_them(rows):
    _, ax = plt.subplots()
    plots.intervals(pd.DataFrame({"mean": 0.0, "low": -1.0, "high": 1.0}, index=range(rows)), ax)
    bottom, top = ax.get_ylim()
    assert bottom - (rows - 1) == pytest.approx(-top)  # the first row is on top
    assert 0.5 < -top < 1


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (3, 1), (1, 1)])
def test_rows_with_names_have_a_line_each_on_a_phone(rows, columns):
    figure, axes = plt.subplots(rows, columns, figsize=(7, 2 * rows), squeeze=False)
    means = pd.DataFrame({"mean": 0.0, "low": -0.023, "high": 0.012 + np.arange(12) / 900})
    means.index = [f"a model with a long name, {n}" for n in range(12)]
    for ax in axes.flat:
        plots.intervals(means, ax)
    drawings._stack(figure)
    figure.canvas.draw()
    for ax in axes.flat:
        labels = [label.get_window_extent() for label in ax.get_yticklabels()]
        assert min(np.diff(sorted(box.y0 for box in labels))) > labels[0].height
        assert apart(ax)


def apart(ax):
    """Whether what stands below a panel stands side by side."""
    low, high = ax.get_xlim()
    shown = [t for t in ax.get_xticklabels() if low <= t.get_position()[0] <= high]
    boxes = sorted((t.get_window_extent().x0, t.get_window_extent().x1) for t in shown)
    return len(boxes) >= 2 and all(left[1] < right[0] for left, right in pairwise(boxes))


@pytest.mark.parametrize("dates", [False, True])
def test_what_stands_below_a_narrow_panel_does_not_run_together(dates):
    figure, axes = plt.subplots(1, 2, figsize=(7, 3))
    x = np.linspace(-0.023, 0.012, 30)
    x = np.datetime64("2001-01-01") + np.arange(0, 8000, 270) if dates else x
    axes[0].plot(x, np.arange(30))
    drawings._stack(figure)
    figure.canvas.draw()
    assert apart(axes[0])
    assert len(axes[0].get_xticks()) <= drawings.MOST_TICKS + 2  # two of them may lie outside
