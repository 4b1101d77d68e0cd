// Go to anything by its name, over any page: Ctrl or ⌘ and K, or the link in the head. What it offers is what the page
// /go says, so without scripts the link leads there, and so does Enter before anything was found.
(() => {
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  link.setAttribute("aria-haspopup", "dialog");
  const make = window.makeElement;
  let dialog, field, list, status, asking, waiting;
  let active = -1;

  const options = () => [...list.children];
  const mark = (at) => {
    const all = options();
    active = all.length === 0 ? -1 : (at + all.length) % all.length;
    all.forEach((option, number) => option.setAttribute("aria-selected", String(number === active)));
    const marked = all[active];
    if (marked) {
      field.setAttribute("aria-activedescendant", marked.id);
      marked.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const address = () => `/go?q=${encodeURIComponent(field.value)}`;
  const go = (option) => location.assign(option ? option.dataset.href : address());

  const fill = (page) => {
    const found = [...page.querySelectorAll("#go section")].flatMap((section) => {
      const kind = section.querySelector("h2").textContent;
      return [...section.querySelectorAll("a")].map((a) => [a.getAttribute("href"), a.textContent, kind]);
    });
    list.replaceChildren(...found.map(([href, text, kind], number) => {
      const option = make("li", "", { role: "option", id: `go-${number}`, "data-href": href });
      option.append(make("span", text), make("span", kind, { class: "soft small" }));
      return option;
    }));
    mark(0);
    status.textContent = found.length === 0 ? "Nothing has this name." : `${found.length} found`;
  };
  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const answer = await fetch(address(), { headers: { "X-Refresh": "1" }, redirect: "manual", signal });
      if (!answer.ok) throw new Error(answer.status);
      fill(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      if (signal.aborted) return;
      list.replaceChildren();
      mark(0);
      status.textContent = "It could not be looked up. Enter opens the page that says why.";
    }
  };
  const typed = () => {
    // What was found, or still comes, is about another text.
    asking?.abort();
    list.replaceChildren();
    mark(0);
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  };
  const pressed = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && !event.isComposing) mark(active + by);
    else if (event.key === "Enter" && !event.isComposing) go(options()[active]);
    else return;
    event.preventDefault();
  };

  const build = () => {
    dialog = make("dialog", "", { class: "over", "aria-label": "Go to" });
    field = make("input", "", {
      class: "field", role: "combobox", "aria-label": "Go to", "aria-expanded": "true", "aria-controls": "go-list",
      "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", maxlength: "300",
      placeholder: "Page, project, filter, reference or id",
    });
    list = make("ul", "", { role: "listbox", id: "go-list", "aria-label": "What was found" });
    status = make("p", "", { class: "soft small", role: "status" });
    const keys = make("button", "Keys", { type: "button", class: "btn link small" });
    keys.addEventListener("click", () => {
      dialog.close();
      window.showKeys();
    });
    field.addEventListener("input", typed);
    field.addEventListener("keydown", pressed);
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) go(option);
    });
    dialog.append(field, list, status, keys);
    document.body.append(dialog);
  };
  const open = () => {
    if (!dialog) build();
    if (dialog.open) return;
    document.querySelector("dialog[open]")?.close();
    field.value = "";
    dialog.showModal();
    field.focus();
    ask();
  };
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key?.toLowerCase() !== "k" || event.altKey || event.shiftKey || event.isComposing) return;
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    open();
  });
})();
