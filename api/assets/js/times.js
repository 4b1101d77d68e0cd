// Times in the reader's own zone. The tooltip and the attribute keep UTC.
(() => {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const units = [["day", 86400], ["h", 3600], ["min", 60]];
  const ago = (seconds) => {
    const [name, size] = units.find(([, size]) => seconds >= size) || ["s", 1];
    const count = Math.max(0, Math.floor(seconds / size));
    return name === "day" ? `${count} ${count === 1 ? "day" : "days"}` : `${count} ${name}`;
  };
  window.showTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-time]")) {
      const at = new Date(time.dateTime);
      time.textContent = time.dataset.time === "ago" ? ago((Date.now() - at) / 1000) : exact.format(at);
    }
  };
  window.showTimes(document);
  setInterval(() => window.showTimes(document), 30000);
})();
