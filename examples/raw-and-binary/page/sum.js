// A file over a raw socket: binary pieces, each answered by eight bytes; the text `end`, answered by a text.

const PIECE = 64 * 1024;
/** So many pieces are on their way before an answer is awaited. */
const AHEAD = 8;
const LONGEST = 16 * 1024 * 1024;
const $ = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss:" : "ws:";

function send(file, onProgress) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${scheme}//${location.host}/sum`);
    socket.binaryType = "arraybuffer";
    let sent = 0;
    let ended = false;
    const more = (known) => {
      while (sent < file.byteLength && sent < known + AHEAD * PIECE) {
        socket.send(file.slice(sent, sent + PIECE));
        sent = Math.min(sent + PIECE, file.byteLength);
      }
      if (known === file.byteLength && !ended) {
        ended = true;
        socket.send("end");
      }
    };
    socket.onopen = () => more(0);
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        socket.close(1000);
        return resolve(JSON.parse(data));
      }
      const known = Number(new DataView(data).getBigUint64(0));
      onProgress(known);
      more(known);
    };
    socket.onclose = ({ reason }) => reject(new Error(reason || "The connection was lost"));
  });
}

/** The browser's own sum; it has none on pages of plain HTTP from another machine. */
async function ownSum(file) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = await crypto.subtle.digest("SHA-256", file);
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function row(name, value, classes = "") {
  const [term, data] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  data.textContent = value;
  data.className = classes;
  return [term, data];
}

function show(...children) {
  $("result").replaceChildren(...children);
}

$("file").onchange = async () => {
  const [chosen] = $("file").files;
  if (!chosen) return;
  show();
  $("progress").value = 0;
  const problem = document.createElement("p");
  problem.className = "problem";
  if (chosen.size > LONGEST) {
    problem.textContent = "A file is at most 16 MiB.";
    return show(problem);
  }
  $("file").disabled = true;
  try {
    const file = await chosen.arrayBuffer();
    $("progress").max = Math.max(file.byteLength, 1);
    const { bytes, pieces, sha256 } = await send(file, (known) => ($("progress").value = known));
    $("progress").value = $("progress").max;
    const own = await ownSum(file);
    const verdict = own === null ? [] : own === sha256 ? row("Here", "the same", "same") : row("Here", own, "differs hash");
    const list = document.createElement("dl");
    list.className = "summary";
    list.append(
      ...row("File", chosen.name),
      ...row("Length", `${bytes.toLocaleString("en")} bytes in ${pieces} ${pieces === 1 ? "piece" : "pieces"}`),
      ...row("SHA-256", sha256, "hash"),
      ...verdict,
    );
    show(list);
  } catch (error) {
    problem.textContent = `${error.message}.`;
    show(problem);
  }
  $("file").disabled = false;
};
