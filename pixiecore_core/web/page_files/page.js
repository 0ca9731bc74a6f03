// The list of machines, live. The server has written it once already; each event brings the rows that have changed.

import { ago, element, follow, nameOf, progressOf, serverTime, stateOf } from "./common.js";

const MOST = 200; // rows, as many as a snapshot has
const WAIT_MS = 300; // after the last key
const body = document.getElementById("machines");
const nothing = document.getElementById("nothing");
const count = document.getElementById("count");
const form = document.querySelector("form[role=search]");
const states = document.getElementById("states");
const find = form.elements.find;
const chosen = form.elements.state;

const machines = new Map(); // by MAC, what the stream has told
const rows = new Map(); // by MAC, what is shown
let known = 0;
let told = false;
let older = new Map(); // what the server has found among machines that the stream has not told of
let asked = "";

const line = (words) => (words ? element("span", { class: "mac" }, words) : null);

function cells(machine) {
  const moving = progressOf(machine);
  const hardware = [machine.manufacturer, machine.model].filter(Boolean).join(" ") || machine.architecture;
  return {
    state: [stateOf(machine)],
    machine: [
      element("a", { href: `/machines/${machine.mac}` }, nameOf(machine)),
      machine.name ? line(machine.mac) : null,
      line(machine.address),
    ],
    hardware: [element("span", {}, hardware), line(machine.serial)],
    step: moving.length ? moving : [element("span", {}, machine.step)],
    heard: [element("time", { "data-at": machine.heard }, `${ago(serverTime() - machine.heard)} ago`)],
    note: [element("span", {}, machine.note || machine.cause)],
  };
}

// Only cells that say something new are written again, so that a focused link stays focused.
function write(machine) {
  let shown = rows.get(machine.mac);
  if (!shown) {
    shown = { row: element("tr", { role: "row", "data-mac": machine.mac }), cells: {}, said: {} };
    for (const name of ["state", "machine", "hardware", "step", "heard", "note"]) {
      shown.cells[name] = element("td", { role: "cell", class: name });
      shown.row.append(shown.cells[name]);
    }
    rows.set(machine.mac, shown);
  }
  for (const [name, inside] of Object.entries(cells(machine))) {
    const parts = inside.filter(Boolean);
    const said = name === "heard" ? String(machine.heard) : parts.map((part) => part.outerHTML).join();
    if (shown.said[name] === said) continue;
    shown.said[name] = said;
    shown.cells[name].replaceChildren(...parts);
  }
  return shown.row;
}

function isSought(machine) {
  if (chosen.value && machine.state !== chosen.value) return false;
  const text = find.value.trim().toLowerCase();
  const words = [machine.mac, machine.name, machine.serial, machine.manufacturer, machine.model, machine.address];
  return !text || words.some((word) => word.toLowerCase().includes(text));
}

function show() {
  if (!told) return; // what the server has written is all there is
  const all = new Map([...older, ...machines]);
  const sought = [...all.values()].filter(isSought).sort((one, other) => other.heard - one.heard).slice(0, MOST);
  const wanted = new Set(sought.map((machine) => machine.mac));
  for (const [mac, shown] of rows) {
    if (wanted.has(mac)) continue;
    shown.row.remove();
    rows.delete(mac);
  }
  sought.forEach((machine, place) => {
    const row = write(machine);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
  nothing.hidden = sought.length > 0;
  nothing.textContent = known ? "No machine is like that." : "No machine has asked to boot yet.";
  askForOlder();
}

// The stream tells of the machines heard of last; where there are more, the server looks among the others.
async function askForOlder() {
  const query = new URLSearchParams({ limit: MOST, state: chosen.value, find: find.value.trim() }).toString();
  const sought = chosen.value || find.value.trim();
  if (known <= machines.size || !sought) {
    asked = "";
    older = new Map();
    return;
  }
  if (query === asked) return;
  asked = query;
  try {
    const answer = await fetch(`/_/v1/machines?${query}`);
    if (!answer.ok || query !== asked) return;
    const found = await answer.json();
    older = new Map(found.machines.map((machine) => [machine.mac, machine]));
    show();
    say();
  } catch {
    asked = ""; // the next event tries again
  }
}

function say() {
  const words = `${rows.size} machines shown`;
  if (count.textContent !== words) count.textContent = words;
}

function sum(news) {
  known = news.known;
  for (const link of states.querySelectorAll("a")) {
    const state = link.dataset.state;
    const number = state ? (news.states[state] ?? 0) : news.known;
    const words = link.querySelector(".number");
    if (words.textContent !== String(number)) words.textContent = number;
    link.parentElement.hidden = Boolean(state && !number && chosen.value !== state);
  }
}

// The choice is in the address, so that it can be kept, sent, and gone back to.
function choose(push) {
  const said = Object.entries({ state: chosen.value, find: find.value.trim() }).filter(([, value]) => value);
  const address = said.length ? `/?${new URLSearchParams(said)}` : "/";
  if (address !== location.pathname + location.search) history[push ? "pushState" : "replaceState"](null, "", address);
  for (const link of states.querySelectorAll("a")) {
    const query = new URLSearchParams(said.filter(([name]) => name === "find"));
    if (link.dataset.state) query.set("state", link.dataset.state);
    link.href = query.size ? `/?${query}` : "/";
    if (link.dataset.state === chosen.value) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  show();
  say();
}

states.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !told) return;
  event.preventDefault();
  chosen.value = link.dataset.state;
  choose(true);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  choose(true);
});

let waiting = null;
find.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => choose(false), WAIT_MS);
});

addEventListener("popstate", () => {
  const query = new URLSearchParams(location.search);
  chosen.value = query.get("state") ?? "";
  find.value = query.get("find") ?? "";
  choose(false);
});

document.body.classList.add("live");
follow((type, news) => {
  if (type === "snapshot") {
    machines.clear();
    asked = "";
  }
  if (!told) {
    told = true;
    body.replaceChildren();
  }
  for (const machine of news.machines) machines.set(machine.mac, machine);
  const oldest = [...machines.values()].sort((one, other) => other.heard - one.heard).slice(MOST);
  for (const machine of oldest) machines.delete(machine.mac);
  sum(news);
  show();
});
