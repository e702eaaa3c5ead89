/* A file that is chosen, or dropped anywhere on the page, is sent at once, with a bar that moves while it is sent and
   while it is checked. Without this file the form and its button work as they are. */
(function () {
  "use strict";
  var sending = null;

  function find(selector) { return document.querySelector("form[data-upload] " + selector); }

  /* What is said stands at the form, in the language of the page. */
  function word(name) { return document.querySelector("form[data-upload]").dataset[name]; }

  function size(bytes) {
    var number = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
    return bytes < 1000000 ? Math.max(1, Math.round(bytes / 1000)) + " KB" : number.format(bytes / 1000000) + " MB";
  }

  function show(words, share) {
    var bar = find("progress");
    find("[data-upload-progress]").hidden = false;
    find("[data-upload-words]").textContent = words;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }

  function fail(words) {
    sending = null;
    find("[data-upload-progress]").hidden = true;
    var line = find("[data-upload-failed]");
    line.textContent = words;
    line.hidden = false;
    find('input[type="file"]').value = "";
  }

  /* A refusal comes as the whole page: the part with the form, and why, takes the place of this one. */
  function refuse(html) {
    var part = new DOMParser().parseFromString(html, "text/html").getElementById("upload-part");
    var own = document.getElementById("upload-part");
    sending = null;
    if (!part) { fail(word("notTakenText")); return; }
    own.replaceWith(document.importNode(part, true));
    var field = find('input[type="file"]');
    if (field) field.focus();
    var reason = find(".error:not([hidden]), .form-errors");
    var news = document.getElementById("news");
    if (reason && news) news.textContent = reason.textContent.trim();
  }

  function send(form) {
    var field = form.querySelector('input[type="file"]');
    var file = field.files[0];
    if (!file || sending) return;
    var request = sending = new XMLHttpRequest();
    find("[data-upload-failed]").hidden = true;
    find("[data-upload-name]").textContent = file.name + ", " + size(file.size);
    show(form.dataset.sendingText, 0);
    request.upload.addEventListener("progress", function (event) {
      if (event.lengthComputable) show(form.dataset.sendingText, Math.floor(100 * event.loaded / event.total));
    });
    request.upload.addEventListener("load", function () { show(form.dataset.checkingText, null); });
    request.addEventListener("load", function () {
      if (request.status === 200) window.location.assign(request.responseURL);
      else if (request.status === 422) refuse(request.responseText);
      else fail(word("notTakenText"));
    });
    request.addEventListener("error", function () { fail(word("notReachedText")); });
    request.open("POST", form.action);
    request.send(new FormData(form));
  }

  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-upload]");
    if (form && event.target.type === "file") send(form);
  });

  document.addEventListener("submit", function (event) {
    if (!event.target.matches("form[data-upload]")) return;
    event.preventDefault();
    event.stopPropagation();
    send(event.target);
  }, true);

  /* Beside its box a file would open in place of the page. */
  ["dragover", "dragleave", "drop"].forEach(function (type) {
    document.addEventListener(type, function (event) {
      var box = find(".drop");
      if (!box || event.target.closest && event.target.closest(".drop")) return;
      event.preventDefault();
      box.classList.toggle("is-over", type === "dragover");
      if (type !== "drop" || !event.dataTransfer.files.length) return;
      if (event.dataTransfer.files.length > 1) {
        if (!sending) fail(word("oneFileText"));
        return;
      }
      var field = box.querySelector('input[type="file"]');
      field.files = event.dataTransfer.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });

  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    sending = null;
    var line = find("[data-upload-progress]");
    if (line) line.hidden = true;
    var field = find('input[type="file"]');
    if (field) field.value = "";
  });
})();
