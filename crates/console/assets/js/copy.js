// A button that copies what another element says. Without scripts there is no button.
(() => {
  const copy = async (source) => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      return "Copied";
    } catch {
      document.getSelection().selectAllChildren(source);
      return "Selected: press Ctrl or ⌘ and C";
    }
  };
  window.showCopies = (root) => {
    for (const source of root.querySelectorAll("[data-copy]:not([data-copied])")) {
      source.dataset.copied = "";
      const button = document.createElement("button");
      const say = (text, label) => {
        button.textContent = text;
        button.setAttribute("aria-label", label);
      };
      const offer = () => say("Copy", `Copy ${source.dataset.copy}`);
      button.type = "button";
      button.className = "btn slim";
      button.setAttribute("aria-live", "polite");
      button.addEventListener("click", async () => {
        const done = await copy(source);
        say(done, done);
        setTimeout(offer, 3000);
      });
      offer();
      source.after(button);
    }
  };
  window.showCopies(document);
})();
