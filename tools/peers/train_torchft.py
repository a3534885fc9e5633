#!/usr/bin/env python3
"""DiLoCo of torchft over Gloo, one replica group a process, on train_eager.py's model. A torchft_lighthouse listens at
--meet. Prints one JSON line with this member's tokens/s between two steps; --first and --last are multiples of --every.

  train_torchft.py --rank 0 --world 2 --meet 10.0.0.1:7077 --every 50 --first 100 --last 250 --preset m --threads 1

--off trains the same loop without torchft. What follows the options here are train_eager.py's.
"""
import argparse, contextlib, datetime, json, os, pathlib, socket, sys, time

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument('--rank', type=int, required=True)
ap.add_argument('--world', type=int, required=True)
ap.add_argument('--meet', required=True, help='host:port of the lighthouse')
ap.add_argument('--every', type=int, default=50, help='inner steps between two rounds')
ap.add_argument('--first', type=int, required=True, help='steps before the timed ones')
ap.add_argument('--last', type=int, required=True, help='steps in all')
ap.add_argument('--off', action='store_true')
args, rest = ap.parse_known_args()
sys.argv[1:] = rest
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import train_eager as eager  # noqa: E402
import torch  # noqa: E402

LIMIT = datetime.timedelta(minutes=30)  # a round may take minutes, and the defaults are seconds


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
    inner = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.95), weight_decay=a.wd, fused=True)
    manager, meeting = (None, contextlib.nullcontext()) if args.off else diloco(model, inner)
    draw, span = torch.Generator().manual_seed(a.seed + 7 + args.rank), torch.arange(a.ctx)
    with meeting:
        for step in range(1, args.last + 1):
            at = torch.randint(0, len(data) - a.ctx - 1, (a.batch, 1), generator=draw)
            loss = model(data[at + span], data[at + span + 1])
            inner.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip, foreach=True)
            inner.step()
            if step == args.first:
                began = time.perf_counter()
        seconds = time.perf_counter() - began
    if manager and (manager.current_step() != args.last // args.every or manager.num_participants() != args.world):
        sys.exit(f'{manager.current_step()} rounds with {manager.num_participants()} members at the end, '
                 f'not {args.last // args.every} with {args.world}')
    if manager:
        manager.shutdown()
    tokens = a.batch * a.ctx * (args.last - args.first)
    print(json.dumps({'tokens_per_s': tokens / seconds, 'seconds': seconds, 'loss': round(float(loss.detach()), 3),
                      'torch': torch.__version__}), flush=True)


if __name__ == '__main__':
    main()
