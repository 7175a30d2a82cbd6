// The only place where text becomes markup or a script address (Trusted Types). Keep it short: it is reviewed by hand.
// Markup comes from our own pages through htmx and is escaped there; elements that could run or load anything are refused.
// (Pages leave their frame away for htmx, so that nothing of the kind is in an answer.)
const REFUSED = /<(?:script|iframe|object|embed|base|meta|link|style)\b/i;

const rules = {
  createHTML(markup) {
    if (REFUSED.test(markup)) throw new TypeError("markup with an element that is not allowed here");
    return markup;
  },
  createScriptURL(address) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin || !url.pathname.startsWith("/static/")) {
      throw new TypeError("scripts come from /static/ only");
    }
    return url.href;
  },
};

const policy = window.trustedTypes ? window.trustedTypes.createPolicy("gradus", rules) : rules;

function refuseCode() {
  throw new TypeError("code in attributes is not allowed");
}

/** htmx parses answers through the policy, and never makes functions out of text. */
export function secure(htmx) {
  htmx.registerExtension("secure", { init: (api) => api.initSecurity(policy, refuseCode, refuseCode) });
}

/** A worker from our own static files. */
export function startWorker(address) {
  return new Worker(policy.createScriptURL(address), { type: "module" });
}
