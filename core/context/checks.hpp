// What a check says: from what was fetched to Pass, Fail or Unknown, and one line for people.
//
// Everything that comes in is from outside and may be hostile: texts are made visible and bounded,
// and what is not understood is Unknown, never Pass. What each comparison means stands at the
// functions. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "core/context/images.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

struct Finding {
  CheckOutcome result = CheckOutcome::Unknown;
  std::string text;  // one line, at most 300 characters
};

[[nodiscard]] Finding unknown(const std::string& why);

// `object` null: there is none. `what` names it: "Deployment shop/web". A field that is missing, or
// null, is what check.missing says; Exists and DoesNotExist answer that themselves. A list or
// object is neither text nor number: Unknown but for Exists and DoesNotExist. Numbers compare
// exactly as far as they are integers of 64 bits, else as doubles; a text that is no number is
// neither less nor more than one: Unknown.
[[nodiscard]] Finding judge_object(const ObjectCheck& check, const std::string& what,
                                   const RawObject& object);

// `reports` are VulnerabilityReports (aquasecurity.github.io/v1alpha1), of any image; those about
// `images` that are not older than check.max_report_age count, and all of them must be within the
// limits: a clean one does not hide another. A digest is met by a digest alone; without one,
// registry, repository and tag must be the report's, and the text says so.
[[nodiscard]] Finding judge_reports(const VulnerabilityCheck& check,
                                    const std::vector<ContainerImage>& images,
                                    const std::vector<Json>& reports, Instant now);
// Whether a report of which these columns are known may be about one of the images, so that it has
// to be read whole. Of a digest that is kept elsewhere too, the last part of the path must be the
// same.
[[nodiscard]] bool may_concern(const std::vector<ContainerImage>& images,
                               const std::string& repository, const std::string& tag);

// An endpoint's answer: 200 and {"result": "pass" or "fail", "text": "..."}; all else is Unknown.
[[nodiscard]] Finding judge_answer(int status, const std::string& body);
// What it is asked: the request as it is, without what is kept in it for other purposes (base and
// proposed) and the server's own metadata.
[[nodiscard]] Json question_of(const ApprovalRequest& request, const std::string& check);

}  // namespace holdpoint
