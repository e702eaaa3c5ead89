/* Writes the server's UTC times in the viewer's own zone, and keeps countdowns current. The UTC text stays as a tooltip. */
(function () {
  "use strict";
  var styles = {
    full: { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
    short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    day: { day: "numeric", month: "short", year: "numeric" },
    clock: { hour: "2-digit", minute: "2-digit" },
  };

  function written(date, style) {
    var parts = {};
    new Intl.DateTimeFormat("en-GB", styles[style]).formatToParts(date).forEach(function (part) {
      parts[part.type] = part.value;
    });
    var month = parts.month && parts.month.slice(0, 3);
    var day = [parts.weekday, parts.day, month, parts.year].filter(Boolean).join(" ");
    var clock = parts.hour && parts.hour + ":" + parts.minute;
    return [day, clock].filter(Boolean).join(", ");
  }

  function counted(number, noun) {
    return number + " " + noun + (number === 1 ? "" : "s");
  }

  function left(milliseconds) {
    var minutes = Math.floor(milliseconds / 60000);
    if (milliseconds <= 0) return "closed";
    if (minutes < 1) return "less than a minute left";
    var days = Math.floor(minutes / 1440);
    var hours = Math.floor(minutes / 60) % 24;
    minutes %= 60;
    var units = days ? [[days, "day"], [hours, "hour"]] : [[hours, "hour"], [minutes, "minute"]];
    return units.filter(function (u) { return u[0]; }).map(function (u) { return counted(u[0], u[1]); }).join(" and ") + " left";
  }

  function rewrite(root) {
    root.querySelectorAll("time[data-when]").forEach(function (time) {
      var date = new Date(time.dateTime);
      if (isNaN(date) || time.title) return;
      time.title = time.textContent.replace(/ UTC$/, "") + " UTC";
      time.textContent = written(date, time.dataset.when);
    });
    root.querySelectorAll("[data-zone-note]").forEach(function (note) {
      var zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
      note.textContent = zone === "UTC" ? "Times are in UTC." : "In your time zone, " + zone.split("/").pop().replace(/_/g, " ") + ".";
    });
  }

  function tick() {
    document.querySelectorAll("time[data-countdown]").forEach(function (time) {
      time.textContent = left(new Date(time.dateTime) - Date.now());
    });
  }

  /* Forms with dates are written in this zone by the server. */
  function tellZone() {
    var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = "zone=" + encodeURIComponent(zone) + ";path=/;max-age=31536000;samesite=lax";
  }

  tellZone();
  rewrite(document);
  tick();
  setInterval(tick, 30000);
  document.addEventListener("htmx:load", function (event) { rewrite(event.target.parentNode || document); tick(); });
})();
