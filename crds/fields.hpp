// The one field list of each struct: JSON name, member, documentation and bounds. Decoder, encoder,
// schema and reference are visitors over it. Private to this room.
#pragma once

#include "crds/fields/approval.hpp"
#include "crds/fields/checks.hpp"
#include "crds/fields/meta.hpp"
#include "crds/fields/policy.hpp"
#include "crds/fields/record.hpp"
#include "crds/fields/request.hpp"

#undef HP_SPELLING
