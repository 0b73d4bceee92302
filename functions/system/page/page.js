"use strict";

// The API is where this page is, whatever stage or domain it is served under.
const base = location.origin + location.pathname.replace(/\/docs\/?$/, "");
const form = document.getElementById("login");
const status = form.querySelector("output");

function say(text, bad) {
  status.textContent = text;
  status.classList.toggle("bad", Boolean(bad));
}

async function start() {
  const spec = await (await fetch(`${base}/openapi.json`)).json();
  spec.servers = [{ url: base }];
  const ui = SwaggerUIBundle({
    spec,
    domNode: document.getElementById("ui"),
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const { email, password } = Object.fromEntries(new FormData(form));
      const answer = await fetch(`${base}/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.detail);
      // Kept in this page alone: closing it forgets the token.
      ui.preauthorizeApiKey("bearer", body.access_token);
      form.elements.password.value = "";
      say(`Logged in as ${email} for ${Math.round(body.expires_in / 60)} minutes.`);
    } catch (error) {
      say(error.message, true);
    } finally {
      button.disabled = false;
    }
  });
}

start().catch((error) => say(`The description did not load: ${error.message}. Reload the page.`, true));
