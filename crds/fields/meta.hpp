// What all four kinds share.
#pragma once

#include "crds/fields/facet.hpp"
#include "crds/kinds.hpp"

namespace holdpoint {

template <class V>
void fields(V& v, Tag<ObjectMeta>) {
  using T = ObjectMeta;
  v("name", &T::name, {.doc = ""});
  v("generateName", &T::generate_name, {.doc = ""});
  v("namespace", &T::namespace_, {.doc = ""});
  v("uid", &T::uid, {.doc = ""});
  v("resourceVersion", &T::resource_version, {.doc = ""});
  v("generation", &T::generation, {.doc = ""});
  v("creationTimestamp", &T::creation_timestamp, {.doc = ""});
  v("deletionTimestamp", &T::deletion_timestamp, {.doc = ""});
  v("labels", &T::labels, {.doc = ""});
  v("annotations", &T::annotations, {.doc = ""});
  v("ownerReferences", &T::owner_references, {.doc = ""});
}

template <class V>
void fields(V& v, Tag<Condition>) {
  using T = Condition;
  v("type", &T::type,
    {.doc = "What the condition is about, in CamelCase.", .required = true, .max_length = 316});
  v("status", &T::status,
    {.doc = "True, False or Unknown.",
     .required = true,
     .max_length = 7,
     .pattern = "^(True|False|Unknown)$"});
  v("reason", &T::reason, {.doc = "Why, as one CamelCase word for machines.", .max_length = 1024});
  v("message", &T::message, {.doc = "Why, for people.", .max_length = 32768});
  v("lastTransitionTime", &T::last_transition_time,
    {.doc = "When the status last changed (RFC 3339).", .max_length = bounds::kTime});
  v("observedGeneration", &T::observed_generation,
    {.doc = "The metadata.generation that this was told of."});
}

template <class V>
void fields(V& v, Tag<Identity>) {
  using T = Identity;
  v("username", &T::username,
    {.doc = "User name, as the API server authenticated it.",
     .required = true,
     .max_length = bounds::kUser});
  v("uid", &T::uid,
    {.doc = "User id, where the authenticator has one.", .max_length = bounds::kUser});
  v("groups", &T::groups,
    {.doc = "Groups at that moment.", .max_length = bounds::kUser, .max_items = 1024});
}

template <class V>
void fields(V& v, Tag<LabelRequirement>) {
  using T = LabelRequirement;
  v("key", &T::key,
    {.doc = "Key of the label.", .required = true, .min_length = 1, .max_length = 317});
  v("operator", &T::op,
    {.doc = "In, NotIn, Exists or DoesNotExist.",
     .required = true,
     .max_length = 12,
     .pattern = "^(In|NotIn|Exists|DoesNotExist)$"});
  v("values", &T::values, {.doc = "Values for In and NotIn.", .max_length = 63, .max_items = 64});
}

template <class V>
void fields(V& v, Tag<LabelSelector>) {
  using T = LabelSelector;
  v("matchLabels", &T::match_labels,
    {.doc = "Labels that must all be there with these values.", .max_length = 63, .max_items = 32});
  v("matchExpressions", &T::match_expressions,
    {.doc = "Requirements that must all hold.",
     .max_items = 16,
     .rules = "self.all(e, e.operator in ['In', 'NotIn'] ? size(e.?values.orValue([])) > 0 : "
              "size(e.?values.orValue([])) == 0)\nIn and NotIn need values, Exists and "
              "DoesNotExist take none"});
}

}  // namespace holdpoint
