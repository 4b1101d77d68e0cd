// A line at the foot of the window that says what the page can no longer do, and leads to a fresh one.
(() => {
  // A page that shows a rejected form has the address that the form was sent to, which nothing can be fetched from.
  window.pageAddress = () => document.querySelector("link[rel=canonical]")?.href ?? location.href;
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
    again.href = window.pageAddress();
    again.textContent = "Reload";
    line.append(`${text} `, again);
  };
})();
