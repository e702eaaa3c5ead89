/* Keys for rating: 1, 2, 3 answer, Backspace takes back, ? opens the help, Escape closes it. Also: the next picture is loaded
   ahead, the next question is announced, and an answer is never sent twice. Without this file the forms work as they are. */
(function () {
  "use strict";
  var keys = { 1: "yes", 2: "no", 3: "dont_know" };
  var busy = false;
  var focusWasInside = false;
  var waiting = new Image();

  function find(selector) { return document.querySelector("#card " + selector); }

  function press(button) {
    if (!button || button.disabled || busy) return;
    button.classList.add("is-pressed");
    button.click();
  }

  function typing(target) {
    return Boolean(target.closest("textarea, select, input, [contenteditable], .review-report[open]"));
  }

  function toggleHelp() {
    var help = find("[data-help]");
    if (!help) return;
    help.open = !help.open;
    help.querySelector("summary").focus();
  }

  function closeSheets(except) {
    document.querySelectorAll("#card details[open]").forEach(function (sheet) {
      if (sheet === except) return;
      var inside = sheet.contains(document.activeElement);
      sheet.open = false;
      if (inside) sheet.querySelector("summary").focus();
    });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { closeSheets(null); enlarge(false); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (event.key in keys) {
      event.preventDefault();
      if (!event.repeat) press(find('[name="answer"][value="' + keys[event.key] + '"]'));
    } else if (event.key === "Backspace") {
      event.preventDefault();
      if (!event.repeat) press(find("[data-undo]"));
    } else if (event.key === "?") {
      event.preventDefault();
      toggleHelp();
    }
  });

  function enlarge(large) {
    var well = find(".review-well");
    if (!well || well.classList.contains("is-large") === large) return;
    var picture = well.querySelector("img");
    if (large && picture.naturalWidth <= well.clientWidth && picture.naturalHeight <= well.clientHeight) return;
    well.classList.toggle("is-large", large);
  }

  document.addEventListener("click", function (event) {
    closeSheets(event.target.closest("#card details"));
    var link = event.target.closest(".review-well a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    enlarge(!link.parentNode.classList.contains("is-large"));
  });

  function tell(text) {
    var box = document.getElementById("review-error");
    box.textContent = text;
    box.hidden = !text;
  }

  function loadAhead() {
    var card = document.getElementById("card");
    var next = card && card.dataset.nextPicture;
    if (next) waiting.src = next;
  }

  function announce() {
    var question = find("h1");
    var line = document.getElementById("announce");
    var words = question ? question.textContent.trim() : "";
    if (line.textContent !== words || !document.querySelector("#card .review-empty")) {
      line.textContent = "";
      setTimeout(function () { line.textContent = words; }, 50);
    }
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    var card = document.getElementById("card");
    if (!card || !card.contains(event.target)) return;
    if (busy) { event.preventDefault(); return; }
    busy = true;
    focusWasInside = card.contains(document.activeElement);
    tell("");
  });

  document.addEventListener("htmx:afterSwap", function () {
    if (!document.getElementById("card")) return;
    loadAhead();
    announce();
    var place = find("[data-focus]");
    if (focusWasInside && place && !document.getElementById("card").contains(document.activeElement)) place.focus();
  });

  document.addEventListener("htmx:afterRequest", function (event) {
    busy = false;
    document.querySelectorAll("#card .is-pressed").forEach(function (button) { button.classList.remove("is-pressed"); });
    if (!event.detail.successful) tell("That did not reach us, and nothing was counted. Try again.");
  });

  loadAhead();
})();
