#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/framework/recipe/problems.h>

namespace outrigger {

// The checks name the keys they look at: with a bad one among them they keep quiet, and the first
// one that the user set is where the message points. Each area has a file, check_AREA.cpp.
class Checker {
 public:
  Checker(LoadedRecipe& loaded, Problems& problems)
      : r_(loaded.recipe), loaded_(loaded), problems_(problems) {}

  void run();

 private:
  using Keys = std::initializer_list<const char*>;

  bool is_set(const char* key) const;
  // Set to something else than its default, which a resolved recipe spells out for every key.
  bool is_changed(const char* key) const;
  // {where, key} of the first key on the command line, else of the first that a file sets, else of
  // the first.
  std::pair<std::string, std::string> place(Keys keys) const;
  void refuse_if(bool wrong, Keys keys, const std::string& what);
  void warn_if(bool strange, Keys keys, const std::string& what);
  void derive(const char* key, std::int64_t& size, std::int64_t value, const char* from);
  bool may_be_text() const;

  void derive_sizes();
  void explain_loaded_model();
  void check_model();
  void check_data();
  void check_evaluation();
  void check_sample();

  // A short run should not be refused for a warm-up that nobody asked for.
  void derive_warmup();
  void check_inner();
  void check_train();
  void check_experiment();

  void check_outer();
  void check_aggregate();
  void check_asynchronous();
  void check_gossip();

  void check_sync();
  void check_topology();
  // One error: whatever is wrong, is for one reason.
  void check_all_reduce();
  void check_schedule();

  void check_codecs();
  bool gathers(const Codec& codec, const Codec& result) const;
  void check_low_rank();
  void check_feedback(const Codec& codec);

  Recipe& r_;
  LoadedRecipe& loaded_;
  Problems& problems_;
};

}  // namespace outrigger
