// Pages work without this script. It shows times in the time zone of the viewer, updates pages automatically and adds
// keyboard shortcuts.
"use strict";

(() => {
  const all = (css, root = document) => [...root.querySelectorAll(css)];

  // --- Times ---------------------------------------------------------------------------------------------------------

  const units = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "days"]];

  /** Formats a duration in its largest unit. */
  function length(seconds) {
    const [, size, unit] = units.find(([below]) => seconds < below);
    return `${Math.floor(seconds / size)} ${unit}`;
  }

  /** Formats the distance between a time and now. */
  function distance(at, now) {
    const seconds = Math.trunc((now - at) / 1000);
    if (seconds === 0) return "just now";
    return seconds > 0 ? `${length(seconds)} ago` : `in ${length(-seconds)}`;
  }

  /** Formats the time until something is due, or how late it is. */
  function due(at, now) {
    const late = Math.trunc((now - at) / 1000);
    if (late > 60) return `overdue by ${length(late)}`;
    return late < 0 ? distance(at, now) : "due now";
  }

  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const year = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const whole = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

  /** Formats a time in the time zone of the viewer, with only as much of the date as is needed. */
  function moment(at, now) {
    const [then, today] = [new Date(at), new Date(now)];
    if (then.toDateString() === today.toDateString()) return clock.format(then);
    return (then.getFullYear() === today.getFullYear() ? day : year).format(then);
  }

  // All times come from the clock of the server. The clock of the viewer may be wrong by this many milliseconds.
  let ahead = 0;
  const asOf = () => document.querySelector("time[data-now]");

  /** Sets the text of an element, if it differs. */
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** Updates the text of every time on the page. */
  function updateTimes() {
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

  // --- Automatic updates ---------------------------------------------------------------------------------------------

  const status = document.getElementById("live");
  const every = Number(status?.dataset.every ?? 0) * 1000;
  let version = null;
  let failures = 0;
  let timer = 0;
  let loading = false;
  const known = new Map();

  const regions = (root) => all("[data-live][id]", root);

  /** The content of a region without the text of its times, which changes all the time. */
  const withoutTimes = (region) => region.innerHTML.replace(/(<time[^>]*>)[^]*?<\/time>/g, "$1");

  /** Returns whether the viewer is entering something in a region. */
  function isBusy(region) {
    if (document.querySelector("dialog[open]") && region.contains(asking)) return true;
    const dirty = all("textarea, input:not([type=hidden]), select", region);
    return dirty.some((field) => field === document.activeElement || (field.value !== field.defaultValue && field.type !== "select-one"));
  }

  /** A selector that finds an element again after its region was replaced. */
  function selectorOf(element, region) {
    if (!region.contains(element)) return null;
    if (element.id) return `#${CSS.escape(element.id)}`;
    const form = element.closest("form[action]");
    if (form) return `form[action="${CSS.escape(form.getAttribute("action"))}"] ${element.localName}`;
    const link = element.getAttribute("href");
    return link ? `${element.localName}[href="${CSS.escape(link)}"]` : element.localName === "summary" ? "summary" : null;
  }

  /** Replaces the regions that have changed. The focus and opened details stay. */
  function replaceRegions(next) {
    for (const region of regions(document)) {
      const fresh = next.getElementById(region.id);
      if (!fresh || known.get(region.id) === withoutTimes(fresh) || isBusy(region)) continue;
      const focused = selectorOf(document.activeElement, region);
      const open = all("details", region).map((details) => details.open);
      known.set(region.id, withoutTimes(fresh));
      region.innerHTML = fresh.innerHTML;
      all("details", region).forEach((details, n) => { if (open[n]) details.open = true; });
      if (focused) region.querySelector(focused)?.focus({ preventScroll: true });
    }
    document.title = next.title;
  }

  /** Requests the page again. The server sends it only if it has changed. */
  async function update() {
    clearTimeout(timer);
    if (loading || document.hidden) return;
    loading = true;
    try {
      const headers = version ? { "If-None-Match": version } : {};
      const answer = await fetch(status.dataset.from ?? location.href, { headers, cache: "no-store", redirect: "error" });
      if (answer.status === 401) {
        status.textContent = " · you are signed out. Sign in again to see updates.";
        return;
      }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        version = answer.headers.get("ETag");
        replaceRegions(next);
      }
      failures = 0;
      const time = asOf();
      if (time) time.dateTime = new Date(Date.now() + ahead).toISOString();
      write(status, " · updates automatically");
      updateTimes();
    } catch {
      failures += 1;
      write(status, " · cannot reach Firebell. This page is out of date.");
    } finally {
      loading = false;
    }
    schedule();
  }

  /** Schedules the next update. After failures the interval grows. */
  function schedule() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(update, every * Math.min(2 ** failures, 6));
  }

  // --- Confirmations -------------------------------------------------------------------------------------------------

  const confirmation = document.getElementById("confirm");
  let asking = null;

  /** Asks for confirmation before a form with `data-confirm` is sent. */
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (!question || event.target.dataset.confirmed) return;
    event.preventDefault();
    ask(question, event.submitter?.textContent ?? "Confirm", event.target, event.submitter);
  });

  /** Asks for confirmation, and sends the form if the viewer confirms. */
  function ask(question, action, form, submitter) {
    asking = form;
    confirmation.querySelector("[data-question]").textContent = question;
    confirmation.querySelector("[value=yes]").textContent = action;
    confirmation.returnValue = "no";
    confirmation.showModal();
    confirmation.onclose = () => {
      asking = null;
      if (confirmation.returnValue !== "yes") return submitter?.focus();
      form.dataset.confirmed = "yes";
      form.requestSubmit(submitter);
    };
  }

  // --- Keyboard shortcuts --------------------------------------------------------------------------------------------

  const help = document.getElementById("keys");
  const OFF = "firebell-keys-off";
  const areOff = () => localStorage.getItem(OFF) === "yes";
  let first = "";

  /** Moves the focus to the next or the previous item of a list. */
  function step(by) {
    const rows = all("[data-row]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => row === document.activeElement);
    const to = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
    rows[to].focus();
    rows[to].scrollIntoView({ block: "nearest" });
  }

  /** Acknowledges the escalation in focus, or the first one on the page, after a confirmation. */
  function acknowledge() {
    const item = document.activeElement.closest("[data-item]");
    const button = item?.querySelector("[data-acknowledge]") ?? document.querySelector("[data-acknowledge]");
    if (!button) return;
    const place = button.closest("[data-item]");
    const title = place?.querySelector("h1, h3") ?? document.querySelector("main h1");
    const what = title?.textContent.trim() ?? document.title;
    ask(`Acknowledge “${what}”? Notifications stop, and everybody sees that you are responding.`, "Acknowledge", button.form, button);
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
    const action = {
      "g": () => { first = "g"; setTimeout(() => { first = ""; }, 1500); },
      "j": () => step(1),
      "k": () => step(-1),
      "/": () => document.querySelector("form[role=search] select, form[role=search] input:not([type=hidden])")?.focus(),
      "a": acknowledge,
      "n": () => document.querySelector('[data-go="n"]')?.click(),
      "u": () => document.querySelector("[data-update]")?.focus(),
      "?": () => help.showModal(),
    }[event.key];
    if (action) { event.preventDefault(); action(); }
  });

  // --- Start ---------------------------------------------------------------------------------------------------------

  for (const button of all("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  }
  const off = document.querySelector("[data-keys-off]");
  off.checked = areOff();
  off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "yes" : "no"));

  const rendered = Date.parse(asOf()?.dateTime ?? "");
  if (!Number.isNaN(rendered) && Math.abs(rendered - Date.now()) > 5000) ahead = rendered - Date.now();
  for (const region of regions(document)) known.set(region.id, withoutTimes(region));
  updateTimes();
  setInterval(() => { if (!document.hidden) updateTimes(); }, 5000);
  if (status && every && known.size) {
    document.addEventListener("visibilitychange", () => { if (!document.hidden) update(); });
    write(status, " · updates automatically");
    schedule();
  }
})();
