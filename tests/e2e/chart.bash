# The chart on the node: the part of tests/e2e/run that is about Holdpoint. It is read by that, and has its words.

# How long certificates last: short, so that both leaf and authority are turned over while the rest is tested.
soak=${HOLDPOINT_SOAK:-0}
leaf=90s authority=3m
((soak == 0)) || leaf=2m authority=6m
started=$(now)

export HELM_CACHE_HOME=$work/helm/cache HELM_CONFIG_HOME=$work/helm/config HELM_DATA_HOME=$work/helm/data
cat >"$work/values.yaml" <<YAML
certificates: {selfSigned: {leafLife: $leaf, authorityLife: $authority}}
# Where the programs have sanitizers: those need more than a pod may do to look for leaks, and memory to look back.
webhook: &part
  extraEnv: [{name: ASAN_OPTIONS, value: "detect_leaks=0:quarantine_size_mb=32"}]
operator: *part
YAML

cp -r charts/holdpoint "$work/chart-before"
sed -i -E 's/^(version|appVersion): .*/\1: "0.0.9"/' "$work/chart-before/Chart.yaml"
quiet helm install holdpoint "$work/chart-before" -n "$home" --create-namespace --wait --timeout 3m \
  -f "$work/values.yaml" --set image.tag=before
told "helm install --wait: $(since "$started") s"
quiet helm test holdpoint -n "$home" --timeout 2m
step "the chart is installed, and its own test passes"

# What the load writes is there before anything gates it.
jq -n '{apiVersion: "v1", kind: "List", items: [range(38) | {apiVersion: "v1", kind: "ConfigMap", data: {n: "\(.)"},
  metadata: {name: "load-\(.)", namespace: "production", labels: {"feature-flags": "true"}}}]}' >"$work/load.json"
quiet kubectl apply -f "$work/load.json"

# The story of the demo. Its pods ask for less than a shop would, so that all fit on two processors.
cp -r examples/demo "$work/demo"
sed -i -E -e 's/cpu: [0-9]+m/cpu: 10m/' -e 's/memory: (32|64|128|256)Mi/memory: 16Mi/' \
  -e 's|(.*)image: .*exporter:.*|&\n        args: ["--listen=:9102"]|' \
  -e 's/configMap: \{name: shop-config\}/configMap: {name: shop-config, optional: true}/' "$work/demo"/*.yaml
quiet kubectl create secret generic shop-session -n production --from-literal=key=0123456789
quiet kubectl create secret generic shop-database -n production --from-literal=url=postgres://db
NO_COLOR=1 HOLDPOINT_DEMO_ON=$cluster HOLDPOINT_DEMO_FILES=$work/demo quiet hack/demo
quiet kubectl rollout status deployment/shop -n production --timeout=90s
quiet kubectl wait --for=condition=complete job/shop-migrate-2-4 -n production --timeout=60s
[[ $(kubectl logs job/shop-migrate-2-4 -n production) == "migrated 3 tables" ]] || fail "the migration has other words"
shop_pods() { kubectl get pods -n production -l app.kubernetes.io/name=shop,app.kubernetes.io/component!=migration "$@"; }
shop_serves() {
  local pod
  for pod in $(shop_pods -o name); do
    [[ $(kubectl get --raw "/api/v1/namespaces/production/pods/${pod#pod/}:8080/proxy/") == "hello from ${pod#pod/}" ]] ||
      return 1
  done
}
within 20 shop_serves
[[ $(shop_pods -o jsonpath='{.items[*].spec.containers[0].image}' | tr ' ' '\n' | sort -u) == "$shop/web:2.4.1" ]] ||
  fail "other pods run than the approved ones"
step "the story of the demo, with pods that run"

# shellcheck source=/dev/null
. tests/e2e/failures.bash

quiet helm uninstall holdpoint -n "$home" --wait --timeout 3m
configurations() { kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -l app.kubernetes.io/part-of=holdpoint -o name; }
[[ -z $(configurations) ]] || fail "the gate is still up: $(configurations)"
quiet developer set image deployment/shop web="$shop/web:2.4.0"
[[ -z $(developer get deployment shop -o jsonpath='{.spec.paused}') ]] || fail "it is held after the uninstallation"
quiet developer create configmap after --from-literal=a=b
quiet developer rollout status deployment/shop --timeout=60s
kubectl get auditrecords -n "$home" -o jsonpath='{.items[*].spec.fact}' | grep Disarmed >/dev/null || fail "the trail does not say so"
step "uninstalled, and nothing is locked out"
