// "My taste", on its page and in chapter 0: search, stars, and seven models that answer. What the
// models do here is what book/_ext/taste.py does, in the same order; a test holds the two together.
// Uses `kept` of course.js. Nothing is fetched but the models, and nothing leaves the page.
"use strict";

const tasteBox = document.querySelector(".taste");
const TASTE_KEPT = "my-taste";

// All that answers, once the models are here.
const startTaste = (data) => {
  const box = tasteBox;
  const find = (selector) => box.querySelector(`.taste-app ${selector}`);

  // --- The models as they travel ---------------------------------------------------------------

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const floats = (text) => new Float32Array(bytes(text));
  // Whole numbers of one byte, and a scale for each row: a list of rows.
  const matrix = ({ width, integers, scale }) => {
    const whole = new Int8Array(bytes(integers));
    return Array.from(floats(scale), (one, i) =>
      Float64Array.from(whole.subarray(i * width, (i + 1) * width), (number) => number * one),
    );
  };

  const films = data.films.map(([title, year, seen, others = ""]) => ({
    title, year, seen, others, key: `${title} (${year})`,
  }));
  const itemknn = { near: new Uint16Array(bytes(data.itemknn.items)), weights: matrix(data.itemknn) };
  const svd = matrix(data.svd);
  const binarymf = matrix(data.binarymf);
  const biases = floats(data.binarymf.biases);
  const ease = matrix(data.ease);
  const divided = floats(data.ease.divided);
  const ials = matrix(data.ials);
  // Of each film the features and their weights, a row of length 1. A word is listed as often as it
  // stands there.
  const words = (() => {
    const { rarity, counts, features } = data.content;
    const [rare, listed] = [floats(rarity), new Uint16Array(bytes(features))];
    let start = 0;
    return Array.from(new Uint8Array(bytes(counts)), (count) => {
      const row = new Map();
      for (const one of listed.subarray(start, start += count)) row.set(one, (row.get(one) ?? 0) + 1);
      let length = 0;
      for (const [one, times] of row) {
        row.set(one, (1 + Math.log(times)) * rare[one]);
        length += row.get(one) ** 2;
      }
      for (const [one, weight] of row) row.set(one, weight / Math.sqrt(length));
      return row;
    });
  })();
  const Z = binarymf.map((row) => Float64Array.of(...row, 1)); // with a one for the reader's bias

  // --- A little linear algebra -----------------------------------------------------------------

  const dot = (a, b) => {
    let sum = 0;
    for (let f = 0; f < a.length; f++) sum += a[f] * b[f];
    return sum;
  };
  const add = (sum, row, number) => {
    for (let f = 0; f < sum.length; f++) sum[f] += number * row[f];
  };
  const times = (row, number) => row.map((one) => one * number);
  const total = (rows) => rows[0].map((_, f) => rows.reduce((sum, row) => sum + row[f], 0));
  // The sum over rows of a weight times the row times itself, and a penalty on the diagonal.
  const squares = (rows, weight, penalty) => {
    const k = rows[0].length;
    const A = Array.from({ length: k }, () => new Float64Array(k));
    rows.forEach((row, i) => {
      for (let f = 0; f < k; f++) {
        const part = weight(i) * row[f];
        for (let g = 0; g <= f; g++) A[f][g] += part * row[g];
      }
    });
    for (let f = 0; f < k; f++) A[f][f] += penalty;
    return A; // its lower half
  };
  // Cholesky: A is L times its transpose. Returns what solves A x = b.
  const solver = (A) => {
    const L = A.map((row) => row.slice());
    L.forEach((row, f) => {
      for (let g = 0; g <= f; g++) {
        for (let h = 0; h < g; h++) row[g] -= row[h] * L[g][h];
        row[g] = g < f ? row[g] / L[g][g] : Math.sqrt(row[g]);
      }
    });
    return (b) => {
      const x = Float64Array.from(b);
      for (let f = 0; f < x.length; f++) {
        for (let g = 0; g < f; g++) x[f] -= L[f][g] * x[g];
        x[f] /= L[f][f];
      }
      for (let f = x.length - 1; f >= 0; f--) {
        x[f] /= L[f][f];
        for (let g = 0; g < f; g++) x[g] -= L[f][g] * x[f];
      }
      return x;
    };
  };

  // What two films have in common, and how much each of it adds to their cosine.
  const inCommon = (j, i) => [...words[i]]
    .filter(([one]) => words[j].has(one))
    .map(([one, weight]) => [one, weight * words[j].get(one)]);

  // --- The seven models ------------------------------------------------------------------------

  // Each takes the films that count and returns the scores of all, and how much film j of the
  // reader's has to do with film i.
  const models = {
    popularity: () => ({ scores: films.map((film) => film.seen) }),

    itemknn: (liked) => {
      const width = data.itemknn.width;
      const parts = new Map(liked.map((j) => {
        const part = new Float64Array(films.length);
        itemknn.weights[j].forEach((weight, n) => { part[itemknn.near[j * width + n]] += weight; });
        return [j, part];
      }));
      return { scores: total([...parts.values()]), part: (j, i) => parts.get(j)[i], floor: 0 };
    },

    svd: (rated, stars) => {
      const p = total(rated.map((j) => times(svd[j], stars.get(j))));
      return {
        scores: svd.map((q) => dot(q, p)),
        part: (j, i) => stars.get(j) * dot(svd[j], svd[i]),
      };
    },

    // The minimum of the loss that an epoch has on average, by Newton's method.
    binarymf: (liked) => {
      const { intercept, negatives, regularization } = data.binarymf;
      const likes = new Set(liked);
      const weight = (negatives * liked.length) / (films.length - liked.length);
      const penalty = regularization * (1 + negatives) * liked.length;
      let theta = new Float64Array(Z[0].length);
      const scores = () => Z.map((z, i) => intercept + biases[i] + dot(z, theta));
      for (let step = 0; step < data.binarymf.steps; step++) {
        const sigma = scores().map((x) => 1 / (1 + Math.exp(-x)));
        const slope = times(theta, penalty);
        const curved = sigma.map((one, i) => {
          const w = likes.has(i) ? 1 : weight;
          add(slope, Z[i], w * (one - likes.has(i)));
          return w * one * (1 - one);
        });
        const curvature = squares(Z, (i) => curved[i], penalty);
        const change = solver(curvature)(slope);
        theta = theta.map((one, f) => one - change[f]);
      }
      const length = (i) => Math.sqrt(dot(binarymf[i], binarymf[i]));
      return {
        scores: scores(),
        part: (j, i) => dot(binarymf[j], binarymf[i]) / (length(j) * length(i)),
      };
    },

    ease: (liked) => {
      const sum = total(liked.map((j) => ease[j]));
      return {
        scores: ease.map((row, i) => dot(row, sum) * divided[i]),
        part: (j, i) => dot(ease[j], ease[i]) * divided[i],
      };
    },

    // Least squares with all cells; each liked film has its own part in the solution.
    ials: (liked) => {
      const { unobserved, penalty } = data.ials;
      const likes = new Set(liked);
      const solve = solver(squares(ials, (i) => unobserved + likes.has(i), penalty));
      const parts = new Map(liked.map((j) => [j, solve(ials[j])]));
      const p = total([...parts.values()]);
      return { scores: ials.map((q) => dot(q, p)), part: (j, i) => dot(parts.get(j), ials[i]) };
    },

    // The cosine between a film and the sum of those liked.
    content: (liked) => {
      const profile = new Float64Array(data.content.names.length);
      for (const j of liked) for (const [one, weight] of words[j]) profile[one] += weight;
      const length = Math.sqrt(dot(profile, profile));
      return {
        scores: words.map((row) => {
          let sum = 0;
          for (const [one, weight] of row) sum += weight * profile[one];
          return sum / length;
        }),
        part: (j, i) => inCommon(j, i).reduce((sum, [, part]) => sum + part, 0),
        floor: 0,
      };
    },
  };

  const length = Number(box.dataset.films); // of a list

  // The answers to some ratings, a Map from films to stars; null where there is nothing to go by.
  const answers = (stars) => {
    const rated = [...stars.keys()];
    const liked = rated.filter((film) => stars.get(film) >= data.liked);
    return Object.fromEntries(Object.entries(models).map(([name, model]) => {
      const mine = name === "svd" ? rated : liked;
      if (name !== "popularity" && !mine.length) return [name, null];
      const { scores, part, floor = -Infinity } = model(mine, stars);
      const best = films.map((_, i) => i)
        .filter((i) => !stars.has(i) && scores[i] > floor)
        .sort((a, b) => scores[b] - scores[a] || a - b)
        .slice(0, length);
      const reason = (i) => mine.reduce((a, b) => (part(b, i) > part(a, i) ? b : a));
      return [name, { scores, best: best.map((i) => [i, part ? reason(i) : null]) }];
    }));
  };

  // --- What is shown ---------------------------------------------------------------------------

  const made = (tag, given = {}, ...inside) => {
    const element = Object.assign(document.createElement(tag), given);
    element.append(...inside);
    return element;
  };
  const named = (film) => [
    made("cite", {}, films[film].title), "\u00a0", made("span", {}, String(films[film].year)),
  ];
  const said = (stars) => `${stars} star${stars === 1 ? "" : "s"}`;
  const why = (name, film, reason) => {
    if (reason === null) return `seen by ${films[film].seen} of the ${data.people} people`;
    const [before, after] = data.reasons[name];
    const shared = () => inCommon(reason, film)
      .sort(([, a], [, b]) => b - a)
      .slice(0, data.in_common)
      .map(([one]) => data.content.names[one])
      .join(" and ");
    return before.replace("{stars}", said(mine.get(reason))).replace("{words}", shared)
      + films[reason].title + after;
  };

  const numbers = new Map(films.map((film, number) => [film.key, number]));
  const mine = new Map(); // film number to stars, in the order of rating

  const remember = () => {
    kept.set(TASTE_KEPT, JSON.stringify([...mine].map(([film, stars]) => [films[film].key, stars])));
  };
  const recall = () => {
    try {
      for (const [key, stars] of JSON.parse(kept.get(TASTE_KEPT) ?? "[]")) {
        if (numbers.has(key) && [1, 2, 3, 4, 5].includes(stars)) mine.set(numbers.get(key), stars);
      }
    } catch { /* somebody else's, or broken: as if there were none */ }
  };

  const showLists = () => {
    const found = answers(mine);
    const times = new Map(); // in how many lists each film stands
    const lists = Object.values(found).filter(Boolean);
    for (const { best } of lists) {
      for (const [film] of best) times.set(film, (times.get(film) ?? 0) + 1);
    }
    const often = [...times.keys()].reduce((a, b) => (times.get(b) > times.get(a) ? b : a));
    find(".taste-sum").textContent = lists.length < 2 ? "" :
      `${times.size} different films in ${lists.length} lists; ${films[often].title} stands in ` +
      `${times.get(often)} of them. A film with a ring around its number stands in no other list.`;
    for (const [name, answer] of Object.entries(found)) {
      const list = find(`[data-model=${name}] ol`);
      list.replaceChildren(...(answer?.best ?? []).map(([film, reason]) => {
        const line = made("li", {}, ...named(film), " ", made("small", {}, why(name, film, reason)));
        line.dataset.film = film;
        if (lists.length > 1 && times.get(film) === 1) {
          line.className = "alone";
          line.append(made("span", { className: "visually-hidden" }, ", in no other list"));
        }
        return line;
      }));
      const waits = list.nextElementSibling;
      if (waits) waits.hidden = Boolean(answer);
    }
  };

  const rating = (film) => {
    const { title } = films[film];
    const stars = [1, 2, 3, 4, 5].map((number) => {
      const button = made("input", {
        type: "radio", name: `stars-${film}`, value: number, checked: mine.get(film) === number,
        onchange: () => rate(film, number),
      });
      const star = made("span", { ariaHidden: "true" });
      return made("label", {}, button, star,
        made("span", { className: "visually-hidden" }, said(number)));
    });
    const legend = made("legend", { className: "visually-hidden" }, `Your stars for ${title}`);
    const away = made("button", {
      type: "button", ariaLabel: `Remove ${title}`, onclick: () => remove(film),
    }, "×");
    const line = made("li", {},
      made("span", {}, ...named(film)), made("fieldset", {}, legend, ...stars), away);
    line.dataset.film = film;
    return line;
  };

  // The newest film stands first, where the Tab key comes to next.
  const showRated = () => {
    find(".taste-rated").replaceChildren(...[...mine.keys()].reverse().map(rating));
  };

  const changed = (what) => {
    box.classList.toggle("rated", mine.size > 0);
    showLists();
    remember();
    find(".taste-said").textContent = `${what} The seven lists have changed.`;
  };

  // Where one begins: by touch, a field with the focus would bring up the keyboard, over the page.
  const touch = matchMedia("(pointer: coarse)");
  const beginning = () => (touch.matches ? find(".taste-try") : input);

  const rate = (film, stars) => {
    const known = mine.has(film);
    mine.set(film, stars);
    if (!known) showRated();
    changed(`${films[film].title}: ${said(stars)}.`);
  };

  const remove = (film) => {
    const line = find(`.taste-rated [data-film="${film}"]`);
    const next = line.nextElementSibling ?? line.previousElementSibling;
    mine.delete(film);
    line.remove();
    changed(`${films[film].title} is removed.`);
    (next?.querySelector("button") ?? beginning()).focus();
  };

  const forget = () => {
    mine.clear();
    showRated();
    changed("All ratings are forgotten.");
    kept.forget(TASTE_KEPT);
    beginning().focus();
  };

  // The file that the notebooks read: `data.my_ratings`.
  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const save = () => {
    const lines = [...mine].map(([film, stars]) => `${quoted(films[film].key)},${stars}`);
    const file = new Blob([["title,stars", ...lines, ""].join("\n")], { type: "text/csv" });
    const link = made("a", { href: URL.createObjectURL(file), download: "my_ratings.csv" });
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const tryExample = () => {
    for (const [film, stars] of data.example) mine.set(film, stars); // the last comes to stand first
    showRated();
    changed("Five films are rated.");
    find(".taste-rated input:checked").focus({ preventScroll: true });
  };

  // --- Search ----------------------------------------------------------------------------------

  // Small letters without accents and signs: "wall e" finds WALL·E, "leon" Léon.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/['’]/g, "").replace(/[^a-z0-9]+/g, " ").trim();
  const texts = films.map(({ title, year, others }) => ` ${plain(`${title} ${others} ${year}`)}`);
  const search = (typed) => {
    const words = plain(typed).split(" ").filter(Boolean);
    if (!words.length) return [];
    const start = ` ${words.join(" ")}`;
    const place = (i) => ([texts[i], texts[i].replace(/^ (the|an?) /, " ")]
      .some((text) => text.startsWith(start)) ? 0 : 1);
    return films.map((_, i) => i)
      .filter((i) => words.every((word) => texts[i].includes(` ${word}`)))
      .sort((a, b) => place(a) - place(b) || films[b].seen - films[a].seen)
      .slice(0, 8);
  };

  const input = find("input");
  const found = find("[role=listbox]");
  let active = -1;

  const close = () => {
    found.hidden = true;
    active = -1;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
  };

  const activate = (number) => {
    const options = [...found.querySelectorAll("[role=option]")];
    if (!options.length) return;
    active = (number + options.length) % options.length;
    options.forEach((option, i) => { option.ariaSelected = String(i === active); });
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  };

  const pick = (film) => {
    input.value = "";
    close();
    rate(film, mine.get(film) ?? 5);
  };

  const look = () => {
    const films = search(input.value);
    close();
    if (!plain(input.value)) return;
    found.replaceChildren(...films.map((film) => {
      const note = mine.has(film) ? `, ${said(mine.get(film))}` : "";
      const option = made("li", {
        role: "option", id: `taste-film-${film}`, ariaSelected: "false",
      }, ...named(film), note);
      option.dataset.film = film;
      return option;
    }));
    if (!films.length) {
      const none = { role: "option", ariaDisabled: "true", ariaSelected: "false" };
      found.append(made("li", none, "No such film here. Try fewer letters."));
    }
    found.hidden = false;
    input.ariaExpanded = "true";
    if (films.length) activate(0);
  };

  input.addEventListener("input", look);
  input.addEventListener("focus", look);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (found.hidden) look();
      else activate(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const option = found.querySelector("[aria-selected=true]");
      if (!found.hidden && option) pick(Number(option.dataset.film));
    }
  });
  // A press would take the focus from the field, and close the list before the click.
  found.addEventListener("pointerdown", (event) => event.preventDefault());
  found.addEventListener("click", (event) => {
    const option = event.target.closest("[data-film]");
    if (!option) return;
    pick(Number(option.dataset.film));
    if (touch.matches) input.blur(); // the keyboard hides the lists
  });

  // --- The same film in other lists ------------------------------------------------------------

  const lists = find(".taste-lists");
  const mark = (film) => {
    for (const line of lists.querySelectorAll("li")) {
      line.classList.toggle("same", film !== undefined && line.dataset.film === film);
    }
  };
  lists.addEventListener("pointerover", (event) => mark(event.target.closest("li")?.dataset.film));
  lists.addEventListener("pointerleave", () => mark());
  // A finger leaves as soon as it is lifted: what it touched stays marked until the next touch.
  lists.addEventListener("click", (event) => mark(event.target.closest("li")?.dataset.film));

  find(".taste-forget").addEventListener("click", forget);
  find(".taste-save").addEventListener("click", save);

  recall();
  showRated();
  showLists();
  box.classList.toggle("rated", mine.size > 0);
  if (document.activeElement === input) look(); // what was typed in the meantime

  return {
    tryExample,
    // For the tests, and for whoever wants to look inside.
    scores: (stars) => Object.fromEntries(
      Object.entries(answers(new Map(stars))).map(([name, one]) => [name, one && [...one.scores]]),
    ),
  };
};

// The models come when the widget is a screen away, and not before: a chapter is read from its top.
// A script is all that a page may load that was opened as a file. Until they are here everything
// stands in its place already, so that nothing moves under a reader.
{
  const app = tasteBox.querySelector(".taste-app");
  const show = (shown) => {
    app.hidden = !shown;
    tasteBox.classList.toggle("live", shown);
  };
  let models;
  const load = () => models ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = tasteBox.dataset.models;
    script.onload = () => done(window.myTaste = startTaste(window.tasteModels));
    script.onerror = () => show(false); // what stands there without scripts stands there again
    document.head.append(script);
  });
  tasteBox.classList.toggle("rated", kept.get(TASTE_KEPT) !== null);
  show(true);
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.disconnect();
    load();
  }, { rootMargin: "100%" }).observe(tasteBox);
  tasteBox.querySelector(".taste-try").addEventListener("click", () => {
    load().then(({ tryExample }) => tryExample());
  });
}
