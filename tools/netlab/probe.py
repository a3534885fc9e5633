#!/usr/bin/env python3
"""What netlab.py check runs in the hosts of a lab.

  probe.py ping ADDRESS COUNT INTERVAL      prints JSON: the round trips that came back, in seconds
  probe.py receive WINDOW SKIP              listens; prints "listening", then JSON: bytes a second after SKIP seconds
  probe.py send ADDRESS SKIP SECONDS        prints JSON: the receiver's largest window after SKIP seconds, in bytes
"""
import json, os, select, socket, struct, sys, time

PORT = 9000
ECHO, ANSWER = 8, 0  # kinds of ICMP messages
WINDOW_AT = 228  # of tcpi_snd_wnd in struct tcp_info
CHUNK = 1 << 18


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def message(number):
    body = struct.pack('!HHd', os.getpid() & 0xffff, number & 0xffff, time.monotonic())
    return struct.pack('!BBH', ECHO, 0, checksum(struct.pack('!BBH', ECHO, 0, 0) + body)) + body


def ping(address, count, interval):
    icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    icmp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    trips, sent, began = [], 0, time.monotonic()
    last = began + count * interval + 1  # for the last ones to come back
    while (now := time.monotonic()) < last and len(trips) < count:
        if sent < count and now >= began + sent * interval:
            icmp.sendto(message(sent), (address, 0))
            sent += 1
            continue
        until = began + sent * interval if sent < count else last
        if not select.select([icmp], [], [], max(0, until - now))[0]:
            continue
        data, came = icmp.recv(2048), time.monotonic()
        kind, _, _, owner, _, when = struct.unpack('!BBHHHd', data[20:36])
        if kind == ANSWER and owner == os.getpid() & 0xffff:
            trips.append(came - when)
    return trips


def receive(window, skip):
    server = socket.socket()
    if window:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    server.bind(('', PORT))
    server.listen()
    print('listening', flush=True)
    stream = server.accept()[0]
    buffer, got, began = bytearray(CHUNK), 0, time.monotonic()
    while (size := stream.recv_into(buffer)) and time.monotonic() < began + skip:
        pass
    began = last = time.monotonic()
    while size := stream.recv_into(buffer):
        got, last = got + size, time.monotonic()
    return got / (last - began)


def send(address, skip, seconds):
    stream = socket.create_connection((address, PORT))
    data, windows, began = bytes(CHUNK), [], time.monotonic()
    while (now := time.monotonic()) < began + skip + seconds:
        stream.sendall(data)
        info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
        if now > began + skip and len(info) >= WINDOW_AT + 4:
            windows += struct.unpack_from('I', info, WINDOW_AT)
    return max(windows)


if __name__ == '__main__':
    action, *rest = sys.argv[1:]
    print(json.dumps(ping(rest[0], int(rest[1]), float(rest[2])) if action == 'ping' else
                     receive(int(rest[0]), float(rest[1])) if action == 'receive' else
                     send(rest[0], float(rest[1]), float(rest[2]))))
