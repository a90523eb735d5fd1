// What the tests ask of a page, from inside it. Every function returns plain data.
window.siteProbe = (() => {
  const ARTICLE = "main article";
  // Text here is code, or typeset by MathJax, or not text at all.
  const NOT_PROSE = "pre, code, kbd, script, style, noscript, template, mjx-container, .highlight";

  // --- Naming what was found ----------------------------------------------------------------

  function selector(element) {
    const names = [];
    for (let node = element; node && node !== document.body && names.length < 4; ) {
      const classes = [...node.classList].slice(0, 2).map((name) => `.${name}`).join("");
      names.unshift(node.localName + (node.id ? `#${node.id}` : classes));
      node = node.id ? null : node.parentElement;
    }
    return names.join(" > ");
  }

  function excerpt(text) {
    return text.replace(/\s+/g, " ").trim().slice(0, 60);
  }

  function shown(element) {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({ visibilityProperty: true });
  }

  function* textNodes(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.data.trim() && node.parentElement) yield node;
    }
  }

  // --- Waiting ------------------------------------------------------------------------------

  async function settled() {
    // A quiz asks for its formulas half a second after it was drawn.
    if (document.querySelector("[data-shufflequestions]")) {
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
  }

  // --- Formulas and markup ------------------------------------------------------------------

  function formulas() {
    const problems = [];
    for (const element of document.querySelectorAll(".math")) {
      if (!element.querySelector("mjx-container")) {
        problems.push(`not typeset: ${excerpt(element.textContent)}`);
      }
    }
    // MathJax draws what it cannot read as an error, and a macro it does not know in red.
    const wrong = 'mjx-merror, [data-mjx-error], mjx-mtext[style*="red"]';
    for (const element of document.querySelectorAll(wrong)) {
      const formula = element.closest("mjx-container");
      const why = element.getAttribute("data-mjx-error") ?? "an unknown macro";
      const text = excerpt(formula.querySelector("mjx-assistive-mml")?.textContent ?? "");
      problems.push(`not understood: ${text} (${why}) in ${selector(formula.parentElement)}`);
    }
    return problems;
  }

  // A formula that fits its line or its box must not scroll: a scrollbar stands under it, and the
  // Tab key stops at it. What is drawn is the width of mjx-math.
  function scrollingFormulas() {
    const problems = [];
    for (const box of document.querySelectorAll("span.math, div.math, .math mjx-container")) {
      const { overflowX, overflowY, paddingLeft, paddingRight } = getComputedStyle(box);
      if (!shown(box) || !/auto|scroll/.test(overflowX)) continue;
      const room = box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      const drawn = Math.max(
        ...[...box.querySelectorAll("mjx-math")].map((one) => one.getBoundingClientRect().width), 0,
      );
      const bar = box.offsetHeight - box.clientHeight > 2;
      const scrolls =
        box.scrollWidth > box.clientWidth + 1 ||
        (overflowY !== "hidden" && box.scrollHeight > box.clientHeight + 1);
      if (drawn <= room + 1 && (bar || scrolls)) {
        const formula = box.querySelector("mjx-assistive-mml");
        problems.push(
          `${Math.round(drawn)} of ${Math.round(room)} px: ${excerpt(formula?.textContent ?? "")}`,
        );
      }
    }
    return problems;
  }

  // Where bars lie over what scrolls, as on a phone, that of a formula needs room below it.
  function coveredFormulas() {
    const problems = [];
    for (const box of document.querySelectorAll(".math mjx-container.more-right")) {
      const drawn = box.querySelector("mjx-math").getBoundingClientRect();
      if (shown(box) && box.getBoundingClientRect().bottom < drawn.bottom + 8) {
        problems.push(excerpt(box.querySelector("mjx-assistive-mml")?.textContent ?? ""));
      }
    }
    return problems;
  }

  const LEFTOVERS = [
    /\\[()[\]]/, // TeX delimiters that MathJax did not replace
    /\$\$/,
    /\\(begin|end|frac|sum|text|mathbb|label)\b/,
    /\{(glue|cite|ref|numref|eq|term|doc|download|math|prf)[:}]/, // roles
    /\{(cite|glue|prf):\w*/,
    /\{(note|tip|warning|admonition|dropdown|figure|exercise|solution|code-cell|glossary)\b/,
    /:::|```/,
    /^\([\w-]+\)=/, // targets
    /!?\[[^\]]*\]\([^)]+\)/, // links and images
  ];

  function rawMarkup() {
    const problems = [];
    for (const node of textNodes(document.body)) {
      if (node.parentElement.closest(NOT_PROSE)) continue;
      const found = LEFTOVERS.map((pattern) => node.data.match(pattern)).find(Boolean);
      if (found) problems.push(`"${found[0]}" in ${selector(node.parentElement)}`);
    }
    return problems;
  }

  // --- Width --------------------------------------------------------------------------------

  function openEverything() {
    for (const details of document.querySelectorAll("main details")) details.open = true;
    for (const button of document.querySelectorAll("main .toggle-hidden .toggle-button")) {
      button.click();
    }
  }

  function clipsItsContent(element) {
    return ["hidden", "clip"].includes(getComputedStyle(element).overflowX);
  }

  function insideBoxThatHides(element) {
    for (let node = element.parentElement; node; node = node.parentElement) {
      if (node === document.body) return false;
      if (getComputedStyle(node).overflowX !== "visible") return true;
    }
    return false;
  }

  function overflow() {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide = [];
    const cut = [];
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("mjx-container") && element.localName !== "mjx-container") continue;
      if (!shown(element)) continue;
      const right = element.getBoundingClientRect().right;
      if (right > clientWidth + 1 && !insideBoxThatHides(element)) wide.push([right, element]);
      const inArticle = element.closest(ARTICLE);
      if (inArticle && clipsItsContent(element) && element.scrollWidth > element.clientWidth + 1) {
        cut.push(`cut off at ${element.clientWidth} of ${element.scrollWidth} px: ${selector(element)}`);
      }
    }
    const rank = ([right, element]) => (element.closest(ARTICLE) ? 1e6 : 0) + right;
    wide.sort((one, other) => rank(other) - rank(one));
    const problems = cut;
    if (scrollWidth > clientWidth) {
      problems.push(`the page is ${scrollWidth} px wide on a screen of ${clientWidth}`);
      for (const [right, element] of wide.slice(0, 4)) {
        problems.push(`reaches to ${Math.round(right)} px: ${selector(element)}`);
      }
    }
    return problems;
  }

  // What a printed page would lose at its right edge.
  function cut() {
    const found = [];
    for (const one of document.querySelectorAll("article mjx-math, article table, article pre")) {
      const { width, right } = one.getBoundingClientRect();
      if (width > 1 && right > document.documentElement.clientWidth + 12) {
        found.push(`${Math.round(right)} px: ${excerpt(one.textContent)}`);
      }
    }
    return found;
  }

  // --- Color -------------------------------------------------------------------------------

  function brushOn(width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    return canvas.getContext("2d", { willReadFrequently: true });
  }

  // Any CSS color, color-mix() and all, as [red, green, blue, alpha].
  const colors = new Map();
  function rgba(color) {
    if (!colors.has(color)) {
      const brush = brushOn(1, 1);
      brush.fillStyle = color;
      brush.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
      colors.set(color, [red, green, blue, alpha / 255]);
    }
    return colors.get(color);
  }

  function over([red, green, blue, alpha], ground) {
    return [red, green, blue].map((value, i) => alpha * value + (1 - alpha) * ground[i]);
  }

  function ground(element) {
    const layers = [];
    for (let node = element; node; node = node.parentElement) {
      const layer = rgba(getComputedStyle(node).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    const paper = document.documentElement.dataset.theme === "dark" ? [0, 0, 0] : [255, 255, 255];
    return layers.reduceRight((below, layer) => over(layer, below), paper);
  }

  function luminance(rgb) {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function opacity(element) {
    let product = 1;
    for (let node = element; node; node = node.parentElement) {
      product *= Number(getComputedStyle(node).opacity);
    }
    return product;
  }

  // WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text.
  function faintText() {
    const problems = new Map();
    const looked = new Set();
    for (const node of textNodes(document.body)) {
      const element = node.parentElement;
      if (looked.has(element)) continue;
      looked.add(element);
      if (element.closest("script, style, noscript, mjx-container, [disabled]")) continue;
      if (!shown(element)) continue;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const paper = ground(element);
      const [red, green, blue, alpha] = rgba(style.color);
      const ink = over([red, green, blue, alpha * opacity(element)], paper);
      const ratio = contrast(ink, paper);
      if (ratio < (large ? 3 : 4.5)) {
        const name = `contrast ${ratio.toFixed(1)}: ${selector(element)}`;
        if (!problems.has(name)) problems.set(name, excerpt(node.data));
      }
    }
    return [...problems].map(([name, text]) => `${name} "${text}"`);
  }

  // --- Figures ------------------------------------------------------------------------------

  const scale = (text) => {
    const { a, b } = text.getScreenCTM();
    return Math.hypot(a, b); // of text that is turned, too
  };

  // Letters of a drawing are to be read on a phone; pictures that only decorate are left out.
  function smallLetters() {
    const sizes = new Map();
    for (const text of document.querySelectorAll(`${ARTICLE} svg[role=img] text`)) {
      if (!text.getBoundingClientRect().width || !text.textContent.trim()) continue;
      const size = parseFloat(getComputedStyle(text).fontSize) * scale(text);
      if (size < 9) sizes.set(text.closest("svg").getAttribute("aria-label"), size);
    }
    return [...sizes].map(([label, size]) => `${size.toFixed(1)} px in "${excerpt(label)}"`);
  }

  // Names in a drawing are not written on each other. Two corners may meet, and the boxes of names
  // that are turned say little of where their letters are.
  function touchingLetters() {
    const problems = [];
    for (const drawing of document.querySelectorAll(`${ARTICLE} svg[role=img]`)) {
      if (!shown(drawing)) continue;
      const names = [...drawing.querySelectorAll("text")].filter((text) => {
        const { b } = text.getScreenCTM();
        return text.textContent.trim() && Math.abs(b) < 0.01 && shown(text);
      }).map((text) => [text.textContent.trim(), text.getBoundingClientRect()]);
      names.forEach(([one, box], place) => {
        for (const [other, next] of names.slice(place + 1)) {
          const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
          const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
          if (across > 4 && down > 0.4 * Math.min(box.height, next.height)) {
            problems.push(`"${one}" and "${other}" in "${excerpt(drawing.ariaLabel)}"`);
          }
        }
      });
    }
    return problems;
  }

  // A figure that moves is seen at once with its controls and with what it says.
  function largeMovingFigures() {
    const problems = [];
    const most = 26 * parseFloat(getComputedStyle(document.documentElement).fontSize) + 1;
    const moving = ".moving, .clouds, :has([data-frame])";
    for (const drawing of document.querySelectorAll(`figure:is(${moving}) svg[role=img]`)) {
      const { width } = drawing.getBoundingClientRect();
      if (width > most) problems.push(`${Math.round(width)} px: "${excerpt(drawing.ariaLabel)}"`);
    }
    return problems;
  }

  // What stands below a figure stays where it is in all states that its controls lead to, those of
  // several controls together left out.
  function jumpingFigures() {
    const problems = [];
    const controls = "input[type=range], input[type=radio], select";
    for (const figure of document.querySelectorAll(`${ARTICLE} figure:has(${controls})`)) {
      if (figure.matches(".guess") || !shown(figure)) continue;
      const heights = new Set();
      const set = (control, name, value) => {
        control[name] = value;
        control.dispatchEvent(new Event("input", { bubbles: true }));
        control.dispatchEvent(new Event("change", { bubbles: true }));
        heights.add(Math.round(figure.getBoundingClientRect().height));
      };
      for (const control of figure.querySelectorAll(controls)) {
        if (control.type === "range") {
          const { value, min, max, step } = control;
          const stride = Math.max(+step, (max - min) / 20);
          for (let at = +min; at <= +max; at += stride) set(control, "value", at);
          set(control, "value", value);
        } else if (control.type === "radio") {
          const before = figure.querySelector(`[name="${control.name}"]:checked`);
          set(control, "checked", true);
          set(before, "checked", true);
        } else {
          const { selectedIndex } = control;
          const stride = Math.ceil(control.length / 20);
          for (let at = 0; at < control.length; at += stride) set(control, "selectedIndex", at);
          set(control, "selectedIndex", selectedIndex);
        }
      }
      if (Math.max(...heights) - Math.min(...heights) > 1) {
        problems.push(`${[...heights]} px high: "${excerpt(figure.innerText)}"`);
      }
    }
    return problems;
  }

  // A drawing takes ink and paper from the page: black letters on a dark page would not be seen.
  function faintLetters() {
    const problems = new Map();
    for (const text of document.querySelectorAll(`${ARTICLE} .drawing svg[role=img] text`)) {
      if (!shown(text)) continue;
      const style = getComputedStyle(text);
      const [red, green, blue, alpha] = rgba(style.fill);
      const paper = ground(text);
      const ratio = contrast(over([red, green, blue, alpha], paper), paper);
      // Letters of a fixed color stand on a colored field, whose ground is not the page's.
      if (ratio < 3 && !text.getAttribute("style").includes("#")) {
        problems.set(text.closest("svg").getAttribute("aria-label"), `${ratio.toFixed(1)}: ${text.textContent}`);
      }
    }
    return [...problems].map(([label, what]) => `contrast ${what} in "${excerpt(label)}"`);
  }

  return {
    settled,
    formulas,
    scrollingFormulas,
    coveredFormulas,
    rawMarkup,
    openEverything,
    overflow,
    cut,
    faintText,
    smallLetters,
    touchingLetters,
    largeMovingFigures,
    jumpingFigures,
    faintLetters,
  };
})();
