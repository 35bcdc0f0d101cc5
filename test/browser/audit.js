// What every page is held to. Returns a list of what is wrong, in words.
((lang) => {
  const bad = [];
  const say = (e) => `<${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""}${e.className && e.className.baseVal === undefined ? "." + e.className.trim().replace(/\s+/g, ".") : ""}> "${(e.textContent || e.name || "").trim().replace(/\s+/g, " ").slice(0, 50)}"`;
  const root = document.documentElement;

  // Language and direction.
  const dir = lang === "ar" ? "rtl" : "ltr";
  if (root.lang !== lang || root.dir !== dir) bad.push(`lang=${root.lang} dir=${root.dir}, want ${lang} ${dir}`);

  // Headings: one of the first level, and no level left out.
  const box = (e) => e.getBoundingClientRect();
  const shown = (e) => e.getClientRects().length > 0;
  const heads = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].filter(shown);
  if (heads.filter((h) => h.tagName === "H1").length !== 1) bad.push("not exactly one h1");
  let level = 0;
  for (const h of heads) {
    const n = Number(h.tagName[1]);
    if (n > level + 1) bad.push(`heading out of order: ${say(h)} after level ${level}`);
    if (!h.textContent.trim()) bad.push(`empty heading ${say(h)}`);
    level = n;
  }

  // Ids, and what refers to them.
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) bad.push(`the id ${e.id} stands twice`);
    ids.add(e.id);
  }
  for (const e of document.querySelectorAll("[aria-labelledby],[for],a[href^='#']"))
    for (const id of (e.getAttribute("aria-labelledby") ?? e.getAttribute("for") ?? decodeURIComponent(e.hash.slice(1))).split(" "))
      if (!ids.has(id)) bad.push(`${say(e)} refers to ${id}, which is not there`);

  // Names of controls.
  const named = (e) => e.getAttribute("aria-label") || e.title || [...(e.labels ?? [])].some((l) => l.textContent.trim()) ||
    (e.getAttribute("aria-labelledby") ?? "").split(" ").some((id) => document.getElementById(id)?.textContent.trim());
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea")) if (!named(e)) bad.push(`no label: ${say(e)} ${e.name}`);
  for (const e of document.querySelectorAll("button,a[href],summary")) if (!e.textContent.trim() && !named(e)) bad.push(`no name: ${say(e)} ${e.href ?? ""}`);
  for (const e of document.querySelectorAll("fieldset")) if (!e.querySelector(":scope > legend")?.textContent.trim()) bad.push(`no legend: ${say(e)}`);
  for (const e of document.querySelectorAll("img,svg[role=img]")) if (!e.alt && !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby") && !e.querySelector("title")) bad.push(`no text for ${say(e)}`);

  // Tables: every one has headers that say what they head.
  for (const e of document.querySelectorAll("table")) {
    if (!e.querySelector("th")) bad.push(`a table without headers: ${say(e)}`);
    for (const h of e.querySelectorAll("th")) if (!h.scope) bad.push(`a header without scope: ${say(h)}`);
  }

  // Lists of names and values: none without either.
  for (const e of document.querySelectorAll("dl")) if (shown(e) && !e.querySelector("dt")) bad.push(`an empty list: ${say(e)}`);
  for (const e of document.querySelectorAll("dt,dd")) if (shown(e) && !e.textContent.trim() && !e.querySelector("input,select,textarea,img,svg")) bad.push(`an empty ${e.tagName}: beside ${say(e.parentElement)}`);
  for (const e of document.querySelectorAll("dl > div")) if (shown(e) && box(e).height > 2 && !(e.querySelector("dt") && e.querySelector("dd"))) bad.push(`a row without a name or a value: ${say(e)}`);

  // Width: nothing makes the page scroll sideways, from left to right or from
  // right to left, or stands cut off outside it.
  const clips = (e) => /auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX);
  const inBox = (e) => { for (; e && e !== document.body; e = e.parentElement) if (clips(e)) return true; return false; };
  const wide = root.scrollWidth - root.clientWidth;
  scrollTo(-9999, 0);
  const left = scrollX;
  scrollTo(9999, 0);
  const right = scrollX;
  scrollTo(0, 0);
  if (wide > 0 || left !== 0 || right !== 0) bad.push(`the page is ${root.scrollWidth} px wide in ${root.clientWidth}, and scrolls from ${left} to ${right}`);
  const out = [...document.body.querySelectorAll("*")].filter((e) => { const r = box(e); return r.width > 1 && r.height > 1 && (r.right > root.clientWidth + 1 || r.left < -1) && !e.closest(".skip,svg svg") && !inBox(e.parentElement); });
  for (const e of out.slice(-3)) bad.push(`it sticks out of the page: ${say(e)} from ${box(e).left} to ${box(e).right}`);

  // Text: no line of it is cut off by its box, or lies on another. What can be
  // scrolled to is there where it shows.
  const spoken = (e) => { for (; e; e = e.parentElement) if (getComputedStyle(e).clipPath !== "none") return true; return false; };
  const words = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = texts.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || e.closest("script,style,option,textarea,title,desc,.hidden,.skip") || !e.checkVisibility({ visibilityProperty: true }) || spoken(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(n);
    const all = range.getBoundingClientRect();
    let view = { left: -Infinity, right: Infinity, top: -Infinity, bottom: Infinity };
    for (let b = e, scrolls = false; b && b !== document.body; b = b.parentElement) {
      const s = getComputedStyle(b), o = box(b);
      if (s.overflowX === "visible" || s.display === "inline") continue;
      scrolls ||= /auto|scroll/.test(s.overflowX);
      if (!scrolls && (all.left < o.left - 1 || all.right > o.right + 1)) bad.push(`it is cut off: ${say(e)} in ${say(b)}`);
      view = { left: Math.max(view.left, o.left), right: Math.min(view.right, o.right), top: Math.max(view.top, o.top), bottom: Math.min(view.bottom, o.bottom) };
    }
    for (const r of range.getClientRects()) {
      const seen = { left: Math.max(r.left, view.left), right: Math.min(r.right, view.right), top: Math.max(r.top, view.top), bottom: Math.min(r.bottom, view.bottom) };
      if (seen.right - seen.left > 1 && seen.bottom - seen.top > 1) words.push({ e, r: seen });
    }
  }
  // Boxes: no text stands beside the cell, the line or the column that it is in.
  for (const { e, r } of words) {
    let b = e;
    while (b !== document.body && !/^(block|grid|flex|list-item|table-cell|inline-block|flow-root)$/.test(getComputedStyle(b).display)) b = b.parentElement;
    const o = box(b);
    if (!b.closest("svg") && o.width > 1 && (r.left < o.left - 2 || r.right > o.right + 2)) bad.push(`it sticks out of its box: ${say(e)} by ${Math.round(Math.max(o.left - r.left, r.right - o.right))} px out of ${say(b)}`);
  }

  // Numbers read from left to right, with their signs, in every language.
  const number = /[<>+−-]?\d[\d.,:–%]*/g;
  const digits = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = digits.nextNode());) {
    const e = n.parentElement;
    if (e.closest("script,style,option,textarea,title,desc") || !e.checkVisibility() || spoken(e)) continue;
    for (const m of n.data.matchAll(number)) {
      const s = m[0].replace(/[.,:–]+$/, "");
      const at = [...s].map((_, i) => { const range = document.createRange(); range.setStart(n, m.index + i); range.setEnd(n, m.index + i + 1); return range.getBoundingClientRect(); });
      if (at.some((r, i) => i && r.width && at[i - 1].width && r.top === at[i - 1].top && r.left < at[i - 1].left)) bad.push(`a number is mirrored: ${s} in ${say(e)}`);
    }
  }

  words.sort((a, b) => a.r.top - b.r.top);
  words.forEach((a, i) => {
    for (let j = i + 1; j < words.length && words[j].r.top < a.r.bottom; j++) {
      const b = words[j];
      const x = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
      // Lines of text stand closer than the boxes of their letters.
      const y = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
      if (x > 2 && y > 0.4 * Math.min(a.r.bottom - a.r.top, b.r.bottom - b.r.top)) bad.push(`it lies on other text: ${say(a.e)} on ${say(b.e)}`);
    }
  });

  // Contrast of text: 4.5:1 against what lies behind it.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const cache = new Map();
  const rgba = (c) => {
    if (!cache.has(c)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = c;
      canvas.fillRect(0, 0, 1, 1);
      const d = canvas.getImageData(0, 0, 1, 1).data;
      cache.set(c, [d[0], d[1], d[2], d[3] / 255]);
    }
    return cache.get(c);
  };
  const over = (top, under) => { const a = top[3]; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)).concat(1); };
  const once = (f) => { const known = new Map(); return (e) => { if (!known.has(e)) known.set(e, f(e)); return known.get(e); }; };
  const behind = once((e) => {
    if (!e) return [255, 255, 255, 1];
    const c = rgba(getComputedStyle(e).backgroundColor);
    return c[3] === 1 ? c : c[3] === 0 ? behind(e.parentElement) : over(c, behind(e.parentElement));
  });
  const light = (c) => { const [r, g, b] = c.map((x) => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const opacity = once((e) => e ? Number(getComputedStyle(e).opacity) * opacity(e.parentElement) : 1);
  const told = new Set();
  const check = (e, color, what) => {
    const under = behind(e);
    const c = rgba(color);
    const r = ratio(over([c[0], c[1], c[2], c[3] * opacity(e)], under), under);
    const key = color + under.join();
    if (r < 4.49 && !told.has(key)) {
      told.add(key);
      bad.push(`contrast ${r.toFixed(2)}:1 of ${what}: ${say(e)}, ${color} on rgb(${under.slice(0, 3).map(Math.round)})`);
    }
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || ["SCRIPT", "STYLE", "OPTION"].includes(e.tagName) || !shown(e)) continue;
    const s = getComputedStyle(e);
    if (s.visibility === "hidden" || s.clipPath !== "none" || e.closest(".hidden,.skip")) continue;
    check(e, e instanceof SVGElement ? s.fill : s.color, "text");
  }
  for (const e of document.querySelectorAll("input[placeholder]")) check(e, getComputedStyle(e, "::placeholder").color, "placeholder");
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea")) if (shown(e)) check(e, getComputedStyle(e).color, "field");

  // Nothing inline: the content security policy would block it.
  for (const e of document.querySelectorAll("[style]:not(svg *),script:not([src])")) bad.push(`inline: ${say(e)}`);
  return bad;
})
