#!/usr/bin/env python3
"""DiLoCo of torchft over Gloo, one replica group a process, on train_eager.py's model. A torchft_lighthouse listens at
--meet. Prints one JSON line with this member's tokens/s between two steps; --first and --last are multiples of --every.

  train_torchft.py --rank 0 --world 2 --meet 10.0.0.1:7077 --every 50 --first 100 --last 250 --preset m --threads 1

--off trains the same loop without torchft. What follows the options here are train_eager.py's.
"""
import contextlib, os, socket, sys

import timed_loop
from timed_loop import LIMIT

ap = timed_loop.parser(__doc__, meet='host:port of the lighthouse')
ap.add_argument('--every', type=int, default=50, help='inner steps between two rounds')
args, eager = timed_loop.parse(ap)
import torch  # noqa: E402


def own_address():
    """The one that the lighthouse is reached from."""
    host, port = args.meet.rsplit(':', 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port)))
        return probe.getsockname()[0]


def diloco(model, inner):
    """torchft's manager, and the context in which inner.step() also synchronises."""
    from torchft import Manager, ProcessGroupGloo
    from torchft.local_sgd import DiLoCo
    address = own_address()
    os.environ['TORCHFT_LIGHTHOUSE'] = f'http://{args.meet}'
    store = torch.distributed.TCPStore(address, 0, 1, True, wait_for_workers=False)
    outer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.9, nesterov=True)
    manager = Manager(pg=ProcessGroupGloo(timeout=LIMIT), min_replica_size=args.world, use_async_quorum=False,
                      load_state_dict=model.load_state_dict, state_dict=model.state_dict, rank=0, world_size=1,
                      store_addr=address, store_port=store.port, replica_id=f'member{args.rank}', hostname=address,
                      timeout=LIMIT, quorum_timeout=LIMIT, connect_timeout=LIMIT,
                      init_sync=False)  # all begin with the same weights
    manager.store = store  # it lives as long as the manager
    return manager, DiLoCo(manager, [model], inner, outer, sync_every=args.every, pin_memory=False)


def main():
    a = eager.a
    data, model = eager.make_data(a), eager.LM(a)
    inner = timed_loop.adamw(a, model)
    manager, meeting = (None, contextlib.nullcontext()) if args.off else diloco(model, inner)
    with meeting:
        seconds, loss = timed_loop.train(args, a, data, model, model, inner)
    if manager and (manager.current_step() != args.last // args.every or manager.num_participants() != args.world):
        sys.exit(f'{manager.current_step()} rounds with {manager.num_participants()} members at the end, '
                 f'not {args.last // args.every} with {args.world}')
    if manager:
        manager.shutdown()
    timed_loop.report(args, a, seconds, loss)


if __name__ == '__main__':
    main()
