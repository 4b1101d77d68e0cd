// Times in the reader's own zone. The tooltip and the attribute keep UTC. How long ago something was
// is said as the server says it, so nothing moves when the page refreshes.
(() => {
  const exact = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
  const brief = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit", second: "2-digit" });
  const counted = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`;
  const ago = (passed) => {
    const seconds = Math.max(0, Math.floor(passed));
    const [minutes, hours, days] = [60, 3600, 86400].map((size) => Math.floor(seconds / size));
    if (days > 0) return counted(days, "day") + (hours % 24 === 0 ? "" : ` ${hours % 24} h`);
    if (hours > 0) return minutes % 60 === 0 ? counted(hours, "hour") : `${hours} h ${minutes % 60} min`;
    return minutes > 0 ? counted(minutes, "minute") : seconds > 0 ? counted(seconds, "second") : "under a second";
  };
  const looks = { exact: (at) => exact.format(at), brief: (at) => brief.format(at), ago: (at) => ago((Date.now() - at) / 1000) };
  window.showTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-time]")) {
      const text = looks[time.dataset.time](new Date(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  window.showTimes(document);
  setInterval(() => window.showTimes(document), 30000);
})();
