// What the pages do beside being read. Each part works alone, over file:// too, and a page without
// scripts has the same text.
"use strict";

const article = document.querySelector("main article") ?? document.body;

// A browser may refuse to keep anything; then nothing is kept.
const kept = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { /* not kept */ }
  },
  forget(key) {
    try { localStorage.removeItem(key); } catch { /* nothing was kept */ }
  },
};

// What is folded around an element opens.
const unfold = (element) => {
  for (let node = element; node; node = node.parentElement) {
    if (node.localName === "details") node.open = true;
  }
};

// --- Paper -------------------------------------------------------------------------------------

// Paper is white, so a dark page is printed as a light one. Hints are opened; solutions and the code
// of figures stay folded, and the style sheet says so in their place.
{
  const page = document.documentElement;
  let theme;
  let opened = [];
  addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
    opened = [...article.querySelectorAll("details:not([open]):is(:not(.hide), :has(.cell_output))")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = theme;
    for (const details of opened) details.open = false;
  });
}

// --- Search: a page that was found opens where the word stands ------------------------------------

{
  const reveal = (element) => {
    unfold(element);
    element.scrollIntoView({ block: "center" });
  };
  // Sphinx takes what was typed apart into words, and marks each. The page may say another word for
  // it, which it names in its head; that is marked first, before Sphinx marks its parts.
  const parts = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((one) => one.length > 2);
  const typed = parts(kept.get("sphinx_highlight_terms")
    ?? new URL(location).searchParams.get("highlight") ?? "");
  const pairs = JSON.parse(document.querySelector("meta[name=said-here]")?.content ?? "[]");
  const meant = pairs.filter(([other]) => {
    const all = parts(other);
    return typed.length && all.length === typed.length && all.every((one) => typed.includes(one));
  }).map(([, said]) => said);
  if (typeof _highlightText === "function") {
    for (const said of meant) _highlightText(article, said, "highlighted");
  }
  // The place is where the other word stands; else where most of the words stand together.
  const BLOCKS = "p, li, dt, dd, td, th, h1, h2, h3, h4, pre, figcaption";
  const first = () => {
    const together = new Map();
    for (const mark of article.querySelectorAll(".highlighted")) {
      const word = mark.textContent.toLowerCase();
      if (meant.includes(word)) return mark;
      const block = mark.closest(BLOCKS) ?? mark;
      if (!together.has(block)) together.set(block, { mark, words: new Set() });
      together.get(block).words.add(word);
    }
    return [...together.values()].reduce(
      (best, one) => (one.words.size > (best?.words.size ?? 0) ? one : best), null,
    )?.mark;
  };
  // Sphinx marks the words some time after the page is there, and formulas that are typeset later
  // move them.
  const look = (tries) => {
    if (first()) reveal(first());
    else if (tries) setTimeout(look, 100, tries - 1);
  };
  addEventListener("load", () => {
    if (!location.hash) Promise.resolve(window.MathJax?.startup?.promise).then(() => look(20));
  });
}

// --- Two tracks: what lies beyond the main line of a chapter is folded ------------------------------

{
  const folds = [...article.querySelectorAll("details.beyond")];
  const facts = article.querySelector(".chapter-facts");
  if (folds.length && facts) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    label.className = "tracks";
    box.type = "checkbox";
    box.checked = kept.get("beyond") === "open";
    label.append(box, ` Show what lies beyond the main line, in ${folds.length} ${folds.length > 1 ? "places" : "place"}`);
    const all = () => { for (const one of folds) one.open = box.checked; };
    if (box.checked) all();
    box.addEventListener("change", () => {
      if (box.checked) kept.set("beyond", "open"); else kept.forget("beyond");
      all();
    });
    facts.after(label);
  }
  // A link may lead to what is folded.
  const aim = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !folds.some((one) => one.contains(target) && !one.open)) return;
    unfold(target);
    target.scrollIntoView();
  };
  addEventListener("hashchange", aim);
  addEventListener("load", aim);
}

// --- Words of the glossary ----------------------------------------------------------------------

{
  const box = document.createElement("span");
  box.className = "meaning";
  box.id = "meaning";
  box.role = "tooltip";
  const show = (link) => {
    box.textContent = link.dataset.meaning;
    link.setAttribute("aria-describedby", box.id);
    document.body.append(box);
    const place = link.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.offsetWidth - 8;
    box.style.left = `${Math.max(8, Math.min(place.left, room)) + scrollX}px`;
    const above = place.top > box.offsetHeight + 12;
    box.style.top = `${(above ? place.top - box.offsetHeight - 6 : place.bottom + 6) + scrollY}px`;
  };
  const hide = () => {
    box.remove();
    document.querySelector("[aria-describedby=meaning]")?.removeAttribute("aria-describedby");
  };
  for (const link of article.querySelectorAll("a.explained")) {
    link.addEventListener("mouseenter", () => show(link));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("mouseleave", hide);
    link.addEventListener("blur", hide);
    // A finger has no hover: the first touch explains, the second follows the link.
    link.addEventListener("click", (event) => {
      if (matchMedia("(hover: none)").matches && link !== link.ownerDocument.told) {
        event.preventDefault();
        link.ownerDocument.told = link;
        show(link);
      }
    });
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

// --- Wide things -------------------------------------------------------------------------------

// What scrolls sideways says so by a shadow at the side where more is, and by a stop for the Tab key.
{
  const boxes = article.querySelectorAll(
    "pre, .results, .math mjx-container, div.math, .pst-scrollable-table-container",
  );
  const look = (box) => {
    const more = box.scrollWidth - box.clientWidth;
    const least = box.matches(".math, mjx-container") ? 1 : 0; // formulas have parts of a pixel
    const scrolls = more > least && /auto|scroll/.test(getComputedStyle(box).overflowX);
    box.classList.toggle("more-right", scrolls && box.scrollLeft < more - 1);
    box.classList.toggle("more-left", scrolls && box.scrollLeft > 1);
    if (scrolls) box.tabIndex = 0;
    else if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
  };
  const all = () => boxes.forEach(look);
  for (const box of boxes) box.addEventListener("scroll", () => look(box), { passive: true });
  addEventListener("resize", all);
  addEventListener("load", () => {
    all();
    Promise.resolve(window.MathJax?.startup?.promise).then(all);
  });
  article.addEventListener("toggle", all, true);
}

// --- Quizzes -----------------------------------------------------------------------------------

// jupyterquiz draws them when the page is there. What it says of an answer is to be read aloud, and
// the answers belong to their question.
{
  const mend = (quiz) => {
    for (const said of quiz.querySelectorAll(".Feedback")) {
      said.setAttribute("role", "status");
      said.setAttribute("aria-live", "polite");
    }
    for (const field of quiz.querySelectorAll("input.Input-text")) {
      field.setAttribute("aria-label", "Your answer");
    }
    quiz.querySelectorAll(".QuizQn, .MultipleChoiceQn, .ManyChoiceQn").forEach((box) => {
      const asked = box.querySelector("[id^=qnDiv], .QuizText, div") ?? box;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", asked.textContent.trim().slice(0, 200));
    });
  };
  const watch = new MutationObserver(() => article.querySelectorAll(".Quiz").forEach(mend));
  for (const place of article.querySelectorAll("[data-shufflequestions]")) {
    mend(place);
    watch.observe(place, { childList: true });
  }
}

// A label that says "Toggle hidden content" hides what the line itself says.
for (const line of article.querySelectorAll("summary[aria-label]")) line.removeAttribute("aria-label");

// --- How far one has come -----------------------------------------------------------------------

// Per chapter the share that was on the screen and the heading to go on at.
{
  const facts = article.querySelector(".chapter-facts");
  const name = location.pathname.split("/").pop();
  const key = `read:${name}`;
  if (facts) {
    const before = JSON.parse(kept.get(key) ?? "null");
    if (before && before.share > 0.02 && before.share < 0.98 && before.id) {
      const line = document.createElement("p");
      line.className = "go-on";
      const link = document.createElement("a");
      link.href = `#${before.id}`;
      link.textContent = before.title;
      line.append(`You have read ${Math.round(100 * before.share)}%. Go on at `, link);
      facts.after(line);
    }
    let share = before?.share ?? 0;
    let waiting = false;
    const note = () => {
      waiting = false;
      const box = article.getBoundingClientRect();
      const now = Math.min(1, (innerHeight - box.top) / box.height);
      if (now <= share || scrollY < 10) return;
      share = now;
      const passed = [...article.querySelectorAll("section[id] > h2")].filter(
        (heading) => heading.getBoundingClientRect().top < innerHeight / 2,
      );
      const last = passed.pop();
      const title = last?.firstChild?.textContent.trim() ?? "";
      kept.set(key, JSON.stringify({ share, id: last?.parentElement.id ?? "", title }));
    };
    addEventListener("scroll", () => {
      if (!waiting) { waiting = true; requestAnimationFrame(note); }
    }, { passive: true });
  }
  for (const card of document.querySelectorAll("[data-chapter]")) {
    const { share } = JSON.parse(kept.get(`read:${card.dataset.chapter}`) ?? "{}");
    if (share) card.style.setProperty("--read", `${Math.round(100 * share)}%`);
  }
}
