// The style guide's own buttons.

import { startTabs } from "./ui/tabs.js";
import { toast } from "./ui/toast.js";

const TEXTS = {
  verified: "Acknowledged.",
  act: "Not resolved: FXCM EURUSD is still 3.1 pips above the others.",
};

startTabs();
document.addEventListener("click", (event) => {
  const state = event.target.closest("[data-toast-sample]")?.dataset.toastSample;
  if (state) toast(TEXTS[state], state);
});
