// <tradingview-widget symbol="FX:EURUSD">: TradingView's own chart in a frame, asked for when its tab is
// opened. A frame does not say that it failed, so silence counts: the widget posts messages when it lives.

import { isDark } from "../ui/theme.js";

const PAGE = "https://www.tradingview-widget.com/embed-widget/advanced-chart/?locale=en";
const PATIENCE_MS = 10_000;

class TradingViewWidget extends HTMLElement {
  connectedCallback() {
    const panel = this.closest("[role=tabpanel]");
    panel.addEventListener("panel:shown", () => this.load());
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-retry]")) this.load(true);
    });
    this.heard = (event) => {
      if (event.source === this.frame?.contentWindow) this.succeed();
    };
    addEventListener("message", this.heard);
    document.addEventListener("themechange", (this.themed = () => this.frame && this.load(true)));
  }

  disconnectedCallback() {
    removeEventListener("message", this.heard);
    document.removeEventListener("themechange", this.themed);
    clearTimeout(this.timer);
  }

  load(again = false) {
    const symbol = this.getAttribute("symbol");
    if (!symbol || (this.frame && !again)) return;
    this.frame?.remove();
    this.show("waiting");
    const settings = { symbol, interval: "1", timezone: "Etc/UTC", theme: isDark() ? "dark" : "light", autosize: true, allow_symbol_change: false };
    this.frame = document.createElement("iframe");
    this.frame.title = `TradingView chart of ${symbol}`;
    this.frame.src = `${PAGE}#${encodeURIComponent(JSON.stringify(settings))}`;
    this.prepend(this.frame);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(), PATIENCE_MS);
  }

  succeed() {
    clearTimeout(this.timer);
    this.querySelector(".message").hidden = true;
  }

  fail() {
    this.frame.remove();
    this.frame = null;
    this.show("failed");
  }

  show(what) {
    this.querySelector(".message").hidden = false;
    this.querySelector("[data-waiting]").hidden = what !== "waiting";
    this.querySelector("[data-failed]").hidden = what !== "failed";
  }
}

customElements.define("tradingview-widget", TradingViewWidget);
