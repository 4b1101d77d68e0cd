// A form is sent once: a second click while the answer is under way would do it a second time.
(() => {
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    else event.target.dataset.sent = "1";
  });
  // A user who comes back finds the page as they left it, and may send it again.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
})();
