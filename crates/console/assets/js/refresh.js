// Keeps what is on screen true: every few seconds the same page is fetched, and the parts marked
// data-live are put in place where they changed. A part that the user types or ticks in, has typed in, has
// opened or has selected text in is left alone, and so is one with a field that was rejected, so the user keeps their
// place; the row of a list that they have come to is come to again. A page that could not be refreshed twice says since
// when it stands still, and so does one that another tab has made another operator's, or one of other
// projects. Where the same operator has signed in anew, the page's forms are theirs again.
(() => {
  const live = () => [...document.querySelectorAll("[data-live]")];
  if (live().length === 0) return;
  const offered = (select) => Math.max(0, [...select.options].findIndex((option) => option.defaultSelected));
  const busy = (part) => {
    const selection = document.getSelection();
    const at = document.activeElement;
    const typing = part.contains(at) && at !== document.body && !at.matches("a.lead");
    const changed = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;
    const kept = (field) => field.matches("textarea") && field.value !== "";
    const typed = [...part.querySelectorAll("input, textarea")].some((field) => changed(field) || kept(field));
    const chosen = [...part.querySelectorAll("select")].some((field) => field.selectedIndex !== offered(field));
    const selected = !selection.isCollapsed && part.contains(selection.anchorNode);
    return typing || typed || chosen || selected || part.querySelector("details[open] form, [aria-invalid]") !== null;
  };
  const open = (part) => [...part.querySelectorAll("details")].map((one) => one.open);
  const put = (part, fresh) => {
    if (part.dataset.seen === fresh.innerHTML || busy(part)) return;
    const opened = open(part);
    const at = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.innerHTML = fresh.innerHTML;
    part.dataset.seen = fresh.innerHTML;
    part.querySelectorAll("details").forEach((one, at) => { one.open = opened[at] ?? one.open; });
    window.showTimes(part);
    window.showCopies(part);
    if (at) part.querySelector(`a.lead[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  };
  const whose = (page) => [".me a[href='/account']", ".view [aria-pressed=true]"]
    .map((css) => page.querySelector(css)?.textContent).join();
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  let last = new Date();
  let failures = 0;
  const refresh = async () => {
    const patience = AbortSignal.timeout(20000);
    const asked = { headers: { "X-Refresh": "1" }, redirect: "manual", signal: patience };
    const answer = await fetch(window.pageAddress(), asked);
    if (answer.type === "opaqueredirect") return "You are signed out.";
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (whose(page) !== whose(document)) return "Another tab changed the operator or the projects.";
    const token = page.querySelector("input[name=csrf]")?.value;
    if (token) for (const field of document.querySelectorAll("input[name=csrf]")) field.value = token;
    for (const part of live()) {
      const fresh = page.getElementById(part.id);
      if (fresh) put(part, fresh);
    }
    return "";
  };
  // One after the other: a slow answer must not come in after a newer one.
  const pause = Number(document.body.dataset.refresh) || 5000;
  const turn = async () => {
    if (!document.hidden) {
      try {
        window.sayStale(await refresh());
        [failures, last] = [0, new Date()];
      } catch {
        failures += 1;
        if (failures > 1) window.sayStale(`Not refreshed since ${clock.format(last)}.`);
      }
    }
    setTimeout(turn, pause);
  };
  setTimeout(turn, pause);
})();
