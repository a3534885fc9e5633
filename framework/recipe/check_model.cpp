#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

namespace outrigger {

void Checker::derive_sizes() {
  derive("model.kv_heads", r_.model.kv_heads, r_.model.heads, "model.heads");
  derive("model.ffn", r_.model.ffn, (r_.model.hidden * 8 / 3 + 31) / 32 * 32, "model.hidden");
}

void Checker::explain_loaded_model() {
  for (const char* key :
       {"model.layers", "model.hidden", "model.heads", "model.kv_heads", "model.ffn", "model.vocab",
        "model.rope_theta", "model.norm_eps", "model.tied", "model.init_std"}) {
    warn_if(is_set(key), {key},
            "has no effect: model.load brings the model's sizes and weights along");
  }
}

void Checker::check_model() {
  const ModelRecipe& m = r_.model;
  refuse_if(
      m.hidden % m.heads != 0, {"model.heads", "model.hidden"},
      fmt::format(
          "model.heads ({}) does not divide model.hidden ({}); make hidden a multiple of heads",
          m.heads, m.hidden));
  refuse_if(m.hidden % m.heads == 0 && m.hidden / m.heads % 2 != 0, {"model.hidden", "model.heads"},
            fmt::format("model.hidden ({}) over model.heads ({}) makes heads of size {}; rotary "
                        "embeddings turn pairs, so it must be even",
                        m.hidden, m.heads, m.hidden / m.heads));
  refuse_if(m.kv_heads > m.heads, {"model.kv_heads", "model.heads"},
            fmt::format("model.kv_heads ({}) is more than model.heads ({}); at most as many",
                        m.kv_heads, m.heads));
  refuse_if(m.kv_heads <= m.heads && m.heads % m.kv_heads != 0, {"model.kv_heads", "model.heads"},
            fmt::format("model.kv_heads ({}) does not divide model.heads ({}); each serves the "
                        "same number of heads",
                        m.kv_heads, m.heads));
  refuse_if((r_.data.format == "text" || !r_.data.corpus.empty()) && m.vocab < 256,
            {"model.vocab", "data.format"},
            fmt::format("model.vocab ({}) is too small for text, which has 256 byte values; make "
                        "it 256 or more",
                        m.vocab));
}

void Checker::check_data() {
  const DataRecipe& d = r_.data;
  refuse_if(d.files.empty() && d.corpus.empty(), {"data.files", "data.corpus"},
            "there is no data to train on; give data.files: [FILE, ...] or data.corpus: kjv");
  refuse_if(!d.files.empty() && !d.corpus.empty(), {"data.files", "data.corpus"},
            "data.files and data.corpus are both given; empty one (data.corpus= or data.files=[] "
            "on the command line)");
  refuse_if(
      !d.corpus.empty() && !may_be_text(), {"data.format", "data.corpus"},
      fmt::format("data.format is {}, but data.corpus is text; leave the format out", d.format));
  for (std::size_t i = 0; i < d.files.size(); ++i) {
    refuse_if(std::find(d.files.begin(), d.files.begin() + i, d.files[i]) != d.files.begin() + i,
              {"data.files"}, fmt::format("names {} twice; keep one", d.files[i]));
  }
  warn_if(d.sharding == "contiguous" && r_.islands.names.size() == 1, {"data.sharding"},
          "has no effect: there is one island, and it sees everything");
}

void Checker::check_evaluation() {
  refuse_if(r_.data.eval_fraction > 0 && r_.train.eval_tokens < r_.train.context,
            {"train.eval_tokens", "train.context"},
            fmt::format("train.eval_tokens ({}) is less than train.context ({}): an evaluation "
                        "reads whole contexts; make it a multiple, or data.eval_fraction 0",
                        r_.train.eval_tokens, r_.train.context));
}

void Checker::check_sample() {
  const SampleRecipe& s = r_.sample;
  refuse_if(s.tokens > 0 && s.prompt.empty(), {"sample.prompt"},
            "is empty; a sample goes on from at least one letter, such as \"The \"");
  refuse_if(r_.model.load.empty() && s.top_k > r_.model.vocab, {"sample.top_k", "model.vocab"},
            fmt::format("sample.top_k ({}) is more than model.vocab ({}); at most as many", s.top_k,
                        r_.model.vocab));
  for (const char* key : {"sample.top_k", "sample.top_p"}) {
    warn_if(s.temperature == 0 && is_set(key), {key},
            "has no effect: at temperature 0 the likeliest token is taken");
  }
  for (const char* key : {"sample.prompt", "sample.tokens"}) {
    warn_if(!may_be_text() && is_set(key), {key},
            "has no effect: only text has a tokenizer, so there is no sample");
  }
}

}  // namespace outrigger
