/* Ties allauth's passkey code to the forms that are marked with data-passkey, and says in words what went wrong. */
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const kind = form.dataset.passkey;
  const words = form.querySelector("[data-passkey-words]");

  function say(key) {
    words.textContent = words.dataset[key];
    words.hidden = false;
  }

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const name = event.detail.exception?.name;
    say(name === "NotAllowedError" || name === "AbortError" ? "cancelled" : "unfit");
  });

  const button = document.getElementById(`passkey-${kind}`);
  if (!window.PublicKeyCredential) {
    button.disabled = true;
    say(window.isSecureContext ? "unknown" : "unfit");
    return;
  }
  button.addEventListener("click", () => { words.hidden = true; });
  const ids = { credential: form.elements.credential.id, data: "passkey-data" };
  ids[kind] = button.id;
  if (form.elements.passwordless) ids.passwordless = form.elements.passwordless.id;
  window.allauth.webauthn.forms[`${kind}Form`]({ ids });
})();
