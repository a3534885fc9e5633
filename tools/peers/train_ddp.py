#!/usr/bin/env python3
"""Synchronous data parallel training of train_eager.py's model with PyTorch's DistributedDataParallel over Gloo: the
peer of a job whose islands meet at every step. Start one process a member; prints one JSON line with this member's
tokens/s between two steps.

  train_ddp.py --rank 0 --world 2 --meet 10.0.0.1:7077 --first 2 --last 10 --preset m --threads 1

--off trains without meeting, but begins together. What follows the options here are train_eager.py's.
"""
import argparse, datetime, json, pathlib, sys, time

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument('--rank', type=int, required=True)
ap.add_argument('--world', type=int, required=True)
ap.add_argument('--meet', required=True, help='host:port of rank 0')
ap.add_argument('--first', type=int, required=True, help='steps before the timed ones')
ap.add_argument('--last', type=int, required=True, help='steps in all')
ap.add_argument('--off', action='store_true')
args, rest = ap.parse_known_args()
sys.argv[1:] = rest
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import train_eager as eager  # noqa: E402
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402

LIMIT = datetime.timedelta(minutes=30)  # a step's gradients may take a minute


def main():
    a = eager.a
    dist.init_process_group('gloo', init_method=f'tcp://{args.meet}', rank=args.rank, world_size=args.world,
                            timeout=LIMIT)
    data, model = eager.make_data(a), eager.LM(a)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.95), weight_decay=a.wd, fused=True)
    forward = model if args.off else torch.nn.parallel.DistributedDataParallel(model)
    draw, span = torch.Generator().manual_seed(a.seed + 7 + args.rank), torch.arange(a.ctx)
    dist.barrier()
    for step in range(1, args.last + 1):
        at = torch.randint(0, len(data) - a.ctx - 1, (a.batch, 1), generator=draw)
        loss = forward(data[at + span], data[at + span + 1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip, foreach=True)
        optimizer.step()
        if step == args.first:
            began = time.perf_counter()
    seconds = time.perf_counter() - began
    dist.barrier()
    tokens = a.batch * a.ctx * (args.last - args.first)
    print(json.dumps({'tokens_per_s': tokens / seconds, 'seconds': seconds, 'loss': round(float(loss.detach()), 3),
                      'torch': torch.__version__}), flush=True)


if __name__ == '__main__':
    main()
