/* The rater's page. With an answer the next question, drawn and decoded before, is on the screen at once, while the answer is
   on its way (review-sending.js). Keys: 1, 2, 3 answer, 4 or S skips, Backspace takes back, G what counts, R report, ? help,
   Escape closes. Without this file the forms and links work as they are. */
(function () {
  "use strict";
  var ANSWERS = { 1: "yes", 2: "no", 3: "dont_know" };
  var KINDS = { 1: "broken", 2: "offensive", 3: "person", 4: "other" };
  var LOOK_MS = 250; /* Nobody answers a picture so soon: that key was meant for the one before. */
  var AWAY_MS = 20 * 60000;
  var HOUR_MS = 60 * 60000;
  var sending = window.reviewSending;
  var ready = null; /* The next question: {token, waits, nodes}. */
  var answered = ""; /* The token of a question that is answered while the next one isn't there yet. */
  var inView = 0; /* When the picture was painted; 0 while it loads. */
  var asking = false;
  var hiddenAt = 0;
  var leaseTimer = 0;

  /* What is said stands at the line for errors, in the language of the page. */
  var words = document.getElementById("review-error").dataset;

  function card() { return document.getElementById("card"); }
  function find(selector) { return document.querySelector("#card " + selector); }
  function token() { return card().dataset.token || ""; }

  function remember(store, name, value) {
    try {
      if (value === undefined) return JSON.parse(store.getItem(name));
      store.setItem(name, JSON.stringify(value));
    } catch {
      /* Storage is refused: forgotten with the page. */
    }
    return null;
  }

  /* ---- what is told ---- */

  function tell(text) {
    var box = document.getElementById("review-error");
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !text;
  }

  function notice(text) {
    var line = find("[data-notice]");
    if (!line) return;
    line.textContent = text;
    line.hidden = !text;
  }

  function announce() {
    var told = find("[data-notice]:not([hidden])");
    var parts = [told, find("h1")].concat(Array.from(document.querySelectorAll("#card [data-next-by-key] > p:not(.review-asked), #card .lead")));
    var spoken = parts.filter(Boolean).map(function (one) { return one.textContent.trim(); }).join(" ");
    var line = document.getElementById("announce");
    if (line.textContent === spoken && find(".review-empty")) return;
    line.textContent = "";
    setTimeout(function () { line.textContent = spoken; }, 50);
  }

  /* Eyes get tired: a line after every hour, for three minutes. */
  function rest() {
    var now = Date.now();
    var sitting = remember(sessionStorage, "review-sitting");
    if (!sitting || now - sitting.last > AWAY_MS) sitting = { began: now };
    sitting.last = now;
    remember(sessionStorage, "review-sitting", sitting);
    var hours = Math.floor((now - sitting.began) / HOUR_MS);
    var line = find("[data-rest]");
    line.hidden = !hours || now - sitting.began - hours * HOUR_MS > 180000;
    line.textContent = line.hidden ? "" : (hours === 1 ? words.hourText : words.hoursText.replace("{hours}", hours));
  }

  /* ---- one question after the other ---- */

  function painted() {
    inView = 0;
    var picture = find(".review-well img");
    if (!picture) return;
    function seen() { if (picture.isConnected) inView = performance.now(); }
    if (picture.complete) seen();
    else ["load", "error"].forEach(function (name) { picture.addEventListener(name, seen, { once: true }); });
  }

  function loadAhead() {
    ready = null;
    var template = find("template[data-following]");
    if (!template) return;
    var nodes = document.importNode(template.content, true);
    nodes.querySelector(".review-well img").decode().catch(function () { /* It says so itself when it is shown. */ });
    ready = { token: template.dataset.token, waits: "waits" in template.dataset, nodes: nodes };
  }

  function watchLease() {
    clearTimeout(leaseTimer);
    if (!token()) return;
    leaseTimer = setTimeout(function () {
      lookAgain(words.lateText);
    }, 1000 * Number(card().dataset.leaseSeconds) + 1000);
  }

  function begin() {
    answered = "";
    painted();
    loadAhead();
    watchLease();
    showKeys();
    rest();
  }

  /* Puts the next question in the place of the one that was answered. */
  function advance() {
    var box = card();
    var next = ready;
    ready = null;
    answered = "";
    closeSheets(null);
    box.querySelectorAll(".review-question, .review-guide, .review-well, template").forEach(function (one) { one.remove(); });
    box.querySelector(".review-top").after(next.nodes);
    box.dataset.token = next.token;
    box.toggleAttribute("data-waits", next.waits);
    box.querySelectorAll("input[name=token]").forEach(function (input) { input.value = next.token; });
    box.querySelectorAll(".review-report input[type=radio]").forEach(function (input) { input.checked = false; });
    box.querySelector(".review-report textarea").value = "";
    painted();
    watchLease();
    announce();
    rest();
  }

  function show(fresh) {
    var hadFocus = card().contains(document.activeElement) || document.activeElement === document.body;
    card().replaceWith(fresh);
    window.htmx.process(fresh);
    begin();
    announce();
    var aim = find("[data-focus]");
    if (hadFocus && aim) aim.focus({ preventScroll: true });
  }

  /* The question in view is the one that the server shows: only what stands around it is new. */
  function refresh(fresh) {
    ["[data-progress]", ".review-last", ".review-undo", ".review-skip"].forEach(function (part) {
      var old = find(part);
      var now = fresh.querySelector(part);
      if (!old || !now) return;
      var focused = old.contains(document.activeElement);
      old.replaceWith(now);
      if (focused) (now.querySelector("button:not(:disabled)") || find("[data-focus]")).focus({ preventScroll: true });
    });
    var template = fresh.querySelector("template[data-following]");
    var old = find("template[data-following]");
    if (old) old.remove();
    if (template) card().append(template);
    if (!ready || !template || ready.token !== template.dataset.token) loadAhead();
    var told = fresh.querySelector("[data-notice]");
    if (told && !told.hidden) { notice(told.textContent); announce(); }
    showKeys();
  }

  function receive(html, item) {
    var fresh = new DOMParser().parseFromString(html, "text/html").getElementById("card");
    if (!fresh) { location.reload(); return; }
    fresh = document.adoptNode(fresh);
    release();
    if (!fresh.dataset.token || fresh.dataset.token !== token()) { show(fresh); return; }
    if (item && (item.kind !== "answer" || item.fields.token === token())) answered = "";
    refresh(fresh);
    if (answered && ready) advance();
  }

  function release() {
    document.querySelectorAll("#card .is-pressed").forEach(function (button) { button.classList.remove("is-pressed"); });
  }

  /* What the server shows now; nothing changes where that is in view already. */
  function lookAgain(why) {
    if (asking || !sending.isIdle() || !token()) return;
    var before = token();
    fetchCard(card().dataset.review, function (html) {
      if (!sending.isIdle() || token() !== before) return;
      receive(html, null);
      if (why && token() && token() !== before) { notice(why); announce(); }
    });
  }

  function fetchCard(url, then) {
    asking = true;
    sending.ask(url, null).then(function (reply) {
      asking = false;
      if (reply.goTo) location.assign(reply.goTo);
      else if (reply.status === 200) { tell(""); then(reply.html); }
    }, function () {
      asking = false;
      tell(words.offlineText);
    });
  }

  sending.begin({
    arrived: function (item, html) { tell(""); receive(html, item); },
    lost: function () { release(); answered = ""; tell(words.lostText); },
    held: function () {
      tell(words.keptText);
    },
  });

  /* ---- what a rater does ---- */

  function device() {
    if (!matchMedia("(pointer: coarse)").matches) return "desktop";
    return Math.min(screen.width, screen.height) < 600 ? "phone" : "tablet";
  }

  function isOpen() {
    return token() && answered !== token() && !sending.isHeldUp() && !asking;
  }

  /* The guidance may lie over the picture, on a small screen: then look first. */
  function uncover() {
    var guide = find(".review-guide[open] .review-guide-sheet");
    var well = find(".review-well").getBoundingClientRect();
    if (!guide) return false;
    var over = guide.getBoundingClientRect();
    var x = well.left + well.width / 2;
    var covered = over.left < x && x < over.right && over.top < well.top + well.height / 2 && over.bottom > well.top;
    if (covered) closeGuide();
    return covered;
  }

  function mayAnswer() {
    if (!isOpen() || uncover()) return false;
    if (!inView) { notice(words.waitText); return false; }
    notice("");
    return performance.now() - inView >= LOOK_MS;
  }

  function answer(form, button) {
    if (!mayAnswer()) return;
    var said = { token: token(), answer: button.value, device: device() };
    answered = token();
    button.classList.add("is-pressed");
    find(".review-last b").textContent = button.querySelector("span").textContent;
    if (!("waits" in card().dataset)) {
      find("[data-undo]").disabled = false;
      if (ready) { advance(); setTimeout(release, 150); }
    }
    sending.send({ kind: "answer", url: form.getAttribute("action"), fields: said, kept: true });
  }

  function send(form) {
    if (!isOpen() && form.dataset.send !== "undo" || sending.isHeldUp()) return;
    var fields = {};
    new FormData(form).forEach(function (value, name) { fields[name] = value; });
    answered = token();
    sending.send({ kind: form.dataset.send, url: form.getAttribute("action"), fields: fields, kept: false });
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches("#card [data-send]")) return;
    event.preventDefault();
    if (form.dataset.send === "answer") answer(form, event.submitter);
    else send(form);
  });

  function goOn() {
    var link = find("[data-next]");
    if (!link || asking || performance.now() - shownAt < LOOK_MS) return;
    fetchCard(link.getAttribute("href"), function (html) { receive(html, null); });
  }
  var shownAt = 0;
  new MutationObserver(function () { shownAt = performance.now(); }).observe(card().parentNode, { childList: true });

  /* ---- sheets ---- */

  function toggle(sheet) {
    if (!sheet) return;
    var open = !sheet.open;
    if (!sheet.matches(".review-guide")) closeSheets(sheet);
    sheet.open = open;
    var first = open && sheet.querySelector("input[type=radio]");
    (first || sheet.querySelector("summary")).focus({ preventScroll: true });
  }

  function closeSheets(except) {
    document.querySelectorAll("#card :is(.review-help, .review-report)[open]").forEach(function (sheet) {
      if (sheet === except) return;
      var inside = sheet.contains(document.activeElement);
      sheet.open = false;
      if (inside) sheet.querySelector("summary").focus({ preventScroll: true });
    });
  }

  function closeGuide() {
    var guide = find(".review-guide[open]");
    if (!guide) return;
    if (guide.contains(document.activeElement)) guide.querySelector("summary").focus({ preventScroll: true });
    guide.open = false;
  }

  function enlarge(large) {
    var well = find(".review-well");
    if (!well || well.classList.contains("is-large") === large) return;
    var picture = well.querySelector("img");
    if (large && picture.naturalWidth <= well.clientWidth && picture.naturalHeight <= well.clientHeight) return;
    well.classList.toggle("is-large", large);
  }

  /* ---- keys ---- */

  function keysOn() { return remember(localStorage, "review-keys") !== false; }

  function showKeys() {
    var choice = find("[data-keys-choice]");
    if (choice) choice.checked = keysOn();
  }

  function typing(target) {
    return Boolean(target.closest("textarea, select, input:not([type=radio]):not([type=checkbox]), [contenteditable]"));
  }

  function press(button) { if (button && !button.disabled) button.click(); }

  function pressed(key) {
    var report = find(".review-report[open]");
    if (report) {
      var kind = key in KINDS && report.querySelector('[value="' + KINDS[key] + '"]');
      if (kind) { kind.checked = true; kind.focus({ preventScroll: true }); }
      else if (key === "r") toggle(report);
      return Boolean(kind) || key === "r";
    }
    if (key === "?") toggle(find("[data-help]"));
    else if (find("[data-next-by-key]")) goOn();
    else if (key in ANSWERS) press(find('[name="answer"][value="' + ANSWERS[key] + '"]'));
    else if (key === "4" || key === "s") press(find("[data-skip]"));
    else if (key === "backspace") press(find("[data-undo]"));
    else if (key === "g") toggle(find("[data-guide]"));
    else if (key === "r") toggle(find("[data-report]"));
    else return false;
    return true;
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { closeSheets(null); closeGuide(); enlarge(false); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target) || !keysOn()) return;
    var one = event.key.toLowerCase();
    var named = one.length > 1 && one !== "backspace";
    var goesOn = find("[data-next-by-key]") && !event.target.closest("button, summary") && (one === "enter" || one.startsWith("arrow"));
    /* A named key (Tab, Enter, arrows) does what it does everywhere, but for these after an answer of the warm-up. */
    if (named && !goesOn) return;
    if (one === " " && event.target.closest("button, summary, input")) return;
    if (event.repeat) { event.preventDefault(); return; }
    if (pressed(one)) event.preventDefault();
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-keys-choice]")) remember(localStorage, "review-keys", event.target.checked);
  });

  document.addEventListener("click", function (event) {
    closeSheets(event.target.closest("#card details"));
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (event.target.closest("[data-next]")) { event.preventDefault(); goOn(); return; }
    var link = event.target.closest(".review-well a");
    if (!link) return;
    event.preventDefault();
    enlarge(!link.parentNode.classList.contains("is-large"));
  });

  /* ---- other tabs, and coming back ---- */

  document.addEventListener("visibilitychange", function () {
    if (document.hidden) { hiddenAt = Date.now(); return; }
    if (Date.now() - hiddenAt > 2000) lookAgain("");
  });

  document.addEventListener("htmx:afterSwap", function () { begin(); if (token()) announce(); });

  begin();
})();
