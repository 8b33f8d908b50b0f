// The `ws` package, with `bufferutil` beside it, as its README recommends. `DEFLATE=1` compresses for whoever offers
// it, with what Switchboard does by default: no context taken over, level 2, nothing shorter than 1 KiB.
import { WebSocketServer } from 'ws';
import { join, publish } from './rooms.js';

const handlers = {
  echo: (socket, data) => socket.send(JSON.stringify({ event: 'echo', data })),
  join: (socket, room) => {
    join(socket, room);
    socket.send(JSON.stringify({ event: 'joined', data: room }));
  },
  publish: (_, data) => publish(data.room, JSON.stringify({ event: 'message', data })),
};

const port = Number(process.env.PORT ?? 0);
const perMessageDeflate = process.env.DEFLATE === '1' && {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1024,
  zlibDeflateOptions: { level: 2 },
};
const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/ws', backlog: 4096, perMessageDeflate });
server.on('listening', () => console.log(`127.0.0.1:${server.address().port}`));
server.on('connection', (socket) => {
  socket.on('error', () => {}); // a client that is gone
  socket.on('message', (message) => {
    const { event, data } = JSON.parse(message);
    handlers[event]?.(socket, data);
  });
});
