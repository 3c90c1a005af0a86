// Figures as the screen prints them: the same rules as dashboard/formatting.py, compared by a test.

const NOTHING = "\u2013";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

export function pipDecimals(pipSize) {
  return pipSize > 0 ? Math.max(0, Math.round(-Math.log10(pipSize))) : 0;
}

/** [lead, pips, fraction]: 1.08 12 4. */
export function priceParts(value, digits, pipSize) {
  const text = value.toFixed(digits);
  const pipsEnd = text.length - Math.max(0, digits - pipDecimals(pipSize));
  const whole = text.slice(0, pipsEnd);
  const large = whole.endsWith(".") ? 3 : 2;
  return [whole.slice(0, -large), whole.slice(-large), text.slice(pipsEnd)];
}

export function signed(value, decimals = 1) {
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

export function ageText(seconds, atMs = null) {
  if (seconds < MINUTE) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  if (seconds < 7 * DAY || atMs === null) return `${Math.floor(seconds / DAY)} d`;
  return new Date(atMs).toISOString().slice(0, 10);
}

/** 42 s, 3 min 20 s, 2 h 5 min, 4 d 3 h. */
export function lastingText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [unit, name, below, belowName] of [
    [DAY, "d", HOUR, "h"],
    [HOUR, "h", MINUTE, "min"],
    [MINUTE, "min", 1, "s"],
  ]) {
    if (whole < unit) continue;
    const rest = Math.floor((whole % unit) / below);
    return `${Math.floor(whole / unit)} ${name}` + (rest ? ` ${rest} ${belowName}` : "");
  }
  return `${whole} s`;
}

export function grouped(value) {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function compact(value) {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  if (size >= 100) return grouped(value);
  if (size >= 10) return Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
  if (value === 0) return "0";
  return size < 1 ? value.toFixed(2) : value.toFixed(1);
}

export function utcTime(ms) {
  return new Date(ms).toISOString().slice(11, 19);
}
