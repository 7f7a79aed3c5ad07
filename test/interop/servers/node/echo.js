// Echo server on the npm package ws. servers/README.md describes its answers.
'use strict';

const { parseArgs } = require('node:util');
const { WebSocketServer } = require('ws');

const SUBPROTOCOL = 'echo.interop';
const CHARACTERS = Buffer.from('aé€😀'); // one of each UTF-8 length, 10 bytes in all

function binaryPattern(size) {
  const p = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) p[i] = i % 251;
  return p;
}

function sendParts(ws, binary, data, size, end) {
  for (let at = 0; at < data.length; at += size) {
    const fin = end && at + size >= data.length;
    ws.send(data.subarray(at, at + size), { binary, fin });
  }
}

// Carries out a command and echoes everything else.
function answer(ws, data, isBinary) {
  const words = isBinary || data.length > 125 ? [''] : data.toString().split(' ');
  switch (words[0]) {
    case 'close':
      if (words[1] === '0') ws.close();
      else ws.close(Number(words[1]), words.slice(2).join(' '));
      return;
    case 'ping':
      ws.pinged = words.slice(1).join(' ');
      ws.ping(ws.pinged);
      return;
    case 'blob':
      ws.send(binaryPattern(Number(words[1])));
      return;
    case 'fragments': {
      const [count, size] = [Number(words[2]), Number(words[3])];
      const text = words[1] === 'text';
      const all = text ? Buffer.alloc(count * size, CHARACTERS) : binaryPattern(count * size);
      sendParts(ws, !text, all, size, true);
      return;
    }
    case 'half':
      sendParts(ws, true, binaryPattern(Number(words[1])), Number(words[1]), false);
      return;
  }
  ws.send(data, { binary: isBinary });
}

const { values } = parseArgs({ options: { listen: { type: 'string', default: '127.0.0.1:0' } } });
const [host, port] = values.listen.split(':');

const server = new WebSocketServer({
  host,
  port: Number(port),
  maxPayload: 128 << 20,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
});
server.on('listening', () => {
  const { address, port } = server.address();
  console.log(`listening ${address}:${port}`);
});
server.on('connection', (ws) => {
  ws.on('message', (data, isBinary) => answer(ws, data, isBinary));
  ws.on('pong', (data) => {
    if (data.toString() === ws.pinged) ws.send('pong ' + ws.pinged); // else the Pong was unsolicited
  });
  ws.on('close', (code, reason) => {
    if (code !== 1006) console.log(`closed ${code} ${reason}`); // 1006: there was no Close frame
  });
  ws.on('error', () => {}); // 'close' follows
});
