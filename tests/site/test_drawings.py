"""How a drawing becomes a part of a page, and how the pages are made light."""

import sys

import pytest
import tinycss2

from site_helpers import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from front_page import finding
from inline_figures import figure
from lighten import kept, split

from recsys_lib.show import plots


def drawing(inside: str) -> str:
    return (
        f'<svg width="72pt" height="36pt" viewBox="0 0 72 36"><defs><style>*{{}}</style></defs>'
        f"{inside}</svg>"
    )


@pytest.mark.parametrize(
    ("color", "shown"),
    [
        (plots.BLUE, "var(--fig-blue)"),
        (plots.GRAY, "var(--fig-gray)"),
        ("#000000", "var(--fig-ink)"),
        ("#ffffff", "var(--fig-paper)"),
        ("#333333", "color-mix(in srgb, var(--fig-ink) 80%, var(--fig-paper))"),
        (plots.ON_COLOR, plots.ON_COLOR.lower()),
        ("#123456", "#123456"),
    ],
)
def test_colors_of_the_book_follow_the_page_and_others_stay(color: str, shown: str):
    page = figure(drawing(f'<path style="fill: {color.lower()}; opacity: 0.5"/>'), "fig1", "A path")
    assert f'style="fill: {shown}; opacity: 0.5"' in page


def test_a_drawing_takes_the_font_of_the_page_and_its_style_holds_nowhere_else():
    text = "<text style=\"font-size: 11px; font-family: 'DejaVu Sans', serif\">x</text>"
    page = figure(drawing(text), "fig1", 'A "letter" & more')
    assert "<style" not in page
    assert 'style="font-size: 11px"' in page
    assert 'role="img" aria-label="A &quot;letter&quot; &amp; more"' in page
    assert 'style="max-width: 96px"' in page  # 72 points


def test_ids_belong_to_one_drawing():
    inside = '<path id="a" clip-path="url(#b)"/><use xlink:href="#a"/><clipPath id="b"/>'
    page = figure(drawing(inside), "fig3", "")
    assert 'id="fig3-a" clip-path="url(#fig3-b)"' in page
    assert 'href="#fig3-a"' in page
    assert 'id="fig3-b"' in page


def test_numbers_that_are_read_keep_their_digits():
    page = figure(drawing('<g><text x="1.23456" y="2">0.0375</text></g>'), "fig1", "Ticks")
    assert '<text x="1.23" y="2">0.0375</text>' in page


def test_dots_of_one_look_say_it_once():
    def dots(*styles: str) -> str:
        uses = "".join(f'<use xlink:href="#m" x="1" y="2" style="{one}"/>\n' for one in styles)
        return figure(drawing(f'<g clip-path="url(#c)">\n{uses}</g>'), "fig1", "Dots")

    look = f"fill: {plots.BLUE.lower()}; opacity: 0.6"
    page = dots(look, look, look)
    assert page.count("var(--fig-blue)") == 1
    assert '<g clip-path="url(#fig1-c)" style="fill: var(--fig-blue)"> <use ' in page
    assert page.count('y="2" style="opacity: 0.6"/>') == 3  # dots that lie on each other add up
    assert dots(look, "fill: #123456").count("style=") == 3  # with that of the drawing


def letters(x: str, y: str, text: str, style: str = "font-size: 10px") -> str:
    return f'<tspan x="{x}" y="{y}" style="{style}">{text}</tspan>'


def test_letters_of_a_formula_follow_each_other_as_wide_as_they_are_in_the_page():
    # In Matplotlib's font "l" is 2.78 wide, "o" 6.12, "+" 8.38; the power stands 4 higher.
    inside = letters("0 2.78", "-1", "lo") + letters("10.9", "-1", "+")
    inside += letters("19.28", "-5", "2", "font-size: 7px")
    for anchor, place in (("start", "0.00"), ("middle", "11.87"), ("end", "23.73")):
        body = f'<g id="{anchor}-formula_3"><g transform=""><text> {inside} </text></g></g>'
        page = figure(drawing(body), "fig1", "Letters")
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        assert f'<text x="{place}"{side} xml:space="preserve"><tspan y="-1.00"' in page
        assert (
            '<tspan y="-1.00" style="font-size: 10px">lo</tspan><tspan dx="2.00" dy="0.00"' in page
        )
        assert 'dx="0.00" dy="-4.00" style="font-size: 7px">2</tspan></text>' in page


def test_letters_above_each_other_and_lines_between_them_keep_their_places():
    above = letters("0", "-1", "x") + letters("6", "-4", "2") + letters("6", "2", "i")
    plain = letters("0", "-1", "x") + letters("8", "-1", "y")
    for text in (f"<text> {above} </text>", f'<text> {plain} </text> <path d=""/>'):
        page = figure(drawing(f'<g id="text_1"><g>{text}</g></g>'), "fig1", "Letters")
        assert page.count(' x="') == text.count(' x="')


def test_both_forms_are_there_and_numbers_are_short():
    wide = drawing('<path d="M 1.23456 2.5"/>').replace("<svg", '<svg class="wide"')
    narrow = drawing('<path id="a"/>').replace("<svg", '<svg class="narrow" display="none"')
    page = figure(f'<svg viewBox="0 0 72 36">{wide}{narrow}</svg>', "fig2", "Two")
    assert page.count("<svg") == 2
    assert 'class="drawing two"' in page
    assert 'd="M 1.23 2.5"' in page
    assert 'id="fig2n-a"' in page
    assert "display" not in page


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("a{color:red}", "a{color:red}"),
        (".used{top:0}", ".used{top:0}"),
        (".unused{top:0}", ""),
        (".unused .used,p .used:hover{top:0}", "p .used:hover{top:0}"),
        ("p:not(.unused){top:0}", "p:not(.unused){top:0}"),
        (":is(.used, h1) > b{top:0}", ":is(.used, h1) > b{top:0}"),
        ("@media print{.unused{top:0}.used{top:1px}}", "@media print{.used{top:1px}}"),
        ("@media print{.unused{top:0}}", ""),
        ('@font-face{font-family:"A b"}', '@font-face{font-family:"A b"}'),
    ],
)
def test_rules_that_can_apply_stay_and_others_go(rule: str, left: str):
    (parsed,) = tinycss2.parse_stylesheet(rule)
    assert kept(parsed, {"used"}) == left


def test_selectors_are_split_at_their_own_commas():
    assert split("a, :is(b, c) d,e[x='1,2']") == ["a", ":is(b, c) d", "e[x='1,2']"]


def test_the_finding_is_drawn_while_the_record_says_so():
    def hits(share: float) -> dict:
        return {"hr@10": share}

    found = {
        "printed": {"table 1": {"A": hits(0.3), "B": hits(0.2)}},
        "chains": {name: [{"mean": {"hr@10": {"mean": 0.5}}}] for name in "AB"},
        "popularity": {"fair ties": hits(0.4)},
    }
    page = finding(found)
    for text in ("printed 0.300", "mended 0.500", "popularity 0.400", ">0.200<"):
        assert text in page
    found["popularity"]["fair ties"] = hits(0.25)
    with pytest.raises(ValueError, match=r"popularity, 0\.25, must lie between"):
        finding(found)
