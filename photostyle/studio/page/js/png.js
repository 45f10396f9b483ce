// 8-bit grey PNG, read and written exactly. A canvas would do, but some browsers change what is read back from one.
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** `{rows, columns, values}` of an 8-bit grey or indexed PNG without interlacing; `values` is a Uint8Array of indices. */
export async function readGrey(bytes) {
  if (!SIGNATURE.every((byte, place) => bytes[place] === byte)) throw new Error("not a PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packed = [];
  let head = null;
  for (let place = 8; place + 8 <= bytes.length; ) {
    const length = view.getUint32(place);
    const kind = String.fromCharCode(...bytes.subarray(place + 4, place + 8));
    if (kind === "IHDR") head = place + 8;
    if (kind === "IDAT") packed.push(bytes.subarray(place + 8, place + 8 + length));
    place += length + 12;
  }
  const [depth, colour, , , interlaced] = bytes.subarray(head + 8, head + 13);
  if (depth !== 8 || (colour !== 0 && colour !== 3) || interlaced) throw new Error("expected an 8-bit grey PNG");
  const columns = view.getUint32(head);
  const rows = view.getUint32(head + 4);
  const lines = await through(new DecompressionStream("deflate"), packed);
  return { rows, columns, values: unfiltered(lines, rows, columns) };
}

function unfiltered(lines, rows, columns) {
  const values = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const from = row * (columns + 1);
    const to = row * columns;
    const filter = lines[from];
    for (let column = 0; column < columns; column += 1) {
      const left = column ? values[to + column - 1] : 0;
      const up = row ? values[to + column - columns] : 0;
      const corner = row && column ? values[to + column - columns - 1] : 0;
      values[to + column] = lines[from + 1 + column] + predicted(filter, left, up, corner);
    }
  }
  return values;
}

function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [toLeft, toUp, toCorner] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** The PNG of `values`, a Uint8Array of `rows` times `columns`. */
export async function writeGrey({ rows, columns, values }) {
  const lines = new Uint8Array(rows * (columns + 1));
  for (let row = 0; row < rows; row += 1) {
    lines.set(values.subarray(row * columns, (row + 1) * columns), row * (columns + 1) + 1);
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, columns);
  view.setUint32(4, rows);
  head[8] = 8;
  const data = await through(new CompressionStream("deflate"), [lines]);
  return new Blob([Uint8Array.from(SIGNATURE), chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", new Uint8Array(0))]);
}

function chunk(kind, data) {
  const made = new Uint8Array(data.length + 12);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  for (let place = 0; place < 4; place += 1) made[4 + place] = kind.charCodeAt(place);
  made.set(data, 8);
  let check = 0xffffffff;
  for (let place = 4; place < data.length + 8; place += 1) check = TABLE[(check ^ made[place]) & 255] ^ (check >>> 8);
  view.setUint32(data.length + 8, (check ^ 0xffffffff) >>> 0);
  return made;
}

async function through(stream, parts) {
  const answer = new Response(new Blob(parts).stream().pipeThrough(stream));
  return new Uint8Array(await answer.arrayBuffer());
}
