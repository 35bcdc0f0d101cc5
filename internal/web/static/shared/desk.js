// What a page does beyond its forms and links; each works without it.
"use strict";
(() => {
  const body = document.body;

  // News: say that acts arrived, and let the reader decide when to see them.
  const live = document.getElementById("live");
  if (live && body.dataset.live && "EventSource" in window) {
    let n = 0;
    const stream = new EventSource(body.dataset.live);
    stream.addEventListener("act", () => {
      n++;
      document.getElementById("live-text").textContent = n === 1 ? live.dataset.one : live.dataset.many.replace("{n}", String(n));
      live.hidden = false;
    });
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) stream.close();
    });
    document.getElementById("live-show").addEventListener("click", () => location.reload());
    addEventListener("pagehide", () => stream.close());
  }

  // The scenario's clock, while it plays.
  const scenario = document.querySelector(".scenario[data-playing=true]");
  if (scenario) {
    const now = document.getElementById("scenario-now");
    setInterval(async () => {
      if (document.hidden) return;
      try {
        const r = await fetch("/scenario/now", { headers: { "Accept-Language": document.documentElement.lang } });
        if (r.ok) now.textContent = await r.text();
      } catch { /* the node is gone or busy; the next try says */ }
    }, 1000);
  }

  // Keys: "/" finds, "g b" goes to the board, "c" composes.
  let before = "";
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target.closest("input, textarea, select, [contenteditable]")) {
      if (e.key === "Escape") e.target.blur();
      return;
    }
    const keys = before === "g" ? "g " + e.key : e.key;
    before = e.key === "g" ? "g" : "";
    const to = document.querySelector(`[aria-keyshortcuts="${CSS.escape(keys)}"]`);
    if (!to) return;
    e.preventDefault();
    if (to instanceof HTMLInputElement) to.focus();
    else to.click();
  });

  // Errors are where the reader looks first.
  document.querySelector(".errors")?.focus();

  // A form that issues is sent once.
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (e) => {
      if (form.dataset.sent) e.preventDefault();
      form.dataset.sent = "1";
    });
  }

  // The strip of the first page shows its steps one after the other.
  const strip = document.querySelector("[data-strip]");
  const play = document.getElementById("strip-play");
  if (strip && play) {
    play.hidden = false;
    const steps = [...strip.querySelectorAll("[data-step]")];
    let timer = 0;
    const rest = () => {
      clearInterval(timer);
      timer = 0;
      strip.classList.remove("playing");
      for (const s of steps) s.classList.remove("shown", "current");
      play.setAttribute("aria-pressed", "false");
    };
    play.addEventListener("click", () => {
      if (timer) return rest();
      let i = 0;
      strip.classList.add("playing");
      play.setAttribute("aria-pressed", "true");
      const next = () => {
        for (const s of steps) s.classList.remove("current");
        if (i === steps.length) return rest();
        steps[i].classList.add("shown", "current");
        i++;
      };
      next();
      timer = setInterval(next, 1800);
    });
  }
})();
