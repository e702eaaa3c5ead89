/* Small helpers of every page: menus that close, toasts that go, values that copy, forms that are sent once, files dropped. */
(function () {
  "use strict";

  function closeMenus(except) {
    document.querySelectorAll("details[data-menu][open]").forEach(function (menu) {
      if (menu !== except) menu.open = false;
    });
  }

  document.addEventListener("click", function (event) {
    closeMenus(event.target.closest("details[data-menu]"));
    var close = event.target.closest("[data-close]");
    if (close) close.closest(".toast").remove();
    var copy = event.target.closest("[data-copy]");
    if (copy) copyValue(copy);
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var menu = document.querySelector("details[data-menu][open]");
    if (!menu) return;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    closeMenus(null);
  });

  function copyValue(button) {
    var field = document.getElementById(button.dataset.copy);
    var word = button.textContent;
    field.select();
    var copied = navigator.clipboard ? navigator.clipboard.writeText(field.value) : Promise.reject(new Error("no clipboard"));
    copied.then(function () { button.textContent = button.dataset.done; }, function () { button.textContent = button.dataset.selected; });
    setTimeout(function () { button.textContent = word; }, 2000);
  }

  /* A toast stays for 8 seconds, or as long as the pointer or the focus is on it. */
  function fleet(toast) {
    if (toast.dataset.timed) return;
    toast.dataset.timed = "yes";
    setTimeout(function leave() {
      if (toast.matches(":hover") || toast.contains(document.activeElement)) setTimeout(leave, 1000);
      else toast.remove();
    }, 8000);
  }

  function start() {
    document.querySelectorAll(".toast[data-fleeting]").forEach(fleet);
  }

  /* A plain form is sent once: its button says that it is busy, and a second click does nothing. */
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-busy]").forEach(function (button) { button.removeAttribute("aria-busy"); });
    });
  });

  /* Drag and drop: a .drop box gives what is dropped on it to its file field. */
  ["dragover", "dragleave", "drop"].forEach(function (type) {
    document.addEventListener(type, function (event) {
      var box = event.target.closest && event.target.closest(".drop");
      if (!box) return;
      event.preventDefault();
      box.classList.toggle("is-over", type === "dragover");
      var field = box.querySelector('input[type="file"]');
      if (type !== "drop" || !field || !event.dataTransfer.files.length) return;
      field.files = event.dataTransfer.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });

  /* A field for an address shows what the title would make of it, as the server does where it is left empty. */
  document.addEventListener("input", function (event) {
    var field = document.querySelector('[data-slug-of="' + event.target.id + '"]');
    if (!field || !event.target.id) return;
    var plain = event.target.value.normalize("NFKD").replace(/[^\w\s-]/g, "").trim().toLowerCase();
    field.placeholder = plain.replace(/[-\s]+/g, "-").slice(0, 56);
  });

  /* A list that renews itself can be paused; a press on "Renew now" still renews it. The choice lasts as long as the page. */
  var paused = false;

  function showPause() {
    document.querySelectorAll("[data-pause]").forEach(function (button) { button.setAttribute("aria-pressed", String(paused)); });
  }

  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-pause]")) return;
    paused = !paused;
    showPause();
  });
  document.addEventListener("htmx:beforeRequest", function (event) {
    var pressed = event.detail.requestConfig.triggeringEvent;
    if (paused && event.target.id === "renew" && !(pressed && pressed.type === "click")) event.preventDefault();
  });

  /* What a renewal changed is said once, in a sentence, and only if it changed. */
  var said = "";

  function sayChange() {
    var part = document.querySelector("[data-say]");
    var line = document.getElementById("news");
    if (!part || !line || part.dataset.say === said) return;
    said = part.dataset.say;
    line.textContent = said;
  }

  var first = document.querySelector("[data-say]");
  if (first) said = first.dataset.say;
  document.addEventListener("htmx:afterSwap", function () { showPause(); sayChange(); });

  start();
  document.addEventListener("htmx:load", start);
})();
