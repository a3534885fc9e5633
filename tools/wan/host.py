#!/usr/bin/env python3
"""Runs in every host of a lab: one island of a cell, and in host 0 also what all meet at.

  host.py WORK      WORK/job.json says what to run; the result goes to WORK/hostK.json
"""
import json, os, pathlib, signal, socket, subprocess, sys, threading, time

ME = int(os.environ['NETLAB_HOST'])
ADDRESSES = os.environ['NETLAB_ADDRESSES'].split(',')
MEETING_PORT = 7077
DEVICE = 'wan'
PEERS = pathlib.Path(__file__).resolve().parents[1] / 'peers'


def on_one_thread():
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'GLOO_SOCKET_IFNAME': DEVICE, 'TP_SOCKET_IFNAME': DEVICE}


def with_events(command):
    """Starts a process of Outrigger's; returns it and the lines of JSON that it reports."""
    ours, its = socket.socketpair()
    process = subprocess.Popen(command, pass_fds=[its.fileno()],
                               env={**on_one_thread(), 'OUTRIGGER_EVENTS_FD': str(its.fileno())})
    its.close()
    return process, ours.makefile()


def outrigger(job):
    """The last inner step before the timed part and the last of it, as the island reports them."""
    recipe, name = f'{job["work"]}/recipe.yaml', f'island-{ME}'
    common = [recipe, '--job', 'wan', '--insecure']
    meeting = f'{ADDRESSES[0]}:{MEETING_PORT}'
    coordinator = None
    if ME == 0:
        coordinator, events = with_events([job['cli'], 'coordinator', *common, '--listen', meeting])
        if json.loads(events.readline())['event'] != 'listening':
            raise SystemExit('the coordinator does not listen')
        threading.Thread(target=lambda: [None for _ in events], daemon=True).start()
    else:
        wait_for(meeting)
    island, events = with_events([job['cli'], 'island', *common, '--name', name, '--coordinator', meeting,
                                  '--run', job['work'], '--listen', f'{ADDRESSES[ME]}:0'])
    seen, result = {}, {}
    for line in events:
        event = json.loads(line)
        if event['event'] == 'step':
            seen[event['step']] = (time.monotonic(), event['tokens'])
        elif event['event'] == 'done':
            result['bytes_sent'] = event['bytes_sent']
        elif event['event'] in ('failed', 'log'):
            print(line, end='', flush=True)
    ended = [process.wait() for process in (island, coordinator) if process]
    if any(ended):
        raise SystemExit(f'island and coordinator ended with {ended}')
    (began, before), (end, after) = (seen[step] for step in job['timed'])
    return {**result, 'tokens_per_s': (after - before) / (end - began), 'seconds': end - began}


def wait_for(address):
    """Until someone listens there."""
    host, port = address.split(':')
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=60).close()
        except ConnectionRefusedError:
            time.sleep(0.1)


def peer(job):
    """A script in tools/peers, which prints its result as JSON in its last line."""
    meeting = f'{ADDRESSES[0]}:{MEETING_PORT}'
    first, last = job['timed']
    words = ['--rank', ME, '--world', len(ADDRESSES), '--meet', meeting, '--first', first, '--last', last]
    if not job['sync']:
        words += ['--off']
    elif job['program'] == 'torchft':
        words += ['--every', job['every']]
        if ME == 0:
            lighthouse(job, meeting)
        else:
            wait_for(meeting)
    script = PEERS / ('train_torchft.py' if job['program'] == 'torchft' else 'train_ddp.py')
    done = subprocess.run([str(word) for word in (job['python'], script, *words, '--preset', 'm', '--threads', 1)],
                          stdout=subprocess.PIPE, text=True, env=on_one_thread())
    if done.returncode != 0:
        raise SystemExit(f'{script.name} ended with {done.returncode}')
    return json.loads(done.stdout.splitlines()[-1])


def lighthouse(job, meeting):
    """Stays until the lab ends."""
    program = pathlib.Path(job['python']).with_name('torchft_lighthouse')
    subprocess.Popen([program, '--bind', f'[::]:{MEETING_PORT}', '--min_replicas', str(len(ADDRESSES)),
                      '--join_timeout_ms', '60000'], env=on_one_thread())
    wait_for(meeting)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = pathlib.Path(sys.argv[1])
    job = {**json.loads((work / 'job.json').read_text()), 'work': str(work)}
    result = outrigger(job) if job['program'] == 'outrigger' else peer(job)
    (work / f'host{ME}.json').write_text(json.dumps(result))


if __name__ == '__main__':
    main()
