// `live:<kind>` comes for each event; `fresh:<kind>` at once and then at most so often, the last of a
// burst included. htmx's own throttle would drop it, and a list would show the last but one state.

const PAUSE_MS = { alert: 400, signal: 250, delivery: 250, client: 1000, account: 1000, session: 800, audit: 1000, import: 500 };

export function startFresh() {
  for (const [kind, pause] of Object.entries(PAUSE_MS)) {
    let resting = false;
    let missed = false;
    const tell = () => {
      missed = resting;
      if (resting) return;
      document.body.dispatchEvent(new CustomEvent(`fresh:${kind}`));
      resting = true;
      setTimeout(() => {
        resting = false;
        if (missed) tell();
      }, pause);
    };
    document.body.addEventListener(`live:${kind}`, tell);
  }
}
