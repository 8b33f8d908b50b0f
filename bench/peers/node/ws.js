// The `ws` package, with `bufferutil` beside it, as its README recommends.
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
const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/ws', backlog: 4096 });
server.on('listening', () => console.log(`127.0.0.1:${server.address().port}`));
server.on('connection', (socket) => {
  socket.on('error', () => {}); // a client that is gone
  socket.on('message', (message) => {
    const { event, data } = JSON.parse(message);
    handlers[event]?.(socket, data);
  });
});
