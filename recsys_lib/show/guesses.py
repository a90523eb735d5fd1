"""A guess before an answer: who has committed to a number reads the right one with other eyes.

The answer is computed when the page is built. It is kept back until there is a guess, and then
stands beside it; the browser remembers the guess where it can. Without scripts, and on paper, the
answer is folded away.
"""

import json
from collections.abc import Sequence
from html import escape

from IPython.display import HTML

from recsys_lib.validation import check_kind, check_real

_SCRIPT = """
(f => {
  const form = f.querySelector("form"), out = f.querySelector("output");
  const key = "guess:" + location.pathname.split("/").pop() + ":" + f.dataset.name;
  const store = (...value) => {
    try {
      return value.length ? localStorage.setItem(key, value[0]) : localStorage.getItem(key);
    } catch { return null; }
  };
  const tell = guess => {
    out.textContent = "Your guess: " + guess + f.dataset.unit + ". " + f.dataset.answer;
  };
  form.hidden = false;
  f.querySelector("details").hidden = true;
  form.onsubmit = e => {
    e.preventDefault();
    const guess = new FormData(form).get("guess");
    if (guess) { store(guess); tell(guess); }
  };
  const before = store();
  if (before) tell(before);
})(document.currentScript.closest("figure"))
"""


def guess(
    question: str, answer: float | str, unit: str = "", then: str = "", choices: Sequence[str] = ()
) -> HTML:
    """Ask for a guess; show the answer beside it.

    Parameters
    ----------
    question : str
        What is asked. It must be new on its page, as guesses are kept under it.
    answer : float or str
        Computed. A float is shown with as many digits as it has: round it.
    unit : str
        Stands behind guess and answer, such as ``"%"``.
    then : str
        A sentence that follows the answer.
    choices : sequence of str
        What can be chosen, if no number is asked for; the answer is one of them.

    Raises
    ------
    ValueError
        If the answer is none of the choices, or there are no choices and it is no number.
    """
    check_kind("question", question, str, "a text")
    if choices and answer not in choices:
        raise ValueError(f"answer must be one of the choices {list(choices)}, got {answer!r}")
    if not choices:
        answer = check_real("answer", answer)
    shown = answer if isinstance(answer, str) else f"{answer:g}"
    told = f"The answer: {shown}{unit}. {then}".strip()
    if choices:
        fields = "".join(
            f'<label><input type="radio" name="guess" value="{escape(one)}" required> '
            f"{escape(one)}</label> "
            for one in choices
        )
    else:
        fields = (
            '<label>Your guess: <input type="number" name="guess" step="any" required '
            f'style="width: 6em"></label> {escape(unit)} '
        )
    name = escape(json.dumps(question, ensure_ascii=True)[1:-1])
    return HTML(
        f'<figure class="guess" data-name="{name}" data-answer="{escape(told)}" '
        f'data-unit="{escape(unit)}"><p>{escape(question)}</p>'
        f'<form hidden autocomplete="off"><fieldset><legend>Guess before you read on</legend>'
        f"{fields}<button>Show the answer</button></fieldset></form>"
        f'<p><output aria-live="polite"></output></p>'
        f"<details><summary>Guess first, then open this</summary><p>{escape(told)}</p></details>"
        f"<script>{_SCRIPT}</script></figure>"
    )
