/* Writes the server's times in the viewer's own zone and the page's language, and keeps countdowns current. The server's text
   stays as a tooltip. Words come from the page (`data-…-text`). */
(function () {
  "use strict";
  var styles = {
    full: { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
    short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    day: { day: "numeric", month: "short", year: "numeric" },
    clock: { hour: "2-digit", minute: "2-digit" },
  };

  var language = document.documentElement.lang || "en-GB";

  function written(date, style) {
    if (language !== "en-GB") return new Intl.DateTimeFormat(language, styles[style]).format(date);
    var parts = {};
    new Intl.DateTimeFormat(language, styles[style]).formatToParts(date).forEach(function (part) {
      parts[part.type] = part.value;
    });
    var month = parts.month && parts.month.slice(0, 3);
    var day = [parts.weekday, parts.day, month, parts.year].filter(Boolean).join(" ");
    var clock = parts.hour && parts.hour + ":" + parts.minute;
    return [day, clock].filter(Boolean).join(", ");
  }

  function counted(number, unit) {
    return new Intl.NumberFormat(language, { style: "unit", unit: unit, unitDisplay: "long" }).format(number);
  }

  function left(milliseconds, words) {
    var minutes = Math.floor(milliseconds / 60000);
    if (milliseconds <= 0) return words.closedText;
    if (minutes < 1) return words.lessText;
    var days = Math.floor(minutes / 1440);
    var hours = Math.floor(minutes / 60) % 24;
    minutes %= 60;
    var units = days ? [[days, "day"], [hours, "hour"]] : [[hours, "hour"], [minutes, "minute"]];
    var shown = units.filter(function (u) { return u[0]; }).map(function (u) { return counted(u[0], u[1]); });
    if (shown.length === 1) return words.oneText.replace("{time}", shown[0]);
    return words.twoText.replace("{larger}", shown[0]).replace("{smaller}", shown[1]);
  }

  function rewrite(root) {
    root.querySelectorAll("time[data-when]").forEach(function (time) {
      var date = new Date(time.dateTime);
      if (isNaN(date) || time.title) return;
      var zone = " " + (time.dataset.zone || "UTC");
      time.title = time.textContent.endsWith(zone) ? time.textContent : time.textContent + zone;
      time.textContent = written(date, time.dataset.when);
    });
    root.querySelectorAll("[data-zone-note]").forEach(function (note) {
      var zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
      var place = zone.split("/").pop().replace(/_/g, " ");
      note.textContent = zone === "UTC" ? note.dataset.utcText : note.dataset.zoneText.replace("{zone}", place);
    });
  }

  function tick() {
    document.querySelectorAll("time[data-countdown]").forEach(function (time) {
      time.textContent = left(new Date(time.dateTime) - Date.now(), time.dataset);
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
