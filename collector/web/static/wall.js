// A screen that hangs for weeks loads itself anew now and then, but only while there is somebody to load from.
"use strict";

const SIX_HOURS_MS = 6 * 3600 * 1000;

setInterval(async () => {
  try {
    if ((await fetch("/healthz", { cache: "no-store" })).ok) location.reload();
  } catch {
    // Not reachable now: what hangs there is better than an error page.
  }
}, SIX_HOURS_MS);
