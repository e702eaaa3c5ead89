/* Runs before the page is drawn: says that scripts work, and applies a stored choice of light or dark. */
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  function stored() {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system";
    }
  }

  function apply(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  }

  function show(choice) {
    document.querySelectorAll("[data-choose]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.choose === choice));
    });
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-theme-choice]").forEach(function (box) { box.hidden = false; });
    show(stored());
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-choose]");
    if (!button) return;
    try {
      localStorage.setItem("theme", button.dataset.choose);
    } catch {
      /* Storage is refused: the choice holds for this page. */
    }
    apply(button.dataset.choose);
    show(button.dataset.choose);
  });
})();
