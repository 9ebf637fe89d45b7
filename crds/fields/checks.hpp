// The checks of an ApprovalPolicy.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

HP_SPELLING(CheckMode, 2, {CheckMode::Require, "Require"}, {CheckMode::Show, "Show"});
HP_SPELLING(Comparison, 8, {Comparison::Equals, "Equals"}, {Comparison::NotEquals, "NotEquals"},
            {Comparison::LessThan, "LessThan"}, {Comparison::AtMost, "AtMost"},
            {Comparison::AtLeast, "AtLeast"}, {Comparison::MoreThan, "MoreThan"},
            {Comparison::Exists, "Exists"}, {Comparison::DoesNotExist, "DoesNotExist"});
HP_SPELLING(WhenMissing, 2, {WhenMissing::Fail, "Fail"}, {WhenMissing::Pass, "Pass"});
HP_SPELLING(HttpMethod, 2, {HttpMethod::Get, "GET"}, {HttpMethod::Post, "POST"});

template <class V>
void fields(V& v, Tag<ObjectCheck>) {
  using T = ObjectCheck;
  v("apiGroup", &T::api_group,
    {.doc = "API group; empty for the core group.",
     .max_length = bounds::kName,
     .pattern = "^[a-z0-9.-]*$"});
  v("resource", &T::resource,
    {.doc = "Plural resource name, such as deployments. Holdpoint must have been granted to get it "
            "(ClusterRoles holdpoint-gated-kinds and holdpoint-checked-kinds). Never secrets.",
     .required = true,
     .min_length = 1,
     .max_length = 63,
     .pattern = bounds::kResource});
  v("namespace", &T::namespace_,
    {.doc = "Its namespace, for namespaced kinds; where it is not given, the target's.",
     .max_length = 63,
     .pattern = bounds::kLabel});
  v("name", &T::name,
    {.doc = "Its name; where it is not given, the target's.",
     .max_length = bounds::kName,
     .pattern = bounds::kObjectName});
  v("field", &T::field,
    {.doc = "JSON pointer (RFC 6901) to a text, number or boolean. In a list a step may also be "
            "key=value, for the first item with that member, as in "
            "/status/conditions/type=Ready/status.",
     .required = true,
     .min_length = 1,
     .max_length = 256,
     .pattern = bounds::kPointer});
  v("is", &T::is,
    {.doc = "What the field must be. LessThan, AtMost, AtLeast and MoreThan compare numbers; "
            "Equals and NotEquals compare numbers as numbers, booleans as true or false, and texts "
            "byte by byte.",
     .default_json = "\"Equals\""});
  v("value", &T::value,
    {.doc = "What it is compared with, always written as text: \"0\", \"true\", \"Healthy\".",
     .max_length = bounds::kText});
  v("missing", &T::missing,
    {.doc = "What it means that there is no such object, or that it has no such field (Kubernetes "
            "leaves out many fields that are 0). Exists and DoesNotExist answer that themselves.",
     .default_json = "\"Fail\""});
}

template <class V>
void fields(V& v, Tag<SeverityLimits>) {
  using T = SeverityLimits;
  v("critical", &T::critical,
    {.doc = "Most critical vulnerabilities of one image.", .rules = bounds::kNotNegative});
  v("high", &T::high, {.doc = "Most high ones.", .rules = bounds::kNotNegative});
  v("medium", &T::medium, {.doc = "Most medium ones.", .rules = bounds::kNotNegative});
  v("low", &T::low, {.doc = "Most low ones.", .rules = bounds::kNotNegative});
  v("unknown", &T::unknown,
    {.doc = "Most ones of unknown severity.", .rules = bounds::kNotNegative});
}

template <class V>
void fields(V& v, Tag<VulnerabilityCheck>) {
  using T = VulnerabilityCheck;
  v("atMost", &T::at_most,
    {.doc = "How many vulnerabilities each image may have, by severity; a severity that is not "
            "named is not limited.",
     .required = true,
     .rules = "has(self.critical) || has(self.high) || has(self.medium) || has(self.low) || "
              "has(self.unknown)\nlimit at least one severity"});
  v("maxReportAge", &T::max_report_age,
    {.doc = "Older reports count as missing. A duration, 1s to 8760h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"24h\"",
     .rules = bounds::kDurationRule});
  v("missing", &T::missing,
    {.doc = "What it means that an image has no report that is young enough. Pass: it is told, and "
            "no more.",
     .default_json = "\"Fail\""});
  v("namespaces", &T::namespaces,
    {.doc = "Namespaces whose reports count; all, where none is given. Whoever may write reports "
            "in one of them can make an image look clean that has no other report.",
     .min_length = 1,
     .max_length = 63,
     .pattern = bounds::kLabel,
     .max_items = 16});
}

template <class V>
void fields(V& v, Tag<HttpCheck>) {
  using T = HttpCheck;
  v("method", &T::method,
    {.doc = "POST sends the request as JSON; GET sends nothing, but {namespace} and {request} in "
            "the address are filled in.",
     .default_json = "\"POST\""});
  v("secretRef", &T::secret_ref,
    {.doc = "Name of a Secret in Holdpoint's own namespace: its key url is whom to ask, token "
            "(optional) is sent as bearer token, ca.crt (optional) is whom to trust.",
     .required = true,
     .min_length = 1,
     .max_length = bounds::kName,
     .pattern = bounds::kObjectName});
  v("timeout", &T::timeout,
    {.doc = "How long it may take to answer. A duration, 1s to 30s.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"10s\"",
     .rules = bounds::kTimeoutRule});
}

template <class V>
void fields(V& v, Tag<Check>) {
  using T = Check;
  v("name", &T::name,
    {.doc = "Name of the check, for people.",
     .required = true,
     .min_length = 1,
     .max_length = 40,
     .pattern = bounds::kLabel});
  v("mode", &T::mode,
    {.doc = "Require: nothing passes without it. Show: approvers see it, and no more.",
     .default_json = "\"Require\""});
  v("maxAge", &T::max_age,
    {.doc = "How old its result may be when the change is let through; it is looked up again at "
            "half of that. A duration, 5s to 24h.",
     .max_length = bounds::kDurationLength,
     .default_json = "\"5m\"",
     .rules = bounds::kMaxAgeRule});
  v("object", &T::object,
    {.doc = "A field of an object of the cluster.",
     .rules = "self.resource != 'secrets' || self.?apiGroup.orValue('') != ''\nSecrets cannot be "
              "checked: what they hold would show in requests\n\n"
              "(self.?is.orValue('Equals') in ['Exists', 'DoesNotExist']) != has(self.value)\ngive "
              "a value to compare with; Exists and DoesNotExist take none"});
  v("vulnerabilityReports", &T::vulnerability_reports,
    {.doc = "The VulnerabilityReports of the Trivy operator about the images of the proposed "
            "content: by digest, where the image has one, else by repository and tag."});
  v("http", &T::http,
    {.doc = "An HTTP endpoint that answers {\"result\": \"pass\" or \"fail\", \"text\": "
            "\"...\"}. Any other answer is no result."});
}

}  // namespace holdpoint
