// Flux's source-controller, of which the tests need the kinds alone: `go mod tidy` would find nothing that imports it.
module holdpoint.dev/hack/assets/flux-sources

go 1.26.0

require github.com/fluxcd/source-controller v1.9.4
