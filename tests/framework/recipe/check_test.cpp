#include <outrigger/framework/recipe/show.h>

#include "framework/recipe/texts.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

bool refused(const std::vector<std::string>& overrides, const std::string& because) {
  const std::string errors = errors_with(overrides);
  INFO(errors);
  CHECK(errors.find(because) != std::string::npos);
  return errors.find('\n') == std::string::npos;  // one cause, one line
}

std::string warned(const std::vector<std::string>& overrides) {
  const auto warnings = warnings_with(overrides);
  if (warnings.empty()) return "";
  CHECK(warnings.size() == 1);
  return warnings[0];
}

// Mutation: leave the refusal of the name out of check_train.
TEST_CASE("an island cannot take the coordinator's name") {
  CHECK(refused({"islands=[{name: paris}, {name: coordinator}]"}, "cannot be called coordinator"));
}

}  // namespace

// Mutation (each): turn the check's condition into false.
TEST_CASE("recipe models that cannot be are refused with the reason") {
  CHECK(refused({"model.heads=3"},
                "command line: model.heads: model.heads (3) does not divide model.hidden (128)"));
  CHECK(refused({"model.hidden=132", "model.heads=12"},
                "makes heads of size 11; rotary embeddings turn pairs"));
  CHECK(refused({"model.kv_heads=8"},
                "model.kv_heads: model.kv_heads (8) is more than model.heads (4)"));
  CHECK(refused({"model.kv_heads=3"}, "model.kv_heads (3) does not divide model.heads (4)"));
  CHECK(refused({"model.vocab=255"}, "model.vocab (255) is too small for text"));
  CHECK(refused({"sample.top_k=257"}, "sample.top_k (257) is more than model.vocab (256)"));
}

// Mutation (each): turn the check's condition into false.
TEST_CASE("recipe data that cannot be is refused with the reason") {
  CHECK(errors_of("name: x").starts_with("r.yaml: data.files: there is no data to train on"));
  CHECK(refused({"data.files=[a.txt]"}, "data.files and data.corpus are both given"));
  CHECK(refused({"data.format=llmc"}, "data.format: data.format is llmc, but data.corpus is text"));
  CHECK(refused({"data.corpus=", "data.files=[~/a.txt]"}, "~/a.txt, but ~ is the shell's"));
  CHECK(refused({"data.corpus=", "data.files=[a.txt, ./a.txt]"}, "names /jobs/a.txt twice"));
  CHECK(refused({"data.corpus=", "data.files=['']"}, "holds an empty entry"));
  CHECK(refused({"train.eval_tokens=127"}, "train.eval_tokens (127) is less than train.context"));
  CHECK(refused({"data.eval_fraction=0"}, "nothing is held out to evaluate on"));
  CHECK(errors_with({"data.eval_fraction=0", "train.eval_every=0"}) == "");
}

// Mutation (each): turn the check's condition into false.
TEST_CASE("recipe training that cannot be is refused with the reason") {
  CHECK(refused({"train.batch=3", "islands.count=4"},
                "train.batch: a batch of 3 sequences does not go round 4 islands"));
  CHECK(refused({"inner.schedule.warmup=50", "train.steps=49"},
                "warm-up of 50 steps is longer than the training, train.steps = 49"));
  CHECK(refused({"membership.timeout={min: 2min, max: 1min}"},
                "is longer than membership.timeout.max"));
  CHECK(refused({"sample.prompt="}, "sample.prompt: is empty"));
  CHECK(errors_with({"sample.prompt=", "sample.tokens=0"}) == "");
}

// Mutation: leave derive_warmup out.
TEST_CASE("recipe whose warm-up nobody set shortens it with the training") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}}, {"train.steps=40"});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.inner.schedule.warmup == 4);
  CHECK(to_string(loaded->sources.at("inner.schedule.warmup")) == "from train.steps");
}

// Mutation: report at the first key named by the check whether it was set or not.
TEST_CASE("recipe combinations are reported where the user set one of their keys") {
  CHECK(errors_of("data: {corpus: kjv}\nislands: {count: 64}\n")
            .starts_with("r.yaml:2: islands: a batch of 32 sequences does not go round 64"));
}

// Mutation: look at the files before the command line in place().
TEST_CASE("recipe combinations are reported at the command line's key before a file's") {
  CHECK(errors_of("data: {corpus: kjv}\ntrain: {batch: 2}\n", {"islands.count=3"})
            .starts_with("command line: islands: a batch of 2"));
}

// Mutation: run the checks whether their keys are good or not.
TEST_CASE("recipe checks keep quiet about keys that are wrong by themselves") {
  const std::string errors = errors_of("data: {corpus: kvj}\nmodel: {heads: 3, hidden: wide}\n");
  CHECK(errors ==
        "r.yaml:1: data.corpus: is kvj, but must be \"\" or kjv\nr.yaml:2: model.hidden: is wide, "
        "but must be an integer from 1 to 131072");
}

// Mutation (each): turn the refusal's condition into false.
TEST_CASE("recipe schedules that cannot be are refused with the reason") {
  CHECK(
      refused({"sync.every=4", "sync.fragments=5"}, "5 fragments do not fit into sync.every (4)"));
  CHECK(refused({"sync.every=1", "sync.fragment_names=[a, b]"}, "2 fragments do not fit"));
  CHECK(refused({"sync.every=4", "sync.delay=5"}, "sync.delay (5) is more than sync.every (4)"));
  CHECK(
      refused({"sync.every=4", "sync.eager=true"}, "make sync.delay (0) equal to sync.every (4)"));
  CHECK(refused({"sync.every=4", "sync.delay=4", "sync.eager=true", "sync.merge=carry"},
                "leave merge at mix"));
  const std::string gossip = "outer.momentum=0.5";
  CHECK(refused({"outer.optimizer=noloco", "sync.delay=1", gossip}, "make sync.delay 0"));
  CHECK(refused({"outer.optimizer=noloco", "sync.aggregate=median", "islands.count=4", gossip},
                "median is for all together"));
  CHECK(refused({"sync.delay=50", "sync.eager=true", "sync.aggregate=median", "islands.count=4"},
                "take mean or uniform, not median"));
  CHECK(refused({"outer.optimizer=adam", "outer.lr=0.1", "sync.eager=true", "sync.delay=50"},
                "eager needs an outer rule that is linear"));
  CHECK(refused({"outer.schedule.kind=cosine", "sync.eager=true", "sync.delay=50"},
                "eager needs a constant outer learning rate"));
  const std::string asynchronous = "outer.optimizer=delayed_nesterov";
  CHECK(refused({asynchronous, "sync.fragments=2"}, "make sync.fragments 1"));
  CHECK(refused({asynchronous, "sync.delay=2"}, "make sync.delay 0"));
  CHECK(refused({asynchronous, "outer.early_momentum=0.6"}, "with 2 islands it is at most 1/2"));
  CHECK(refused({asynchronous, "sync.aggregate=uniform"}, "leave it at mean"));
  CHECK(refused({asynchronous, "sync.control_variates=true"}, "no common round"));
  CHECK(refused({asynchronous, "sync.proximal=1"}, "no FedProx term"));
  CHECK(refused({"outer.optimizer=noloco", "sync.control_variates=true"}, "leave one of the two"));
  CHECK(refused({"outer.optimizer=noloco", "sync.codec=int8"}, "int8 is too coarse"));
  CHECK(refused({"experiment.liar=paris"}, "there is no island 'paris'"));
}

// Mutation (each): turn the check's condition into false.
TEST_CASE("recipe codecs and feedback that cannot be are refused with the reason") {
  CHECK(refused({"sync.codec=int9"}, "command line: sync.codec: there is no codec 'int9'"));
  CHECK(refused({"sync.result_codec=int9"}, "sync.result_codec: there is no codec 'int9'"));
  CHECK(refused({"sync.result_codec=top-k-64"}, "leaves most of the mean out"));
  CHECK(refused({"sync.codec=fp32", "sync.rounding=stochastic"}, "fp32 cannot round"));
  const auto with = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"sync.codec=int8", "sync.error_feedback=0.5"});
    return more;
  };
  CHECK(refused(with({"outer.optimizer=noloco", "sync.codec=bf16", "outer.momentum=0.5"}),
                "of which nothing may be fed back"));
  CHECK(refused(with({"sync.feedback=econtrol"}), "make sync.aggregate uniform, not mean"));
  const auto econtrol = [&with](std::vector<std::string> more) {
    more.insert(more.begin(), {"sync.feedback=econtrol", "sync.aggregate=uniform"});
    return with(std::move(more));
  };
  CHECK(errors_with(econtrol({})) == "");
  CHECK(refused(econtrol({"sync.result_codec=bf16"}), "sync.result_codec fp32 or auto, not bf16"));
  CHECK(refused(econtrol({"sync.eager=true", "sync.delay=50"}), "econtrol does not go together"));
  CHECK(refused(with({"sync.low_rank.rank=4", "sync.aggregate=median"}),
                "needs sync.aggregate mean or uniform"));
  CHECK(refused(
      with({"sync.low_rank.rank=4", "sync.low_rank.least=5", "sync.low_rank.adaptive=true"}),
      "sync.low_rank.least (5) is more than sync.low_rank.rank (4)"));
}

// Mutation (each): turn the check's condition into false.
TEST_CASE("recipe codec settings without effect or sense are warnings that say why") {
  const auto says = [](const std::vector<std::string>& overrides, const std::string& what) {
    const std::string warning = warned(overrides);
    INFO(warning);
    return warning.find(what) != std::string::npos;
  };
  CHECK(says({"sync.error_feedback=0.5"}, "fp32 loses nothing"));
  CHECK(says({"sync.codec=int8", "sync.feedback=econtrol"}, "error_feedback is 0"));
  for (const char* codec : {"sync.codec=2-bit", "sync.codec=2-bit-linear", "sync.codec=top-k-512"})
    CHECK(says({codec}, "loses most of every change"));
  CHECK(warned({"sync.codec=2-bit-linear", "sync.rounding=stochastic"}) == "");
  CHECK(warned({"sync.codec=2-bit", "sync.error_feedback=0.9"}) == "");
  CHECK(says({"sync.codec=int4", "sync.result_codec=bf16", "islands.count=4"},
             "topology gather, which auto takes"));
  CHECK(says({"sync.low_rank.least=2"}, "low_rank.rank is 0"));
  CHECK(says({"sync.low_rank.rank=4"}, "lost for good"));
}

// Mutation (each): turn the warning's condition into false.
TEST_CASE("recipe schedule settings without effect are warnings that say why") {
  CHECK(warned({"sync.fragments=2", "sync.pattern=balanced"}) == "");
  CHECK(warned({"sync.pattern=balanced"}).find("there is one fragment") != std::string::npos);
  CHECK(warned({"sync.fragment_names=[a, b]", "sync.pattern=balanced"})
            .find("sync.fragment_names says how to cut") != std::string::npos);
  CHECK(warned({"sync.fragment_names=[a, b]", "sync.fragments=2"})
            .find("sync.fragments: has no effect") != std::string::npos);
  CHECK(warned({"sync.merge=carry", "sync.alpha=0.5"}).find("it is mix's") != std::string::npos);
  CHECK(warned({"sync.delay=50", "sync.eager=true", "sync.alpha=0.5"})
            .find("sync.alpha: has no effect: eager") != std::string::npos);
  CHECK(
      warned({"outer.optimizer=noloco"}).find("noloco's pairs drift apart unless outer.lr (0.7)") !=
      std::string::npos);
  CHECK(warned({"outer.early_momentum=0.1"}).find("it is delayed_nesterov's") != std::string::npos);
  CHECK(warned({"outer.optimizer=noloco", "outer.momentum=0.5", "comm.topology=direct"})
            .find("comm.topology: has no effect: noloco's islands gossip") != std::string::npos);
  CHECK(warned({"experiment.lie=scale"}).find("experiment.liar names no island") !=
        std::string::npos);
}

// Mutation (each): turn the condition into false.
TEST_CASE("recipe topologies that average in parts take rules that may be, and sites") {
  const std::string sited = "islands=[{name: a, site: x}, {name: b, site: y}, {name: c, site: x}]";
  CHECK(warned({"comm.topology=star"}) == "");
  CHECK(warned({"comm.topology=ring"}) == "");
  CHECK(warned({"comm.topology=ring", "comm.ring_order=measured"}) == "");
  CHECK(warned({"comm.topology=hierarchical", sited}) == "");
  CHECK(warned({"comm.topology=star", "islands.count=3", "sync.aggregate=median"}) == "");
  for (const char* topology : {"ring", "hierarchical"}) {
    const std::string wanted = std::string("comm.topology=") + topology;
    for (const char* rule :
         {"uniform", "norm_clip", "edit", "rda", "median", "trimmed_mean", "sign_vote"}) {
      const std::string error = errors_with({wanted, sited, std::string("sync.aggregate=") + rule});
      CHECK(error.find(topology) != std::string::npos);
      CHECK(error.find(std::string("sync.aggregate ") + rule + " needs every island's change") !=
            std::string::npos);
    }
    CHECK(errors_with({wanted, sited, "sync.control_variates=true"})
              .find("counts each island once") != std::string::npos);
  }
  CHECK(errors_with({"comm.topology=hierarchical"}).find("{name: paris, site: europe}") !=
        std::string::npos);
  CHECK(warned({sited}).find("the sites have no effect") != std::string::npos);
}

// Mutation (each): turn need()'s condition into true. The last: in need(), look at no bad keys.
TEST_CASE(
    "recipe topology all_reduce takes NCCL, plain fp32 and a mean, and says so in one error") {
  const std::string wanted = "comm.topology=all_reduce", nccl = "comm.transport=nccl";
  CHECK(warned({wanted, nccl}) == "");
  CHECK(warned({wanted, nccl, "sync.result_codec=fp32", "sync.aggregate=uniform"}) == "");
  CHECK(
      errors_with({wanted, "sync.codec=int8", "sync.aggregate=median"}) ==
      "command line: comm.topology: all_reduce has NCCL add up plain fp32 and needs comm.transport "
      "nccl (here grpc), sync.codec fp32 (here int8), sync.aggregate mean or uniform (here "
      "median); or take auto");
  CHECK(errors_with({wanted, nccl, "sync.result_codec=bf16"})
            .find("needs sync.result_codec auto or fp32 (here bf16); ") != std::string::npos);
  CHECK(errors_with({wanted, nccl, "sync.control_variates=true"})
            .find("needs sync.control_variates false (here true); ") != std::string::npos);
  CHECK(errors_with({wanted, "comm.transport=ncll"}).find("all_reduce") == std::string::npos);
}

// Mutation (each): turn the warning's condition into false.
TEST_CASE("recipe settings without effect are warnings that say why") {
  CHECK(warned({}) == "");
  CHECK(warned({"outer.optimizer=sgd"}) == "");
  CHECK(warned({"outer.optimizer=sgd", "outer.momentum=0.8"}) ==
        "command line: outer.momentum: has no effect: outer sgd has no momentum; nesterov has");
  CHECK(warned({"comm.topology=gather"}) == "");
  CHECK(warned({"comm.topology=gather", "sync.result_codec=bf16"})
            .find("sync.result_codec: has no effect: with topology gather") != std::string::npos);
  CHECK(warned({"sync.enabled=false"}).find("the islands train alone") != std::string::npos);
  CHECK(warned({"sync.every=501"}).find("the islands meet once, at the end") != std::string::npos);
  CHECK(warned({"islands.count=1", "data.sharding=contiguous"})
            .find("data.sharding: has no effect: there is one island") != std::string::npos);
  CHECK(warned({"islands.count=1", "comm.topology=direct"})
            .find("comm.topology: has no effect: there is one island") != std::string::npos);
  CHECK(warned({"comm.topology=star", "comm.ring_order=measured"})
            .find("comm.ring_order: has no effect: it is for comm.topology ring") !=
        std::string::npos);
  CHECK(warned({"islands.count=1", "comm.channels=2"})
            .find("comm.channels: has no effect: there is one island") != std::string::npos);
  CHECK(warned({"islands.count=1", "comm.transport=nccl"})
            .find("comm.transport: has no effect: there is one island") != std::string::npos);
  CHECK(warned({"comm.transport=nccl"}) == "");
  CHECK(warned({"comm.transport=nccl", "comm.channels=2"})
            .find("comm.channels: has little effect: nccl makes connections of its own") !=
        std::string::npos);
  CHECK(warned({"inner.schedule={kind: constant, final: 0.5}"})
            .find("inner.schedule.final: has no effect") != std::string::npos);
  CHECK(warned({"inner.optimizer=sgd", "inner.eps=1e-6"})
            .find("inner.eps: has no effect: it is AdamW's") != std::string::npos);
  CHECK(warned({"inner.weight_decay=0", "inner.decay=matrices"})
            .find("inner.decay: has no effect: inner.weight_decay is 0") != std::string::npos);
  CHECK(warned({"train.micro_batch=16"}) == "");
  CHECK(warned({"train.micro_batch=17"})
            .find("train.micro_batch: has no effect: an island's share of the batch is 16") !=
        std::string::npos);
  CHECK(warned({"sample.temperature=0", "sample.top_k=5"}).find("sample.top_k: has no effect") !=
        std::string::npos);
  CHECK(warned({"model.load=pretrained", "model.layers=5"})
            .find("model.layers: has no effect: model.load brings") != std::string::npos);
  CHECK(warned({"data.corpus=", "data.files=[a.bin]", "data.format=llmc", "sample.tokens=5"})
            .find("sample.tokens: has no effect") != std::string::npos);
}

// Mutation: in keys_of_inner_optimizers give eps to lion, or leave a row out.
TEST_CASE("recipe keys of another inner optimizer are warnings, those of the chosen one are not") {
  const std::map<std::string, std::string> owners = {
      {"inner.betas=[0.8, 0.9]", "adamw lion muon"},
      {"inner.eps=1e-6", "adamw muon"},
      {"inner.momentum=0.5", "sgd muon"},
      {"inner.newton_schulz=keller", "muon"},
      {"inner.scale=rms_norm", "muon"},
      {"inner.nesterov=true", "muon"},
      {"inner.adamw_lr=0.5", "muon"},
      {"inner.decay=matrices", "adamw sgd lion muon"}};
  for (const std::string optimizer : {"adamw", "sgd", "lion", "muon"}) {
    for (const auto& [setting, users] : owners) {
      INFO(optimizer << " " << setting);
      const std::string warning = warned({"inner.optimizer=" + optimizer, setting});
      const bool used = users.find(optimizer) != std::string::npos;
      CHECK(warning.empty() == used);
      if (!used) CHECK(warning.ends_with("and the inner optimizer is " + optimizer));
    }
  }
}

// Mutation: in check_inner ask is_set instead of is_changed.
TEST_CASE("resolved recipe of each inner optimizer loads back without a warning") {
  for (const std::string optimizer : {"adamw", "sgd", "lion", "muon"}) {
    INFO(optimizer);
    auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}}, {"inner.optimizer=" + optimizer});
    REQUIRE(loaded.ok());
    auto again = load_texts({{"r.yaml", resolved_yaml(loaded->recipe)}});
    REQUIRE(again.ok());
    CHECK(again->warnings.empty());
    CHECK(again->recipe == loaded->recipe);
  }
}

// Mutation (each): turn the warning's condition into false.
TEST_CASE("recipe settings of another outer optimizer or schedule are warnings") {
  const auto tells = [](const std::vector<std::string>& overrides, const std::string& what) {
    return warned(overrides).find(what) != std::string::npos;
  };
  CHECK(warned({"outer.optimizer=heavy_ball", "outer.momentum=0.5"}) == "");
  CHECK(warned({"outer.optimizer=adam", "outer.lr=1e-3", "outer.betas=[0.9, 0.9]",
                "outer.eps=1e-4"}) == "");
  CHECK(tells({"outer.optimizer=adam", "outer.lr=1e-3", "outer.momentum=0.5"},
              "outer.momentum: has no effect: outer adam has no momentum"));
  CHECK(tells({"outer.optimizer=adagrad", "outer.lr=1e-3", "outer.betas=[0.9, 0.9]"},
              "outer.betas: has no effect: outer adagrad has none"));
  CHECK(tells({"outer.eps=1e-4"}, "outer.eps: has no effect: outer nesterov has none"));
  CHECK(tells({"outer.optimizer=yogi"}, "outer.lr is 0.7, which suits nesterov: yogi moves"));
  CHECK(tells({"outer.schedule.final=0.5"}, "the outer schedule is constant"));
  CHECK(warned({"outer.schedule={kind: linear, final: 0.5, warmup: 10}"}) == "");
}

// Mutation: in check_outer, compare the outer warm-up with train.steps.
TEST_CASE("recipe whose outer warm-up is longer than the training's rounds is refused") {
  CHECK(refused({"outer.schedule.warmup=11"},
                "a warm-up of 11 rounds is longer than the training, which has 10"));
  CHECK(errors_with({"outer.schedule.warmup=10"}) == "");
}

// Mutation (each): turn the warning's condition into false.
TEST_CASE("recipe settings of another aggregation rule are warnings") {
  const auto tells = [](const std::vector<std::string>& overrides, const std::string& what) {
    return warned(overrides).find(what) != std::string::npos;
  };
  CHECK(warned({"sync.aggregate=norm_clip", "sync.clip=3"}) == "");
  CHECK(warned({"sync.aggregate=edit", "sync.edit={history: 5, clip: 1}"}) == "");
  CHECK(warned({"sync.aggregate=trimmed_mean", "sync.trim=0.3", "islands.count=3"}) == "");
  CHECK(tells({"sync.clip=3"},
              "sync.clip: has no effect: it is norm_clip's, and sync.aggregate is mean"));
  CHECK(tells({"sync.trim=0.3"}, "sync.trim: has no effect: it is trimmed_mean's"));
  CHECK(tells({"sync.edit.history=3"}, "sync.edit.history: has no effect: it is edit's"));
  CHECK(tells({"sync.edit.clip=3"}, "sync.edit.clip: has no effect: it is edit's"));
  CHECK(tells({"sync.aggregate=edit", "sync.edit.history=10"},
              "10 rounds pass before edit looks for outliers, and the training has 10"));
  CHECK(tells({"sync.aggregate=median", "islands.count=2"},
              "with fewer than 3 islands median is the uniform mean"));
}

// Mutation: check the sizes of a model that is loaded.
TEST_CASE("recipe that loads a model leaves its own sizes alone") {
  auto loaded =
      load_texts({{"r.yaml", "data: {corpus: kjv}\nmodel: {load: some/folder, heads: 3}\n"}});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.model.load == "/jobs/some/folder");
  CHECK(loaded->recipe.model.ffn == 0);
}
