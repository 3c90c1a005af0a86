// The one WebSocket of this page. A snapshot, then numbered deltas; on a gap or a break, all over again.

import { heardAt } from "./clock.js";
import { apply, setLink } from "./store.js";

const ACK_EVERY = 5;
const SILENT_MS = 4000;
const NOT_SIGNED_IN = 4401;
let socket = null;
let seq = null;
let attempts = 0;
let watchdog = 0;
let hadSnapshot = false;

export function connect(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  open(url);
}

function open(url) {
  seq = null;
  const opened = new WebSocket(url);
  socket = opened;
  watch();
  opened.addEventListener("message", (event) => {
    watch();
    attempts = 0;
    read(JSON.parse(event.data));
  });
  opened.addEventListener("close", (event) => {
    clearTimeout(watchdog);
    if (event.code === NOT_SIGNED_IN) location.reload();
    else retry(url);
  });
}

function retry(url) {
  setLink("lost");
  const wait = Math.min(10_000, 250 * 2 ** attempts) * (0.75 + Math.random() / 2);
  attempts += 1;
  setTimeout(() => open(url), wait);
}

/** Beats come each second. Four without one is a dead link, whatever the browser believes. */
function watch() {
  clearTimeout(watchdog);
  const watched = socket;
  watchdog = setTimeout(() => watched.close(), SILENT_MS);
}

function read(frame) {
  heardAt(frame.at_ms);
  if (frame.type !== "delta") setLink(frame.upstream ? "live" : "upstream");
  if (frame.type === "beat") return;
  if (frame.type === "delta" && frame.seq !== seq + 1) {
    socket.close();
    return;
  }
  seq = frame.seq;
  apply(frame);
  for (const event of frame.events ?? []) announce(event.kind, event);
  if (frame.type === "snapshot") welcome();
  else if (seq % ACK_EVERY === 0) acknowledge();
}

function acknowledge() {
  socket.send(JSON.stringify({ type: "ack", seq }));
}

/** Events during a break were missed, so everything that listens for one fetches again. */
function welcome() {
  acknowledge();
  if (hadSnapshot) for (const kind of ["alert", "signal", "delivery", "session", "client", "account", "audit"]) announce(kind, {});
  hadSnapshot = true;
}

function announce(kind, detail) {
  document.body.dispatchEvent(new CustomEvent(`live:${kind}`, { detail, bubbles: true }));
}
