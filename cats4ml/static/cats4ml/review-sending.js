/* Sends a rater's answers one after the other, in their order. An answer that does not arrive is kept, for this tab also over
   a reload and a sign-in, and sent again: its token makes it count once. What else does not arrive is not sent again. */
window.reviewSending = (function () {
  "use strict";
  var TIMEOUT_MS = 20000;
  var LONGEST_WAIT_MS = 15000;
  var place = "review-unsent:" + location.pathname;
  var queue = restored();
  var sending = false;
  var failures = 0;
  var again = 0;
  var listener = null;

  function restored() {
    try {
      return JSON.parse(sessionStorage.getItem(place)) || [];
    } catch {
      return [];
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(place, JSON.stringify(queue.filter(function (item) { return item.kept; })));
    } catch {
      /* Storage is refused: the answers are kept as long as this page is open. */
    }
  }

  function csrfToken() {
    return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  }

  /* What the server answers: {status, goTo, html}. Fails where nothing arrives in time. */
  function ask(url, fields) {
    var control = new AbortController();
    var timer = setTimeout(function () { control.abort(); }, TIMEOUT_MS);
    var request = { headers: { "HX-Request": "true" }, credentials: "same-origin", signal: control.signal };
    if (fields) {
      request.method = "POST";
      request.body = new URLSearchParams(fields);
      request.headers["X-CSRFToken"] = csrfToken();
    }
    return fetch(url, request).then(function (reply) {
      return reply.text().then(function (html) {
        return { status: reply.status, goTo: reply.headers.get("HX-Redirect"), html: html };
      });
    }).finally(function () { clearTimeout(timer); });
  }

  function flush() {
    clearTimeout(again);
    if (sending || !queue.length) return;
    sending = true;
    var item = queue[0];
    ask(item.url, item.fields).then(function (reply) {
      sending = false;
      if (reply.status >= 500 || reply.status === 429) lost(item);
      else arrived(item, reply);
    }, function () {
      sending = false;
      lost(item);
    });
  }

  function arrived(item, reply) {
    failures = 0;
    /* Signed out, or signed in anew in another tab: the answer is sent when this page is back. */
    if (reply.status === 401 && reply.goTo) { location.assign(reply.goTo); return; }
    if (reply.status === 403 && !item.reloaded) { item.reloaded = true; keep(); location.reload(); return; }
    queue.shift();
    keep();
    if (reply.goTo) { location.assign(reply.goTo); return; }
    listener.arrived(item, reply.html);
    flush();
  }

  function lost(item) {
    if (!item.kept) {
      queue.shift();
      listener.lost(item);
      flush();
      return;
    }
    failures += 1;
    again = setTimeout(flush, Math.min(LONGEST_WAIT_MS, 1000 * Math.pow(2, failures - 1)));
    listener.held(item);
  }

  window.addEventListener("online", flush);

  return {
    ask: ask,
    isIdle: function () { return !queue.length; },
    isHeldUp: function () { return failures > 0; },
    begin: function (one) { listener = one; flush(); },
    send: function (item) { queue.push(item); keep(); flush(); },
  };
})();
