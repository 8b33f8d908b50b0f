// Ordering a server about, over the port that the test serves.
import { connect } from "node:net";

const { CONTROL } = process.env;

/** `term`, `wait` (for the end, answers its status) or `start` (again, on the same port). */
export function order(what) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(CONTROL), "127.0.0.1", () => socket.write(`${what}\n`));
    let answer = "";
    socket.setEncoding("utf8").on("data", (text) => (answer += text)).on("error", reject);
    socket.on("close", () => (answer ? resolve(answer.trimEnd()) : reject(new Error(`${what} was not done`))));
  });
}
