/* Keys for an expert: 1, 2, 3 choose the answer and lead on to the reasons; Ctrl+Enter decides from the text as well. Enter on
   a choice sends the form by itself. Without this file the form works as it is. */
(function () {
  "use strict";
  var keys = { 1: "yes", 2: "no", 3: "undecided" };
  var form = document.querySelector(".judge-form");

  function typing(target) {
    return Boolean(target.closest && target.closest("textarea, select, input:not([type=radio]), [contenteditable]"));
  }

  document.addEventListener("keydown", function (event) {
    if (!form || event.altKey || event.isComposing || event.repeat) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(event.target)) {
      event.preventDefault();
      form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || typing(event.target) || !(event.key in keys)) return;
    event.preventDefault();
    form.querySelector('[name="verdict"][value="' + keys[event.key] + '"]').checked = true;
    var reason = form.querySelector('[name="quick"]:checked') || form.querySelector('[name="quick"]');
    reason.focus();
  });

  document.addEventListener("htmx:afterSwap", function (event) {
    var facts = document.getElementById("facts");
    if (facts && event.target.id === "facts") facts.focus();
  });
})();
