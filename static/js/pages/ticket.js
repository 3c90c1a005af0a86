// The signal ticket: what is risked for what, while it is typed, and a button that says what it does.

const UNITS_SHOWN = 1;

document.addEventListener("input", ({ target }) => review(target.closest(".ticket-form")));
document.addEventListener("change", ({ target }) => review(target.closest(".ticket-form")));
document.body.addEventListener("htmx:afterSettle", () => document.querySelectorAll(".ticket-form").forEach(review));
document.querySelectorAll(".ticket-form").forEach(review);

function review(form) {
  if (!form) return;
  const executes = form.elements.execute.value === "yes";
  const action = form.elements.action.value;
  form.querySelector("[data-push] span").textContent = executes ? `Push and execute ${action}` : "Push";
  form.querySelector("[data-ratio]").textContent = sentence(form);
  const carriesPrices = action === "BUY" || action === "SELL";
  for (const name of ["entry", "stop_loss", "take_profit"]) form.elements[name].disabled = !carriesPrices;
}

function sentence(form) {
  if (!["BUY", "SELL"].includes(form.elements.action.value)) return "Carries no prices.";
  const [entry, stop, target] = ["entry", "stop_loss", "take_profit"].map((name) => Number(form.elements[name].value) || null);
  if (entry === null) return "Leave the entry empty to act at the market.";
  const parts = [];
  const pip = pipSize(form);
  if (stop !== null) parts.push(`risks ${distance(entry - stop, pip)}`);
  if (target !== null) parts.push(`for ${distance(target - entry, pip)}`);
  if (stop !== null && target !== null && stop !== entry) parts.push(`(1 : ${Math.abs((target - entry) / (entry - stop)).toFixed(1)})`);
  return parts.length ? `It ${parts.join(" ")}.` : "Without stop and target.";
}

function pipSize(form) {
  const sizes = JSON.parse(form.dataset.pipSizes);
  return sizes[form.elements.symbol.value.trim().toUpperCase()] ?? null;
}

function distance(price, pip) {
  const size = Math.abs(price);
  return pip ? `${(size / pip).toFixed(UNITS_SHOWN)} pips` : size.toPrecision(3);
}
