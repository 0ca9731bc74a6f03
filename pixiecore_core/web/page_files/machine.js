// One machine, live: when an event names it, its JSON is fetched and what has changed is written again.

import { element, follow, nameOf, progressOf, stateOf } from "./common.js";

const mac = location.pathname.split("/").pop();
const path = `/_/v1/machines/${mac}`;
const AGAIN_MS = 1000;
const TOKEN = "pixiecore-token"; // kept for this tab alone
const place = (name) => document.getElementById(name);
const said = {};

// Only what says something new is written again, so that nothing moves under whoever reads, copies or tabs.
function put(name, value, make) {
  const words = JSON.stringify(value);
  if (said[name] === words) return;
  said[name] = words;
  place(name).replaceChildren(...make(value));
}

function* mend(lines) {
  let block = [];
  for (const line of [...lines, ""]) {
    if (line.startsWith("    ")) {
      block.push(line.slice(4));
      continue;
    }
    if (block.length) yield copyable(block.join("\n"));
    block = [];
    if (line) yield element("p", {}, line);
  }
}

function copyable(text) {
  const code = element("pre", { tabindex: "0" }, element("code", {}, text));
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Browsers have no clipboard for pages that came without TLS from another host: have it selected at least.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return element("div", { class: "copyable" }, code, button);
}

const diagnoses = (found) =>
  found.map((one) =>
    element(
      "section", { class: "diagnosis" },
      element("h2", {}, one.says), ...mend(one.mend), element("p", { class: "cause" }, one.cause),
    ),
  );

const clock = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");

function timeline(caption) {
  return (entries) => {
    if (!entries.length) return [element("p", {}, "Nothing yet.")];
    const heads = ["Time", "After", "From", "What"].map((words) => element("th", { scope: "col" }, words));
    const rows = entries.map((one) =>
      element(
        "tr", { class: one.level },
        element("td", { class: "clock" }, clock(one.at)),
        element("td", { class: "offset" }, `+${one.offset.toFixed(1)} s`),
        element("td", { class: "subsystem" }, one.subsystem),
        element("td", {}, one.message),
      ),
    );
    return [
      element(
        "table", { class: "timeline" },
        element("caption", { class: "hidden" }, caption),
        element("thead", {}, element("tr", {}, ...heads)),
        element("tbody", {}, ...rows),
      ),
    ];
  };
}

function facts(machine) {
  const began = machine.began ? new Date(machine.began * 1000).toLocaleString("sv-SE") : "";
  const known = [
    ["MAC", machine.mac], ["Name", machine.name], ["Address", machine.address],
    ["Manufacturer", machine.manufacturer], ["Model", machine.model], ["Serial number", machine.serial],
    ["Asset tag", machine.asset], ["UUID", machine.uuid], ["Firmware", machine.architecture],
    ["iPXE", machine.ipxe_version], ["Asked on", machine.interface], ["First request", began],
  ];
  return known
    .filter(([, value]) => value)
    .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}

function actions(offered) {
  if (!offered.length) return [];
  const told = element("p", { role: "status" });
  const items = offered.map((one) => {
    const button = element("button", { type: "button" }, one.title);
    button.addEventListener("click", () => act(one, told));
    return element("li", {}, button, ` ${one.about}`);
  });
  return [element("h2", {}, "What you can do"), element("ul", { class: "actions" }, ...items), told];
}

// The token goes along as a bearer token, which no browser sends by itself; it is asked for once a tab.
async function act(action, told) {
  const token = sessionStorage.getItem(TOKEN) ?? (await ask());
  if (!token) return;
  try {
    const answer = await fetch("/_/v1/actions", {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ mac, action: action.name }),
    });
    if (answer.status === 401 || answer.status === 403) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
    told.textContent = answer.ok ? `${(await answer.json()).said}.` : (await answer.text()).trim();
    await refresh();
  } catch {
    told.textContent = "The server could not be asked.";
  }
}

function ask() {
  const input = element("input", { type: "password", id: "token", autocomplete: "off", required: "" });
  const form = element(
    "form", { method: "dialog" },
    element("label", { for: "token" }, "The token of --status-token-file"), input,
    element("div", { class: "buttons" },
      element("button", { type: "submit", value: "ok" }, "Go on"),
      element("button", { type: "submit", value: "", formnovalidate: "" }, "Cancel")),
  );
  const dialog = element("dialog", { "aria-label": "Token" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "ok" ? input.value.trim() : "");
    });
  });
}

function show(machine) {
  document.title = `${nameOf(machine)} · Pixiecore`;
  document.querySelector("h1").textContent = nameOf(machine);
  put("state", machine.state, () => [stateOf(machine)]);
  put("summary", machine.summary, (words) => [words]);
  put("progress", machine.progress, () => progressOf(machine));
  put("diagnoses", machine.diagnoses, diagnoses);
  put("actions", machine.actions, actions);
  put("timeline", machine.timeline, timeline("What has happened"));
  put("before", machine.before, timeline("What happened before"));
  place("earlier").hidden = !machine.before.length;
  const known = ["mac", "name", "address", "serial", "model", "uuid", "began", "ipxe_version", "interface"];
  put("facts", known.map((name) => machine[name]), () => facts(machine));
}

let asking = false;
let again = false;

async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const answer = await fetch(path);
    if (answer.ok) show(await answer.json());
  } catch {
    // The stream says that the connection is lost.
  }
  setTimeout(() => {
    asking = false;
    if (again) {
      again = false;
      refresh();
    }
  }, AGAIN_MS);
}

refresh();
follow((type, news) => {
  const machine = news.machines.find((one) => one.mac === mac.toLowerCase().replaceAll("-", ":"));
  if (machine) put("progress", machine.progress, () => progressOf(machine));
  if (machine || type === "snapshot") refresh();
});
