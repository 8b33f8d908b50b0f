// Rooms of `ws` sockets: who is in which, until the socket closes.
const rooms = new Map();

export function join(socket, name) {
  if (!rooms.has(name)) rooms.set(name, new Set());
  const room = rooms.get(name);
  room.add(socket);
  socket.on('close', () => room.delete(socket));
}

export function publish(name, text) {
  for (const socket of rooms.get(name) ?? []) socket.send(text);
}
