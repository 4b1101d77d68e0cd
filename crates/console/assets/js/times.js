// Times in the reader's own zone, written as the server writes them, so nothing moves when the page
// refreshes. The tooltip and the attribute keep UTC.
(() => {
  const months = ("January February March April May June July August September October November"
    + " December").split(" ");
  const zone = new Intl.DateTimeFormat("en-GB", { hour: "numeric", timeZoneName: "short" });
  const zoneAt = (at) => zone.formatToParts(at).find((part) => part.type === "timeZoneName").value;
  const two = (number) => String(number).padStart(2, "0");
  const clock = (at) => [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const month = (at) => months[at.getMonth()];
  const exact = (at) => `${at.getDate()} ${month(at)} ${at.getFullYear()}, ${clock(at)} ${zoneAt(at)}`;
  const brief = (at) => `${at.getDate()} ${month(at).slice(0, 3)}, ${clock(at)}`;
  const counted = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`;
  const ago = (passed) => {
    const seconds = Math.max(0, Math.floor(passed));
    const [minutes, hours, days] = [60, 3600, 86400].map((size) => Math.floor(seconds / size));
    if (days > 0) return counted(days, "day") + (hours % 24 === 0 ? "" : ` ${hours % 24} h`);
    if (hours > 0) return minutes % 60 === 0 ? counted(hours, "hour") : `${hours} h ${minutes % 60} min`;
    if (minutes > 0) return counted(minutes, "minute");
    return seconds > 0 ? counted(seconds, "second") : "under a second";
  };
  const forms = { exact, brief, ago: (at) => ago((Date.now() - at) / 1000) };
  window.showTimes = (root) => {
    for (const time of root.querySelectorAll("time[data-time]")) {
      const text = forms[time.dataset.time](new Date(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  window.showTimes(document);
  setInterval(() => window.showTimes(document), 30000);
})();
