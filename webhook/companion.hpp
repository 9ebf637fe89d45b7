// The mutating companion: puts the hold on what has to wait, puts it back where somebody took it
// off, and takes it away where the content is approved or back to what it was. It decides nothing:
// the gate checks the final object. Blocking; thread-safe.
#pragma once

#include "webhook/gate.hpp"

namespace holdpoint::webhook {

class Companion {
 public:
  explicit Companion(const Gate& gate) : gate_(gate) {}
  [[nodiscard]] Answer answer(const Write& write, const std::string& policy,
                              Deadline deadline) const;

 private:
  const Gate& gate_;
};

}  // namespace holdpoint::webhook
