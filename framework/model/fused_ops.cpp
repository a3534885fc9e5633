#include <outrigger/framework/model/fused_ops.h>

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <outrigger/framework/model/kernels.h>

namespace outrigger {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kGrain = 1 << 15;  // values a thread takes at least

bool has_kernel(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat;
}

// Calls work(first, last) on ranges of rows, in parallel where there is enough of it.
template <class Work>
void for_rows(std::int64_t rows, std::int64_t width, const Work& work) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, width)),
                   work);
}

struct RmsNorm : Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            double eps) {
    const std::int64_t rows = x.size(0), width = x.size(1);
    at::Tensor y = at::empty_like(x), inverse_rms = at::empty({rows}, x.options());
    const float *in = x.const_data_ptr<float>(), *w = weight.const_data_ptr<float>();
    float *out = y.mutable_data_ptr<float>(), *inverse = inverse_rms.mutable_data_ptr<float>();
    for_rows(rows, width, [=](std::int64_t first, std::int64_t last) {
      kernels::rms_norm(in + first * width, w, static_cast<float>(eps), last - first, width,
                        out + first * width, inverse + first);
    });
    context->save_for_backward({x, weight, inverse_rms});
    return y;
  }

  // The weight's gradient is summed in blocks of fixed size, so that its bits do not depend on the
  // threads.
  static variable_list backward(AutogradContext* context, variable_list grads) {
    constexpr std::int64_t kBlockRows = 256;
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    const std::int64_t rows = saved[0].size(0), width = saved[0].size(1);
    const std::int64_t blocks = (rows + kBlockRows - 1) / kBlockRows;
    at::Tensor dx = at::empty_like(saved[0]), partial = at::zeros({blocks, width}, dx.options());
    const float *g = dy.const_data_ptr<float>(), *x = saved[0].const_data_ptr<float>(),
                *w = saved[1].const_data_ptr<float>(), *inverse = saved[2].const_data_ptr<float>();
    float *out = dx.mutable_data_ptr<float>(), *sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, blocks, 1, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kBlockRows, offset = first * width;
        kernels::rms_norm_backward(g + offset, x + offset, w, inverse + first,
                                   std::min(kBlockRows, rows - first), width, out + offset,
                                   sums + block * width);
      }
    });
    return {dx, partial.sum(0), at::Tensor()};
  }
};

at::Tensor turn(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine,
                float direction) {
  const std::int64_t rows = x.size(0), heads = x.size(1), dim = x.size(2), length = cosine.size(0);
  at::Tensor y = at::empty_like(x);
  const float *in = x.const_data_ptr<float>(), *c = cosine.const_data_ptr<float>(),
              *s = sine.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  for_rows(rows, heads * dim, [=](std::int64_t first, std::int64_t last) {
    kernels::rope(in, c, s, direction, first, last, length, heads, dim, out);
  });
  return y;
}

struct Rope : Function<Rope> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cosine,
                            const at::Tensor& sine) {
    context->save_for_backward({cosine, sine});
    return turn(x, cosine, sine, 1.0F);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    return {turn(grads[0].contiguous(), saved[0], saved[1], -1.0F), at::Tensor(), at::Tensor()};
  }
};

struct Swiglu : Function<Swiglu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate,
                            const at::Tensor& up) {
    at::Tensor y = at::empty_like(gate);
    const float *g = gate.const_data_ptr<float>(), *u = up.const_data_ptr<float>();
    float* out = y.mutable_data_ptr<float>();
    at::parallel_for(0, gate.numel(), kGrain, [=](std::int64_t first, std::int64_t last) {
      kernels::swiglu(g + first, u + first, last - first, out + first);
    });
    context->save_for_backward({gate, up});
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    at::Tensor dgate = at::empty_like(dy), dup = at::empty_like(dy);
    const float *d = dy.const_data_ptr<float>(), *g = saved[0].const_data_ptr<float>(),
                *u = saved[1].const_data_ptr<float>();
    float *out_gate = dgate.mutable_data_ptr<float>(), *out_up = dup.mutable_data_ptr<float>();
    at::parallel_for(0, dy.numel(), kGrain, [=](std::int64_t first, std::int64_t last) {
      kernels::swiglu_backward(d + first, g + first, u + first, last - first, out_gate + first,
                               out_up + first);
    });
    return {dgate, dup};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (has_kernel(x)) return RmsNorm::apply(x, weight, eps);
  return at::rms_norm(x, weight.sizes(), weight, eps);
}

at::Tensor rope(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
  if (has_kernel(x)) return Rope::apply(x, cosine, sine);
  const std::int64_t length = cosine.size(0), half = cosine.size(1);
  const at::Tensor grid = x.view({-1, length, x.size(1), 2 * half});
  const at::Tensor c = cosine.view({length, 1, half}), s = sine.view({length, 1, half});
  const at::Tensor low = grid.narrow(-1, 0, half), high = grid.narrow(-1, half, half);
  const at::Tensor turned = at::cat({low.mul(c).sub(high.mul(s)), high.mul(c).add(low.mul(s))}, -1);
  return turned.view(x.sizes()).to(x.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  if (has_kernel(gate) && has_kernel(up)) return Swiglu::apply(gate, up);
  return at::silu(gate).mul(up);
}

}  // namespace outrigger
