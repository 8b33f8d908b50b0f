// The page: a bar for each job, and the counts of all clients' jobs.
import { Connection } from "/connection.js";

const SHOWN = 12;
const ITEMS = ["tea", "coffee", "milk", "bread", "salt", "rice", "beans", "soap"];
const $ = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss:" : "ws:";

let phase = "connecting";
let started = 0;

const connection = new Connection(`${scheme}//${location.host}/ws`, {
  onState(next) {
    phase = next;
    $("state").dataset.phase = phase;
    $("state-text").textContent = { connecting: "Connecting…", online: "Connected", lost: "Disconnected" }[phase];
    $("connection").textContent = phase === "lost" ? "Connect" : "Disconnect";
    $("connection").disabled = phase === "connecting";
    for (const button of document.querySelectorAll("[data-kind], #ask")) button.disabled = phase !== "online";
    if (phase !== "online") for (const count of ["running", "finished", "dropped"]) $(count).textContent = "–";
  },
  onEvent(event, data) {
    if (event === "jobs") for (const count of ["running", "finished", "dropped"]) $(count).textContent = data[count];
    if (event === "exception") showProblem(data.message);
  },
});

/** An element with classes and children; a string child is text, whatever it spells. */
function make(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}

async function start(kind, steps) {
  showProblem("");
  const bar = make("progress");
  if (kind === "run") Object.assign(bar, { max: steps > 0 ? steps : 1, value: 0 });
  const name = `${kind === "run" ? "Run" : "Report"} ${++started}`;
  bar.setAttribute("aria-label", name);
  const what = make("span", "what", "begins…");
  const stop = make("button", "quiet", "Cancel");
  stop.type = "button";
  stop.setAttribute("aria-label", `Cancel ${name}`);
  const row = make("li", "job", make("p", "name", name, what), bar, stop);

  const { ended, cancel } = connection.request(kind, { steps }, ({ step, of }) => {
    bar.value = step;
    what.textContent = `${step} of ${of}`;
  });
  if (kind === "report") what.textContent = "the answer comes at the end";
  stop.onclick = cancel;
  $("jobs").prepend(row);
  while ($("jobs").children.length > SHOWN) {
    const old = [...$("jobs").children].findLast((child) => child.dataset.end);
    if (!old) break;
    old.remove();
  }

  try {
    const report = await ended;
    what.textContent = report ? `done: ${report.summary}, in ${report.steps} steps` : "done";
    bar.max = bar.value = 1;
    row.dataset.end = "done";
  } catch (error) {
    const reason = { cancelled: "cancelled", lost: "lost with the connection; the server has dropped it" }[error.code];
    what.textContent = reason ?? explain(error);
    if (kind === "report") bar.value = 0;
    row.dataset.end = error.code === "cancelled" ? "cancelled" : "failed";
  }
  stop.remove();
}

async function askPrices() {
  const begun = performance.now();
  $("prices").replaceChildren();
  $("took").textContent = "";
  $("ask").disabled = true;
  const asked = ITEMS.map(async (item) => {
    const { cents } = await connection.request("price", item).ended;
    $("prices").append(make("li", "", `${item} ${(cents / 100).toFixed(2)}`));
  });
  try {
    await Promise.all(asked);
    $("took").textContent = `All eight in ${((performance.now() - begun) / 1000).toFixed(2)} s`;
  } catch (error) {
    $("took").textContent = explain(error);
  }
  $("ask").disabled = phase !== "online";
}

function explain({ message, details }) {
  const detail = details?.[0];
  return detail ? `${detail.path.slice(1) || "it"}: ${detail.message}` : message;
}

function showProblem(words) {
  $("problem").replaceChildren(...(words ? [make("p", "problem", words)] : []));
}

$("start").onsubmit = (event) => {
  event.preventDefault();
  const steps = $("steps").valueAsNumber;
  start(event.submitter?.dataset.kind ?? "run", Number.isNaN(steps) ? null : steps);
};
$("ask").onclick = askPrices;
$("connection").onclick = () => (phase === "lost" ? connection.open() : connection.close());
connection.open();
