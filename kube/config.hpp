// Where the API server is and who we are there: a kubeconfig file (yaml-cpp) or the pod's service
// account.
//
// Understands what service accounts and test clusters use: certificate data or files, token or
// tokenFile. Exec plugins and auth providers are refused with a clear error. Pure but for reading
// files; thread-safe.
#pragma once

#include <string>

#include "kube/client.hpp"

namespace holdpoint::kube {

// The current context, or `context` when not empty. Errors: NotFound (file, context), Invalid.
[[nodiscard]] Result<ApiConfig> load_kubeconfig(const std::string& file,
                                                const std::string& context = {});
// KUBERNETES_SERVICE_HOST/_PORT and the files under /var/run/secrets/kubernetes.io/serviceaccount.
[[nodiscard]] Result<ApiConfig> in_cluster_config();
// The current context of a kubeconfig file, or, where none is given, the pod's service account.
[[nodiscard]] Result<ApiConfig> config_of(const std::string& kubeconfig);

}  // namespace holdpoint::kube
