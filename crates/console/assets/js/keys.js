// Keys for those who do not want to reach for the mouse. A row is gone to by focusing its link, so a screen reader
// reads it, and Enter, Tab and all else go on from there. No key does anything while somebody types, and none sends a
// reprocess: it leads to where one is confirmed. Who does not want them turns them off in the help.
(() => {
  const OFF = "keys-off";
  const places = { h: "/", i: "/incidents", e: "/events", o: "/overview", p: "/projects", a: "/audit" };
  const help = [
    ["j k", "the next row of a list, the one before"],
    ["Enter", "open it"],
    ["x", "tick it, or take the tick away"],
    ["e", "acknowledge: this incident, or those that are ticked, after a preview"],
    ["r", "to where this incident is reprocessed, or a preview of those that are ticked"],
    ["/", "search"],
    ["g h", "home"],
    ["g i", "incidents"],
    ["g e", "events"],
    ["g o", "overview"],
    ["g p", "projects"],
    ["g a", "audit"],
    ["Ctrl K", "go to anything by its name (⌘ K on a Mac)"],
    ["?", "this help"],
  ];
  const one = (css, root = document) => root.querySelector(css);
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  window.makeElement = make;
  const stored = (act) => { try { return act(localStorage); } catch { return null; } };
  const off = () => stored((kept) => kept.getItem(OFF)) !== null;

  const heard = make("p", "", { class: "hidden-label", role: "status" });
  document.body.append(heard);

  // Not those of a table that is folded away behind a drawing.
  const isRow = (row) => row.checkVisibility() && !row.closest("details");
  const rows = () => [...document.querySelectorAll("table.list tbody tr")].filter(isRow);
  const here = () => document.activeElement.closest("table.list tbody tr");
  const focusRow = (row) => {
    let target = one("a.lead", row) ?? one("a[href]", row);
    if (!target) {
      row.tabIndex = -1;
      target = row;
    }
    target.focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const all = rows();
    const at = all.indexOf(here());
    const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
    if (next) focusRow(next);
  };

  const ticks = () => [...document.querySelectorAll("input.tick:checked")];
  const tick = () => {
    const box = here() && one("input.tick", here());
    if (!box) return;
    box.checked = !box.checked;
    heard.textContent = `${box.checked ? "Ticked" : "Not ticked any more"}, ${ticks().length} in all.`;
  };
  const press = (action) => one(`#pick button[value=${action}]`)?.click();
  const acknowledge = () => {
    const button = one('button[formaction$="/acknowledge"]');
    const opened = here() && one('a.lead[href^="/incidents/"]', here());
    if (button) button.click();
    else if (ticks().length > 0) press("acknowledge");
    else if (opened && one("#pick")) send(`${opened.getAttribute("href")}/acknowledge`);
  };
  // The form of the incident's own page, sent from the list.
  const send = (path) => {
    const form = make("form", "", { method: "post", action: path, hidden: "" });
    const token = one("#pick input[name=csrf]").value;
    form.append(make("input", "", { name: "csrf", value: token }));
    document.body.append(form);
    form.requestSubmit();
  };
  const reprocess = () => {
    const opened = here() && one('a.lead[href^="/incidents/"]', here());
    const button = one("#reprocess");
    if (button?.disabled) heard.textContent = "It cannot be reprocessed now.";
    else if (button) button.focus();
    else if (ticks().length > 0) press("reprocess");
    else if (opened && one("#pick")) location.assign(`${opened.getAttribute("href")}#reprocess`);
  };
  const search = () => {
    const field = one("main input[type=search]");
    if (!field) location.assign("/go");
    field?.focus();
    field?.select();
  };

  let dialog;
  window.showKeys = () => {
    if (!dialog) {
      dialog = make("dialog", "", { class: "over", "aria-labelledby": "keys-heading" });
      const list = document.createElement("dl");
      for (const [keys, what] of help) {
        const term = document.createElement("dt");
        for (const key of keys.split(" ")) term.append(make("kbd", key), " ");
        list.append(term, make("dd", what));
      }
      const label = make("label", "");
      const box = make("input", "", { type: "checkbox" });
      box.addEventListener("change", () => {
        stored((kept) => (box.checked ? kept.removeItem(OFF) : kept.setItem(OFF, "1")));
      });
      box.checked = !off();
      label.append(box, " Use these keys in this browser");
      const close = make("button", "Close", { type: "button", class: "btn slim" });
      close.addEventListener("click", () => dialog.close());
      const foot = make("p", "", { class: "acts" });
      foot.append(close);
      dialog.append(make("h2", "Keys", { id: "keys-heading" }), list, label, foot);
      document.body.append(dialog);
    }
    if (!dialog.open) dialog.showModal();
  };

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    x: tick,
    e: acknowledge,
    r: reprocess,
    "/": search,
    "?": window.showKeys,
  };
  const isTyping = (at) => at.isContentEditable || at.matches("textarea, select")
    || (at.matches("input") && !at.matches("[type=checkbox], [type=radio]"));
  // After g the next key says where to, whenever it comes.
  let going = false;
  document.addEventListener("pointerdown", () => { going = false; });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (off() || !one(".bar") || isTyping(document.activeElement) || one("dialog[open]")) return;
    const key = event.key;
    const isSecond = going;
    going = false;
    if (isSecond && Object.hasOwn(places, key)) {
      event.preventDefault();
      location.assign(places[key]);
    } else if (key === "g") {
      going = true;
    } else if (Object.hasOwn(acts, key) && (!event.repeat || "jk".includes(key))) {
      event.preventDefault();
      acts[key]();
    }
  });
})();
