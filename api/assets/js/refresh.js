// Keeps what is on screen true: every few seconds the same page is fetched, and the parts marked
// data-live are put in place where they changed. A part that somebody types in, has typed in, has
// opened or has selected text in is left alone, so nobody loses their place.
(() => {
  const live = () => [...document.querySelectorAll("[data-live]")];
  if (live().length === 0) return;
  const busy = (part) => {
    const selection = document.getSelection();
    const typing = part.contains(document.activeElement) && document.activeElement !== document.body;
    const typed = [...part.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);
    return typing || typed || (!selection.isCollapsed && part.contains(selection.anchorNode)) || part.querySelector("details[open] form") !== null;
  };
  const open = (part) => [...part.querySelectorAll("details")].map((one) => one.open);
  const put = (part, fresh) => {
    if (part.dataset.seen === fresh.innerHTML || busy(part)) return;
    const opened = open(part);
    part.innerHTML = fresh.innerHTML;
    part.dataset.seen = fresh.innerHTML;
    part.querySelectorAll("details").forEach((one, at) => { one.open = opened[at] ?? one.open; });
    window.showTimes(part);
    window.showCopies(part);
  };
  const refresh = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "manual" }).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of live()) {
      const fresh = page.getElementById(part.id);
      if (fresh) put(part, fresh);
    }
  };
  setInterval(refresh, Number(document.body.dataset.refresh) || 5000);
})();
