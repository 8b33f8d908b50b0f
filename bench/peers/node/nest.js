// NestJS with its adapter for `ws`. Decorators are applied by hand, so that nothing has to be compiled.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { join, publish } from './rooms.js';

class Bench {
  echo(data) {
    return { event: 'echo', data };
  }

  join(room, socket) {
    join(socket, room);
    return { event: 'joined', data: room };
  }

  publish(data) {
    publish(data.room, JSON.stringify({ event: 'message', data }));
  }
}
WebSocketGateway({ path: '/ws' })(Bench);
for (const event of ['echo', 'join', 'publish']) {
  SubscribeMessage(event)(Bench.prototype, event, Object.getOwnPropertyDescriptor(Bench.prototype, event));
  MessageBody()(Bench.prototype, event, 0);
}
ConnectedSocket()(Bench.prototype, 'join', 1);

class App {}
Module({ providers: [Bench] })(App);

const app = await NestFactory.create(App, { logger: false });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
console.log(`127.0.0.1:${app.getHttpServer().address().port}`);
