#!/usr/bin/env python3
"""Synchronous data parallel training of train_eager.py's model with PyTorch's DistributedDataParallel over Gloo: the
peer of a job whose islands meet at every step. Start one process a member; prints one JSON line with this member's
tokens/s between two steps.

  train_ddp.py --rank 0 --world 2 --meet 10.0.0.1:7077 --first 2 --last 10 --preset m --threads 1

--off trains without meeting, but begins together. What follows the options here are train_eager.py's.
"""
import timed_loop

args, eager = timed_loop.parse(timed_loop.parser(__doc__, meet='host:port of rank 0'))
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402


def main():
    a = eager.a
    dist.init_process_group('gloo', init_method=f'tcp://{args.meet}', rank=args.rank, world_size=args.world,
                            timeout=timed_loop.LIMIT)
    data, model = eager.make_data(a), eager.LM(a)
    optimizer = timed_loop.adamw(a, model)
    forward = model if args.off else torch.nn.parallel.DistributedDataParallel(model)
    dist.barrier()
    seconds, loss = timed_loop.train(args, a, data, model, forward, optimizer)
    dist.barrier()
    timed_loop.report(args, a, seconds, loss)


if __name__ == '__main__':
    main()
