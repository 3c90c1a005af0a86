// <health-room name="workers">: a room of the tick's way says itself when it is jammed, and how.

import { isHeard, says, total } from "./live/figures.js";
import { bridgeNow, eachSecond } from "./live/clock.js";
import { isPaused, linkState } from "./live/store.js";

const LAG_LOOK_MS = 1000;
const LAG_ACT_MS = 10_000;
const SCREEN_LOOK_MS = 500;

/** Each returns [state, what is wrong] or null when all is well. */
const ROOMS = {
  gateway(now) {
    if (!isHeard("gateway", now)) return ["act", "No gateway has shown life for 5 s. Terminals keep their ticks and resume."];
    if (says("gateway", "throttled")) return ["look", "Slowing terminals down: the workers can't keep up."];
    return null;
  },
  journal() {
    if (says("gateway", "journal_failing")) return ["act", "Redis does not take what arrives. Nothing is acknowledged until it does."];
    return null;
  },
  workers(now) {
    if (!isHeard("worker", now)) return ["act", "No worker has shown life for 5 s. Ticks wait in the journal."];
    const lag = total("lag_ms") ?? 0;
    if (lag > LAG_ACT_MS) return ["act", "More than 10 s behind: alerts come late."];
    return lag > LAG_LOOK_MS ? ["look", "More than 1 s behind."] : null;
  },
  store: () => null,
  board() {
    if (linkState().state === "upstream") return ["act", "Hears nothing: Redis is away."];
    return total("unreadable") ? ["look", "Some messages could not be read; the log says which."] : null;
  },
  browsers() {
    if (linkState().state === "lost") return ["act", "This page has lost its link."];
    if (total("behind")) return ["look", "A browser reads too slowly and skips frames."];
    return (total("screen_p99_ms") ?? 0) > SCREEN_LOOK_MS ? ["look", "Ticks reach this screen late."] : null;
  },
};

class HealthRoom extends HTMLElement {
  connectedCallback() {
    this.since = bridgeNow();
    this.end = eachSecond((now) => this.show(now));
  }

  disconnectedCallback() {
    this.end();
  }

  show(now) {
    if (isPaused() || now - this.since < 3000) return; // the first figures are still on their way
    const [state, trouble] = ROOMS[this.getAttribute("name")](now) ?? ["verified", ""];
    this.querySelector(".room-head .shape").dataset.state = state;
    this.dataset.state = state;
    const place = this.querySelector("[data-trouble]");
    if (place.textContent !== trouble) place.textContent = trouble;
    place.hidden = trouble === "";
  }
}

customElements.define("health-room", HealthRoom);
