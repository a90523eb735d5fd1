"""The figure with a slider: its states, which one stands at first, and what is refused."""

import pytest
from bs4 import BeautifulSoup

from recsys_lib.show.sliders import room, slider

FRAMES = {"0.1": "<p>few</p>", 'a "b" & c': "<p>some</p>", "10": "<p>many</p>"}


def parsed(**given):
    return BeautifulSoup(slider(FRAMES, "weight <w>:", **given).data, "html.parser")


@pytest.mark.parametrize("start", [0, 1, 2])
def test_one_frame_is_shown_and_the_control_stands_at_it(start):
    page = parsed(start=start)
    frames = page.find_all(attrs={"data-frame": True})
    assert [frame["data-frame"] for frame in frames] == list(FRAMES)
    assert [frame.p.text for frame in frames] == ["few", "some", "many"]
    assert ["hidden" in frame["style"] for frame in frames] == [n != start for n in range(3)]
    control = page.find("input")
    assert (control["type"], control["min"], control["max"]) == ("range", "0", "2")
    assert control["value"] == str(start)
    assert control["aria-valuetext"] == page.output.text == list(FRAMES)[start]
    assert page.label.text.strip() == "weight <w>:"


def test_what_is_said_has_the_room_of_the_longest():
    rooms = parsed().find_all(class_="room")
    assert {room.text for room in rooms} == set(FRAMES)
    assert all(room["aria-hidden"] == "true" for room in rooms)
    assert all("grid-area:1/1" in one["style"] for one in [*rooms, parsed().output])


def test_of_texts_of_one_length_those_named_last_hold_the_room():
    """A set would have them in another order at every build."""
    texts = [f"state {letter}" for letter in "hgfedcba"]
    held = BeautifulSoup(room(texts), "html.parser").find_all("span")
    assert [one.text for one in held] == ["state c", "state b", "state a"]


def test_it_needs_nothing_from_outside():
    page = parsed()
    assert not page.find_all(["script", "link", "img"])


@pytest.mark.parametrize(
    ("frames", "start", "message"),
    [
        ({}, 0, "frames must be at least two, got 0"),
        ({"a": "x"}, 0, "frames must be at least two, got 1"),
        (FRAMES, 3, "start must be below the number of frames, 3, got 3"),
        (FRAMES, -1, "start must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_shown_is_refused(frames, start, message):
    with pytest.raises(ValueError, match=message):
        slider(frames, "w", start)
