// What this browser remembers. Storage may be forbidden; the default is then the answer.

export function remembered(name, fallback) {
  try {
    return localStorage.getItem(`fks.${name}`) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`fks.${name}`);
    else localStorage.setItem(`fks.${name}`, value);
  } catch {
    // Nothing to do: the choice holds until the page is left.
  }
}
