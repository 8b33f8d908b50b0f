// As much of MessagePack as the messages of this page need: null, booleans, numbers, text, `bin`, arrays and maps.
// https://github.com/msgpack/msgpack/blob/master/spec.md

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** A value as bytes. A `Uint8Array` is `bin`. */
export function encode(value) {
  const out = [];
  write(value, out);
  return new Uint8Array(out);
}

function write(value, out) {
  if (value === null || value === undefined) out.push(0xc0);
  else if (typeof value === "boolean") out.push(value ? 0xc3 : 0xc2);
  else if (Number.isInteger(value) && value >= 0 && value < 0x1_0000_0000) integer(value, out);
  else if (typeof value === "number") out.push(0xcb, ...new Uint8Array(new Float64Array([value]).buffer).reverse());
  else if (typeof value === "string") {
    const bytes = utf8.encode(value);
    head(bytes.length, out, [0xa0, 32], 0xd9, 0xda, 0xdb);
    for (const byte of bytes) out.push(byte);
  } else if (value instanceof Uint8Array) {
    head(value.length, out, null, 0xc4, 0xc5, 0xc6);
    for (const byte of value) out.push(byte);
  } else if (Array.isArray(value)) {
    head(value.length, out, [0x90, 16], null, 0xdc, 0xdd);
    for (const item of value) write(item, out);
  } else {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    head(entries.length, out, [0x80, 16], null, 0xde, 0xdf);
    for (const [key, item] of entries) {
      write(key, out);
      write(item, out);
    }
  }
}

function integer(value, out) {
  if (value < 128) out.push(value);
  else head(value, out, null, 0xcc, 0xcd, 0xce);
}

/** The first byte, and a length behind it: in the byte itself, or of 1, 2 or 4 bytes. */
function head(length, out, fixed, one, two, four) {
  if (fixed && length < fixed[1]) out.push(fixed[0] | length);
  else if (one && length < 0x100) out.push(one, length);
  else if (length < 0x1_0000) out.push(two, length >> 8, length & 255);
  else out.push(four, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255);
}

/** The value in these bytes. Throws a RangeError when they are cut off, and a TypeError for what is not listed above. */
export function decode(buffer) {
  const view = new DataView(buffer);
  let at = 0;
  const number = (kind, size) => {
    const value = view[`get${kind}`](at);
    at += size;
    return Number(value);
  };
  const bytes = (length) => {
    if (at + length > buffer.byteLength) throw new RangeError("cut off");
    return new Uint8Array(buffer, (at += length) - length, length);
  };
  const string = (length) => text.decode(bytes(length));
  const array = (length) => Array.from({ length }, read);
  const map = (length) => Object.fromEntries(Array.from({ length }, () => [read(), read()]));
  function read() {
    const first = number("Uint8", 1);
    if (first < 0x80) return first;
    if (first < 0x90) return map(first & 15);
    if (first < 0xa0) return array(first & 15);
    if (first < 0xc0) return string(first & 31);
    if (first >= 0xe0) return first - 256;
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return bytes(number("Uint8", 1));
      case 0xc5: return bytes(number("Uint16", 2));
      case 0xc6: return bytes(number("Uint32", 4));
      case 0xca: return number("Float32", 4);
      case 0xcb: return number("Float64", 8);
      case 0xcc: return number("Uint8", 1);
      case 0xcd: return number("Uint16", 2);
      case 0xce: return number("Uint32", 4);
      case 0xcf: return number("BigUint64", 8);
      case 0xd0: return number("Int8", 1);
      case 0xd1: return number("Int16", 2);
      case 0xd2: return number("Int32", 4);
      case 0xd3: return number("BigInt64", 8);
      case 0xd9: return string(number("Uint8", 1));
      case 0xda: return string(number("Uint16", 2));
      case 0xdb: return string(number("Uint32", 4));
      case 0xdc: return array(number("Uint16", 2));
      case 0xdd: return array(number("Uint32", 4));
      case 0xde: return map(number("Uint16", 2));
      case 0xdf: return map(number("Uint32", 4));
      default: throw new TypeError(`0x${first.toString(16)} is not read here`);
    }
  }
  return read();
}
