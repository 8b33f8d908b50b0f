// A small board to draw on with mouse, pen or finger. `picture()` is its PNG, or null while it is empty.

export class Board {
  #canvas;
  #pen;
  #isEmpty = true;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    Object.assign(this.#pen, { lineWidth: 4, lineCap: "round", lineJoin: "round", strokeStyle: "#0b6e62" });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#pen.beginPath();
      this.#pen.moveTo(...this.#at(event));
      this.#line(event);
    });
    canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && this.#line(event));
  }

  #at({ offsetX, offsetY }) {
    const { width, height, clientWidth, clientHeight } = this.#canvas;
    return [(offsetX * width) / clientWidth, (offsetY * height) / clientHeight];
  }

  #line(event) {
    this.#pen.lineTo(...this.#at(event));
    this.#pen.stroke();
    this.#isEmpty = false;
  }

  clear() {
    this.#pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#isEmpty = true;
  }

  async picture() {
    if (this.#isEmpty) return null;
    const blob = await new Promise((resolve) => this.#canvas.toBlob(resolve, "image/png"));
    return new Uint8Array(await blob.arrayBuffer());
  }
}
