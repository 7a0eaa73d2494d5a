// Pages work without this. With it, times are the viewer's own, pages look again by themselves, and keys do things.
"use strict";

(() => {
  const all = (css, root = document) => [...root.querySelectorAll(css)];

  // --- Times ---------------------------------------------------------------------------------------------------------

  const units = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "days"]];

  /** A length of time in its largest unit. */
  function length(seconds) {
    const [, size, unit] = units.find(([below]) => seconds < below);
    return `${Math.floor(seconds / size)} ${unit}`;
  }

  /** How far a moment is from now. */
  function distance(at, now) {
    const seconds = Math.trunc((now - at) / 1000);
    if (seconds === 0) return "just now";
    return seconds > 0 ? `${length(seconds)} ago` : `in ${length(-seconds)}`;
  }

  /** When something is due, or how late it is. */
  function due(at, now) {
    const late = Math.trunc((now - at) / 1000);
    if (late > 60) return `late by ${length(late)}`;
    return late < 0 ? distance(at, now) : "any moment now";
  }

  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const year = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const whole = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

  /** A moment in the viewer's zone, with no more of the date than is needed. */
  function moment(at, now) {
    const [then, today] = [new Date(at), new Date(now)];
    if (then.toDateString() === today.toDateString()) return clock.format(then);
    return (then.getFullYear() === today.getFullYear() ? day : year).format(then);
  }

  // The server's clock is what everything was written by; the viewer's may be wrong.
  let ahead = 0;
  const asOf = () => document.querySelector("time[data-now]");

  /** Writes a text, if it is another one. */
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** Puts every time on the page into the viewer's zone, as of now. */
  function tell() {
    const now = Date.now() + ahead;
    for (const element of all("time[data-as]")) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      element.title = `${whole.format(at)} · ${new Date(at).toISOString().slice(0, 19)}Z`;
      const part = (name) => {
        const found = element.querySelector(name);
        if (found) return found;
        element.replaceChildren(document.createElement(name));
        return element.firstChild;
      };
      switch (element.dataset.as) {
        case "ago": write(element, distance(at, now)); break;
        case "due": write(element, due(at, now)); break;
        case "clock": write(element, clock.format(at)); break;
        case "ago-clock":
          write(part("strong"), distance(at, now));
          while (element.childNodes.length > 2) element.lastChild.remove();
          if (element.childNodes.length < 2) element.append("");
          if (element.lastChild.data !== ` · ${moment(at, now)}`) element.lastChild.data = ` · ${moment(at, now)}`;
          break;
        case "clock-ago": {
          const ago = part("span");
          ago.className = "ago";
          write(ago, `(${distance(at, now)})`);
          while (element.firstChild !== ago && element.childNodes.length > 2) element.firstChild.remove();
          if (element.firstChild === ago) element.prepend("");
          if (element.firstChild.data !== `${moment(at, now)} `) element.firstChild.data = `${moment(at, now)} `;
          break;
        }
      }
    }
  }

  // --- Looking again -------------------------------------------------------------------------------------------------

  const status = document.getElementById("live");
  const every = Number(status?.dataset.every ?? 0) * 1000;
  let version = null;
  let failures = 0;
  let timer = 0;
  let looking = false;
  const was = new Map();

  const regions = (root) => all("[data-live][id]", root);

  /** A region's text without how long ago anything was. */
  const lasting = (region) => region.innerHTML.replace(/(<time[^>]*>)[^]*?<\/time>/g, "$1");

  /** Says whether somebody is in the middle of something there. */
  function isBusy(region) {
    if (document.querySelector("dialog[open]") && region.contains(asking)) return true;
    const dirty = all("textarea, input:not([type=hidden]), select", region);
    return dirty.some((field) => field === document.activeElement || (field.value !== field.defaultValue && field.type !== "select-one"));
  }

  /** What tells an element from its neighbours when its region is written anew. */
  function mark(element, region) {
    if (!region.contains(element)) return null;
    if (element.id) return `#${CSS.escape(element.id)}`;
    const form = element.closest("form[action]");
    if (form) return `form[action="${CSS.escape(form.getAttribute("action"))}"] ${element.localName}`;
    const link = element.getAttribute("href");
    return link ? `${element.localName}[href="${CSS.escape(link)}"]` : element.localName === "summary" ? "summary" : null;
  }

  /** Puts what is new into the page; focus and what was folded out stay. */
  function renew(next) {
    for (const region of regions(document)) {
      const fresh = next.getElementById(region.id);
      if (!fresh || was.get(region.id) === lasting(fresh) || isBusy(region)) continue;
      const focused = mark(document.activeElement, region);
      const open = all("details", region).map((details) => details.open);
      was.set(region.id, lasting(fresh));
      region.innerHTML = fresh.innerHTML;
      all("details", region).forEach((details, n) => { if (open[n]) details.open = true; });
      if (focused) region.querySelector(focused)?.focus({ preventScroll: true });
    }
    document.title = next.title;
  }

  /** Asks for the page again; what has not changed is not sent. */
  async function look() {
    clearTimeout(timer);
    if (looking || document.hidden) return;
    looking = true;
    try {
      const headers = version ? { "If-None-Match": version } : {};
      const answer = await fetch(status.dataset.from ?? location.href, { headers, cache: "no-store", redirect: "error" });
      if (answer.status === 401) {
        status.textContent = " · you are signed out: sign in again to see what is new";
        return;
      }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        version = answer.headers.get("ETag");
        renew(next);
      }
      failures = 0;
      const time = asOf();
      if (time) time.dateTime = new Date(Date.now() + ahead).toISOString();
      write(status, " · looks again by itself");
      tell();
    } catch {
      failures += 1;
      write(status, " · cannot reach Firebell: what you see is old");
    } finally {
      looking = false;
    }
    plan();
  }

  /** Looks again later; the more it fails, the later. */
  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, every * Math.min(2 ** failures, 6));
  }

  // --- Questions -----------------------------------------------------------------------------------------------------

  const sure = document.getElementById("sure");
  let asking = null;

  /** Asks before a form is sent that says so. */
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.sure ?? event.target.dataset.sure;
    if (!question || event.target.dataset.answered) return;
    event.preventDefault();
    ask(question, event.submitter?.textContent ?? "Yes", event.target, event.submitter);
  });

  /** Asks, and sends the form if the answer is yes. */
  function ask(question, yes, form, submitter) {
    asking = form;
    sure.querySelector("[data-question]").textContent = question;
    sure.querySelector("[value=yes]").textContent = yes;
    sure.returnValue = "no";
    sure.showModal();
    sure.onclose = () => {
      asking = null;
      if (sure.returnValue !== "yes") return submitter?.focus();
      form.dataset.answered = "yes";
      form.requestSubmit(submitter);
    };
  }

  // --- Keys ----------------------------------------------------------------------------------------------------------

  const help = document.getElementById("keys");
  const OFF = "firebell-keys-off";
  const areOff = () => localStorage.getItem(OFF) === "yes";
  let first = "";

  /** Goes to the next or the previous thing in the list. */
  function step(by) {
    const rows = all("[data-row]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => row === document.activeElement);
    const to = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
    rows[to].focus();
    rows[to].scrollIntoView({ block: "nearest" });
  }

  /** Acknowledges what is in focus, or the first that can be; asks before. */
  function acknowledge() {
    const item = document.activeElement.closest("[data-item]");
    const button = item?.querySelector("[data-acknowledge]") ?? document.querySelector("[data-acknowledge]");
    if (!button) return;
    const place = button.closest("[data-item]");
    const title = place?.querySelector("h1, h3") ?? document.querySelector("main h1");
    const what = title?.textContent.trim() ?? document.title;
    ask(`Acknowledge “${what}”? It stops paging, and everybody sees that you are on it.`, "Acknowledge", button.form, button);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || areOff()) return;
    const field = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (field) {
      if (event.key === "Escape") field.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (first === "g") {
      first = "";
      const link = document.querySelector(`nav [data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const does = {
      "g": () => { first = "g"; setTimeout(() => { first = ""; }, 1500); },
      "j": () => step(1),
      "k": () => step(-1),
      "/": () => document.querySelector("form[role=search] select, form[role=search] input:not([type=hidden])")?.focus(),
      "a": acknowledge,
      "n": () => document.querySelector('[data-go="n"]')?.click(),
      "u": () => document.querySelector("[data-update]")?.focus(),
      "?": () => help.showModal(),
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  });

  // --- Begin ---------------------------------------------------------------------------------------------------------

  for (const button of all("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  const off = document.querySelector("[data-keys-off]");
  off.checked = areOff();
  off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "yes" : "no"));

  const rendered = Date.parse(asOf()?.dateTime ?? "");
  if (!Number.isNaN(rendered) && Math.abs(rendered - Date.now()) > 5000) ahead = rendered - Date.now();
  for (const region of regions(document)) was.set(region.id, lasting(region));
  tell();
  setInterval(() => { if (!document.hidden) tell(); }, 5000);
  if (status && every && was.size) {
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    write(status, " · looks again by itself");
    plan();
  }
})();
