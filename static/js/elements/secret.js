// <copy-secret>: a key that is shown once. It leaves the page when the page is left, also from history.

class CopySecret extends HTMLElement {
  connectedCallback() {
    this.forget = () => this.remove();
    addEventListener("pagehide", this.forget);
  }

  disconnectedCallback() {
    removeEventListener("pagehide", this.forget);
  }
}

customElements.define("copy-secret", CopySecret);
