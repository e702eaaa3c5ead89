/* Keys for Explore: arrows go from picture to picture, Enter opens, l, b and c act on the picture in focus, / goes to the
   words, n and p turn the page, ? shows the keys. All of it is links, buttons and fields that Tab reaches as well. */
(function () {
  "use strict";

  function pictures() {
    return Array.from(document.querySelectorAll("[data-gallery] > [data-picture] > a.picture"));
  }

  function current() {
    var focused = document.activeElement && document.activeElement.closest("[data-picture]");
    if (focused) return focused;
    var alone = document.querySelectorAll("[data-picture]:not([data-gallery] > *)");
    return alone.length === 1 ? alone[0] : null;
  }

  function typing(target) {
    return Boolean(target.closest && target.closest("input, select, textarea, [contenteditable]"));
  }

  /* In how many columns the pictures stand now: as many as begin at the height of the first. */
  function columns(links) {
    var top = links[0].getBoundingClientRect().top;
    var number = links.findIndex(function (link) { return Math.abs(link.getBoundingClientRect().top - top) > 4; });
    return number < 0 ? links.length : number;
  }

  function move(key) {
    var links = pictures();
    if (!links.length) return false;
    var cell = document.activeElement && document.activeElement.closest("[data-gallery] > [data-picture]");
    var place = links.findIndex(function (link) { return link.parentNode === cell; });
    if (place < 0) { links[0].focus(); return true; }
    var steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(links), ArrowDown: columns(links) };
    var next = links[place + steps[key]];
    if (next) next.focus();
    return true;
  }

  function act(what) {
    var place = current();
    if (!place) { move("ArrowRight"); return; }
    var found = place.querySelector('[data-do="' + what + '"]') || (place.closest("[data-gallery]") ? null : document.querySelector('[data-do="' + what + '"]'));
    if (found) found.click();
  }

  function turn(id) {
    var link = document.getElementById(id);
    if (link) link.click();
  }

  function toggleKeys() {
    var help = document.querySelector("[data-keys]");
    if (!help) return;
    help.open = !help.open;
    help.querySelector("summary").focus();
  }

  var acts = {
    l: function () { act("like"); },
    b: function () { act("basket"); },
    c: function () { act("claim"); },
    n: function () { turn("page-next"); },
    p: function () { turn("page-previous"); },
    "?": toggleKeys
  };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      var help = document.querySelector("[data-keys][open]");
      if (help) { help.open = false; help.querySelector("summary").focus(); }
      return;
    }
    if (typing(event.target)) return;
    if (event.key.indexOf("Arrow") === 0) {
      /* Outside the gallery the arrows scroll, as everywhere: a right arrow alone leads in. */
      var inside = document.activeElement && document.activeElement.closest("[data-gallery]");
      if (!event.shiftKey && (inside || event.key === "ArrowRight") && move(event.key)) event.preventDefault();
    } else if (event.key === "/") {
      var field = document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (Object.prototype.hasOwnProperty.call(acts, event.key)) {
      event.preventDefault();
      if (!event.repeat) acts[event.key]();
    }
  });
})();
