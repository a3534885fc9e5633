"""What train_ddp.py and train_torchft.py have in common: train_eager.py's model, trained for some steps of which the
last are timed."""
import argparse, datetime, json, sys, time

LIMIT = datetime.timedelta(minutes=30)  # a meeting may take minutes, and the libraries' defaults are seconds


def parser(description, meet):
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--rank', type=int, required=True)
    ap.add_argument('--world', type=int, required=True)
    ap.add_argument('--meet', required=True, help=meet)
    ap.add_argument('--first', type=int, required=True, help='steps before the timed ones')
    ap.add_argument('--last', type=int, required=True, help='steps in all')
    ap.add_argument('--off', action='store_true')
    return ap


def parse(ap):
    """The options, and train_eager with the rest of them as its own."""
    args, rest = ap.parse_known_args()
    sys.argv[1:] = rest
    import train_eager
    return args, train_eager


def adamw(a, model):
    import torch
    return torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.95), weight_decay=a.wd, fused=True)


def train(args, a, data, model, forward, inner):
    """All steps; the seconds of those after --first, and the last loss."""
    import torch
    draw, span = torch.Generator().manual_seed(a.seed + 7 + args.rank), torch.arange(a.ctx)
    for step in range(1, args.last + 1):
        at = torch.randint(0, len(data) - a.ctx - 1, (a.batch, 1), generator=draw)
        loss = forward(data[at + span], data[at + span + 1])
        inner.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip, foreach=True)
        inner.step()
        if step == args.first:
            began = time.perf_counter()
    return time.perf_counter() - began, float(loss.detach())


def report(args, a, seconds, loss):
    import torch
    tokens = a.batch * a.ctx * (args.last - args.first)
    print(json.dumps({'tokens_per_s': tokens / seconds, 'seconds': seconds, 'loss': round(loss, 3),
                      'torch': torch.__version__}), flush=True)
