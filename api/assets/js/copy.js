// A button that copies what another element says. Without scripts there is no button.
(() => {
  window.showCopies = (root) => {
    for (const source of root.querySelectorAll("[data-copy]:not([data-copied])")) {
      source.dataset.copied = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn slim";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${source.dataset.copy}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(source.textContent.trim());
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      source.after(button);
    }
  };
  window.showCopies(document);
})();
