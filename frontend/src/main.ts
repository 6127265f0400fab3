/**
 * Home Assistant replaces HTMLElement and the registry of elements while it starts: what is defined earlier is lost to
 * it (home-assistant/frontend#53890). Its own first element comes after that, so ours wait for it; not with a
 * top-level `await`, which no browser knew before Chromium 89.
 */
void customElements.whenDefined("home-assistant").then(() => import("./register"));
