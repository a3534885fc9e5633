#!/usr/bin/env python3
"""The work of `outrigger bench codec` done with eager PyTorch operators, torchao and bitsandbytes.

Run by `outrigger bench codec --peers PYTHON`; alone: codec.py --elements 25000000 --repeats 3 --threads 1
Prints one JSON object: the libraries' versions and a record a peer. Rates are bytes of fp32 a second,
4 an element, as in the bench. Passes:
  encode        difference, decayed residual, quantising, new residual
  encode_alone  quantising
  decode        dequantising, outer Nesterov step, merge with alpha 0.5
A library that is not installed is reported as such, one that fails with what it said.
"""
import argparse
import importlib
import json
import statistics
import sys
import time
import warnings

import torch

CHUNK = 4096  # elements are cut down to a multiple of it
KEPT = 64  # of a chunk, for top-k
DECAY, LR, MOMENTUM, ALPHA = 0.9, 0.7, 0.9, 0.5


def absmax_scale(blocks, levels):
    return blocks.abs().amax(1, keepdim=True).div_(levels).clamp_(min=1e-30)


def pack_nibbles(codes):
    return codes[:, 0::2] | (codes[:, 1::2] << 4)


def unpack_nibbles(packed):
    return torch.stack((packed & 15, packed >> 4), dim=2).flatten(1)


class Bf16:
    codec, name = 'bf16', 'to bfloat16'

    def encode(self, x):
        return x.to(torch.bfloat16)

    def decode(self, code):
        return code.float()


class Int8:
    codec, name = 'int8', 'absmax of 256'

    def encode(self, x):
        blocks = x.view(-1, 256)
        scale = absmax_scale(blocks, 127)
        return (blocks / scale).round_().to(torch.int8), scale

    def decode(self, code):
        return code[0].float().mul_(code[1]).view(-1)


class Int4:
    codec, name = 'int4', 'absmax of 256, packed'

    def encode(self, x):
        blocks = x.view(-1, 256)
        scale = absmax_scale(blocks, 7)
        return pack_nibbles((blocks / scale).round_().add_(8).to(torch.uint8)), scale

    def decode(self, code):
        return unpack_nibbles(code[0]).float().sub_(8).mul_(code[1]).view(-1)


class E3M0:
    codec, name = 'fp4-e3m0', 'powers of 2 of 256, packed'

    def encode(self, x):
        blocks = x.view(-1, 256)
        scale = absmax_scale(blocks, 1)
        codes = (blocks.abs() / scale).mul_(4 / 3).log2_().floor_().add_(7).clamp_(0, 7).to(torch.uint8)
        return pack_nibbles(codes.bitwise_or_((blocks < 0).to(torch.uint8) << 3)), scale

    def decode(self, code):
        codes = unpack_nibbles(code[0])
        exponent = (codes & 7).float()
        magnitude = torch.exp2(exponent - 7).mul_(exponent > 0)
        return magnitude.mul_(1 - 2 * (codes >> 3).float()).mul_(code[1]).view(-1)


class TwoBit:
    codec, name = '2-bit', 'means of 4 bins of 1024, packed'

    def encode(self, x):
        blocks = x.view(-1, 1024)
        deviation, mean = torch.std_mean(blocks, 1, keepdim=True)
        scale = (deviation * 1.5).clamp_(min=1e-30)
        codes = ((blocks - mean) / scale).add_(2).round_().clamp_(0, 3).to(torch.uint8)
        levels = []
        for code in range(4):
            mask = codes == code
            levels.append((blocks * mask).sum(1) / mask.sum(1).clamp_(min=1))
        packed = codes[:, 0::4] | codes[:, 1::4] << 2 | codes[:, 2::4] << 4 | codes[:, 3::4] << 6
        return packed, torch.stack(levels, dim=1).to(torch.bfloat16)

    def decode(self, code):
        packed, levels = code
        codes = torch.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], dim=2).flatten(1)
        return levels.float().gather(1, codes.long()).view(-1)


class TopK:
    codec, name = f'top-k-{KEPT}', f'topk of {CHUNK}'

    def encode(self, x):
        chunks = x.view(-1, CHUNK)
        index = chunks.abs().topk(KEPT, 1, sorted=False).indices
        return chunks.gather(1, index), index.to(torch.int16), x.numel()

    def decode(self, code):
        values, index, elements = code
        return torch.zeros(elements).view(-1, CHUNK).scatter_(1, index.long(), values).view(-1)


class Bench:
    """A fragment's tensors and the passes over it."""

    def __init__(self, elements, repeats):
        self.elements, self.repeats = elements, repeats
        self.records = []
        self.start()

    def start(self):
        """A round's start: decode() overwrites what it works on."""
        generator = torch.Generator().manual_seed(17)
        self.global_ = torch.randn(self.elements, generator=generator).mul_(0.02)
        self.delta = torch.randn(self.elements, generator=generator).mul_(1e-3)
        self.local = self.global_ - self.delta
        self.residual = self.delta * 0.1
        self.next = torch.zeros(self.elements)
        self.momentum = torch.zeros(self.elements)

    def rates(self, run):
        run()  # a warm-up
        rates = []
        for _ in range(self.repeats):
            begin = time.perf_counter()
            run()
            rates.append(4 * self.elements / (time.perf_counter() - begin))
        return {'median': statistics.median(rates), 'min': min(rates), 'max': max(rates)}

    def measure(self, peer, codec, pass_, run):
        self.records.append({'peer': peer, 'codec': codec, 'pass': pass_, 'fp32_bytes_per_s': self.rates(run)})

    def encode(self, quantiser):
        delta = torch.sub(self.global_, self.local).add_(self.residual, alpha=DECAY)
        code = quantiser.encode(delta)
        torch.sub(delta, quantiser.decode(code), out=self.next)
        return code

    def decode(self, quantiser, code):
        g = quantiser.decode(code)
        self.momentum.mul_(MOMENTUM).add_(g)
        self.global_.add_(g.add_(self.momentum, alpha=MOMENTUM), alpha=-LR)
        self.local.lerp_(self.global_, 1 - ALPHA)


def measure_eager(bench):
    for quantiser in (Bf16(), Int8(), Int4(), E3M0(), TwoBit(), TopK()):
        peer = f'eager PyTorch, {quantiser.name}'
        bench.start()
        bench.measure(peer, quantiser.codec, 'encode', lambda: bench.encode(quantiser))
        bench.measure(peer, quantiser.codec, 'encode_alone', lambda: quantiser.encode(bench.delta))
        code = quantiser.encode(bench.delta)
        bench.measure(peer, quantiser.codec, 'decode', lambda: bench.decode(quantiser, code))


def measure_torchao(bench):
    primitives = importlib.import_module('torchao.quantization.quant_primitives')
    blocks, size = bench.delta.view(-1, 256), (1, 256)

    def int8():
        scale, zero = primitives.choose_qparams_affine(
            blocks, primitives.MappingType.SYMMETRIC, size, torch.int8, scale_dtype=torch.float32)
        return primitives.quantize_affine(blocks, size, scale, zero, torch.int8)

    bench.measure('torchao quantize_affine, int8, blocks of 256', 'int8', 'encode_alone', int8)


def measure_bitsandbytes(bench):
    functional = importlib.import_module('bitsandbytes.functional')
    bench.measure('bitsandbytes quantize_blockwise, blocks of 256', 'int8', 'encode_alone',
                  lambda: functional.quantize_blockwise(bench.delta, blocksize=256))
    bench.measure('bitsandbytes quantize_4bit, nf4, blocks of 64', 'int4', 'encode_alone',
                  lambda: functional.quantize_4bit(bench.delta, blocksize=64, quant_type='nf4'))


def try_library(name, measure, bench):
    """Measures with a library that may be missing; returns its version or what went wrong."""
    try:
        version = importlib.import_module(name).__version__
    except ImportError:
        return 'not installed'
    try:
        measure(bench)
    except Exception as error:  # whatever a foreign library raises must not lose the other figures
        return f'{version} failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ""}'
    return version


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--elements', type=int, default=100_000_000)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    elements = args.elements - args.elements % CHUNK
    if elements < 1 or args.repeats < 1 or args.threads < 1:
        sys.exit(f'codec.py: --elements must be at least {CHUNK}, --repeats and --threads at least 1')
    warnings.filterwarnings('ignore')
    torch.set_num_threads(args.threads)
    bench = Bench(elements, args.repeats)
    libraries = {'torch': torch.__version__}
    with torch.no_grad():
        memcpy = bench.rates(lambda: bench.next.copy_(bench.delta))
        measure_eager(bench)
        bench.start()
        libraries['torchao'] = try_library('torchao', measure_torchao, bench)
        libraries['bitsandbytes'] = try_library('bitsandbytes', measure_bitsandbytes, bench)
    print(json.dumps({'elements': elements, 'threads': args.threads, 'libraries': libraries,
                      'copy_fp32_bytes_per_s': memcpy, 'records': bench.records}))


if __name__ == '__main__':
    main()
