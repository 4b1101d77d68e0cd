// A line at the foot of the window that says what the page can no longer do, and leads to a fresh one.
(() => {
  const line = document.createElement("p");
  line.className = "stale";
  line.setAttribute("role", "status");
  document.body.append(line);
  window.sayStale = (text) => {
    if (line.dataset.said === text) return;
    line.dataset.said = text;
    line.replaceChildren();
    if (!text) return;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "Reload";
    line.append(`${text} `, again);
  };
})();
