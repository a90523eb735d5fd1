"""What the figures share."""

import matplotlib.pyplot as plt

from recsys_lib.show.plots import turning


def test_a_turning_figure_needs_no_network_and_says_what_it_shows():
    fig = plt.figure()
    ax = fig.add_subplot(projection="3d")
    ax.scatter([0, 1], [0, 1], [0, 1])
    page = turning(fig, 'a "cloud" of <two> points', frames=3).data
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "font-awesome" not in page
    assert '<img alt="a &quot;cloud&quot; of &lt;two&gt; points"' in page
    assert page.count("data:image/png;base64") == 3
    assert not plt.fignum_exists(fig.number)
