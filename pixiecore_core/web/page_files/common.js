// What both pages share: making elements, words for times and amounts, and the stream of events.
// Texts only ever become text nodes and attribute values: what a machine says is never read as markup.

export function element(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...inside.filter((part) => part !== null && part !== undefined));
  return made;
}

export function ago(seconds) {
  const span = Math.max(0, seconds);
  for (const [limit, size, unit] of [[100, 1, "s"], [5400, 60, "min"], [172800, 3600, "h"]]) {
    if (span < limit) return `${Math.round(span / size)} ${unit}`;
  }
  return `${Math.round(span / 86400)} d`;
}

export const nameOf = (machine) => machine.name || machine.mac;

export const stateOf = (machine) =>
  element("span", { class: `state ${machine.state.replaceAll(" ", "-")}` }, machine.state);

export function progressOf(machine) {
  const moving = machine.progress;
  if (!moving || !moving.size) return [];
  const share = Math.round((100 * Math.min(moving.bytes, moving.size)) / moving.size);
  const rate = moving.bytes / Math.max(moving.seconds, 0.05) / 1e6;
  const words = `${share} % of ${(moving.size / 1e6).toFixed(1)} MB, ${rate.toFixed(1)} MB/s`;
  const name = moving.file.split("/").pop();
  const bar = element("progress", {
    max: moving.size, value: Math.min(moving.bytes, moving.size), "aria-label": name || "a file",
  });
  return [bar, element("span", {}, words), name ? element("span", { class: "mac" }, name) : null].filter(Boolean);
}

// The server's clock may differ from ours.
let ahead = 0;
export const serverTime = () => Date.now() / 1000 + ahead;

function countUp() {
  for (const time of document.querySelectorAll("time[data-at], time[data-since]")) {
    const words = time.dataset.at
      ? `${ago(serverTime() - time.dataset.at)} ago`
      : ago(serverTime() - time.dataset.since);
    if (time.textContent !== words) time.textContent = words;
  }
}
setInterval(countUp, 1000);

const RETRY_MS = 3000;
let source = null;
let timer = null;

function tell(words, state) {
  const place = document.getElementById("connection");
  if (place.textContent !== words) place.textContent = words;
  place.className = state;
}

// Tells `heard` of each event: its type, and what it holds. A page that is not looked at reads nothing, so that many
// tabs leave the browser connections for the others.
export function follow(heard) {
  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("/_/v1/events");
    source.onerror = () => {
      tell("connection lost, trying again", "lost");
      // A browser tries again by itself unless it was refused.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    };
    for (const type of ["snapshot", "machines"]) {
      source.addEventListener(type, (event) => {
        const news = JSON.parse(event.data);
        ahead = news.at - Date.now() / 1000;
        heard(type, news);
        tell("live", "live");
        countUp();
      });
    }
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
    tell("paused", "lost");
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
